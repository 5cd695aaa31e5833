"""protocol/note.py: the published example, the one form, and lines that others put in."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.encoding import format_base64
from protocol.errors import BadSignature, Malformed
from protocol.note import (
    COSIGNATURE,
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Note,
    Signature,
    VerifierKey,
    format_note,
    parse_note,
    sign_text,
    verify_note,
)
from tests.protocol.naive import signer

EXAMPLE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72"
    "IneyaQM=\n"
).encode()
"""Both from the specification of signed notes, "Verifier keys", "Example"."""

NAMES = st.from_regex(r"[^\s+\x00-\x20\x7f\ud800-\udfff]{1,255}", fullmatch=True)
SIGNATURES = st.builds(
    Signature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32) | st.just("\n")).map(
    lambda text: (text + "\n").encode()
)


def test_example_of_the_specification() -> None:
    key = VerifierKey.parse(EXAMPLE_VKEY)
    assert key.format() == EXAMPLE_VKEY
    note = parse_note(EXAMPLE_NOTE)
    assert note.text == b"This is an example message.\n"
    assert verify_note(note, [key]) == key
    assert format_note(note) == EXAMPLE_NOTE


@given(TEXTS, st.lists(SIGNATURES, min_size=1, max_size=5))
def test_note_is_read_as_it_was_written(text: bytes, signatures: list[Signature]) -> None:
    note = Note(text, tuple(signatures))
    assert parse_note(format_note(note)) == note


@given(st.binary(max_size=300))
def test_any_bytes_as_note(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_note(data)


@given(st.integers(0, len(EXAMPLE_NOTE) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_a_changed_note_is_refused_or_has_one_form(place: int, insert: bytes, cut: int) -> None:
    data = EXAMPLE_NOTE[:place] + insert + EXAMPLE_NOTE[place + cut :]
    try:
        note = parse_note(data)
    except Malformed:
        return
    assert format_note(note) == data
    if data != EXAMPLE_NOTE:
        with pytest.raises(BadSignature):
            verify_note(note, [VerifierKey.parse(EXAMPLE_VKEY)])


LINE = "— example.com/foo AAAAAAA=\n"


@pytest.mark.parametrize(
    "data",
    [
        "",
        "text\n",
        "text\n\n",
        "text" + LINE,
        "text\n" + LINE,
        "text\n\n" + LINE[:-1],
        "text\n\n" + LINE + "\n",
        "text\n\n" + LINE + "more\n",
        "text\r\n\r\n" + LINE,
        "te\x00xt\n\n" + LINE,
        "te\txt\n\n" + LINE,
        "text\n\n" + LINE.replace("— ", "—"),
        "text\n\n" + LINE.replace("—", "-"),
        "text\n\n" + LINE.replace("—", "–"),
        "text\n\n" + LINE.replace("foo ", "foo  "),
        "text\n\n" + LINE.replace("foo", "f+o"),
        "text\n\n" + LINE.replace("foo", "f\u00a0o"),
        "text\n\n" + LINE.replace("foo", "f\u2028o"),
        "text\n\n" + LINE.replace("example.com/foo", ""),
        "text\n\n" + LINE.replace("AAAAAAA=", "AAAAAA=="),
        "text\n\n" + LINE.replace("AAAAAAA=", "AAAAAAB="),
        "text\n\n" + LINE.replace("AAAAAAA=", "AAAAAAA= "),
        "text\n\n" + LINE.replace("AAAAAAA=", ""),
        pytest.param("text\n\n" + LINE.replace("foo", "f" * 300), id="long name"),
        pytest.param("text\n\n" + LINE * (MAX_SIGNATURES + 1), id="too many"),
        pytest.param("t" * MAX_NOTE_BYTES + "\n\n" + LINE, id="too long"),
    ],
)
def test_bad_notes(data: str) -> None:
    with pytest.raises(Malformed):
        parse_note(data.encode())


def test_note_that_is_not_utf8() -> None:
    with pytest.raises(Malformed, match="UTF-8"):
        parse_note(b"t\xffxt\n\n" + LINE.encode())


def test_the_last_empty_line_divides() -> None:
    note = parse_note(("a\n\nb\n\n\n" + LINE).encode())
    assert note.text == b"a\n\nb\n\n"
    assert parse_note(("\n\n" + LINE).encode()).text == b"\n"


def test_as_many_signatures_as_are_allowed() -> None:
    assert len(parse_note(("text\n\n" + LINE * MAX_SIGNATURES).encode()).signatures) == MAX_SIGNATURES


@given(NAMES, st.sampled_from([1, 4]), st.binary(min_size=32, max_size=32))
def test_vkey_is_read_as_it_was_written(name: str, kind: int, public: bytes) -> None:
    key = VerifierKey(name, kind, public)
    assert VerifierKey.parse(key.format()) == key


@given(st.text(max_size=100) | st.from_regex(r"[a-z]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", fullmatch=True))
def test_any_text_as_vkey(text: str) -> None:
    with pytest.raises(Malformed):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    "vkey",
    [
        EXAMPLE_VKEY.replace("530d903a", "530d903b"),
        EXAMPLE_VKEY.replace("530d903a", "530D903A"),
        EXAMPLE_VKEY.replace("foo", "fop"),
        EXAMPLE_VKEY + "\n",
        EXAMPLE_VKEY[:-4],
        EXAMPLE_VKEY.replace("+", "-", 1),
        "example\udc80" + EXAMPLE_VKEY.removeprefix("example.com"),
        VerifierKey("example.com/foo", 6, bytes(32)).format(),
    ],
)
def test_bad_vkeys(vkey: str) -> None:
    with pytest.raises(Malformed):
        VerifierKey.parse(vkey)


def test_the_kind_of_a_key_is_in_its_id() -> None:
    public = signer().key.public
    assert VerifierKey("a", 1, public).key_id != VerifierKey("a", COSIGNATURE, public).key_id


def test_unknown_lines_are_passed_over_and_a_bad_one_of_a_known_key_is_not() -> None:
    log, other = signer(seed=1), signer(seed=2)
    text = b"text\n"
    good = sign_text(text, log)
    stranger = sign_text(text, other)
    same_id = replace(good, name="somebody.example", data=b"x")
    same_name = replace(good, key_id=b"\0\0\0\0", data=b"x")
    assert verify_note(Note(text, (stranger, same_id, same_name, good)), [log.key]) == log.key
    for lines in ((good, replace(good, data=bytes(64))), (replace(good, data=b"x"), good)):
        with pytest.raises(BadSignature, match="does not verify"):
            verify_note(Note(text, lines), [log.key])
    with pytest.raises(BadSignature, match="no trusted key"):
        verify_note(Note(text, (stranger, same_id, same_name)), [log.key])
    with pytest.raises(BadSignature, match="no trusted key"):
        verify_note(Note(text, (good,)), [])


def test_the_first_key_that_signed_is_returned() -> None:
    old, new = signer(seed=1), signer(seed=2)
    note = Note(b"text\n", (sign_text(b"text\n", old), sign_text(b"text\n", new)))
    assert verify_note(note, [new.key, old.key]) == new.key
    assert verify_note(note, [old.key, new.key]) == old.key


def test_a_signature_over_another_text_does_not_count() -> None:
    log = signer()
    with pytest.raises(BadSignature):
        verify_note(Note(b"text\n", (sign_text(b"next\n", log),)), [log.key])


@given(st.binary(max_size=40), st.binary(max_size=100))
def test_any_bytes_as_key_and_signature(public: bytes, signature: bytes) -> None:
    with pytest.raises(BadSignature):
        VerifierKey("a", 1, public).check(b"message", signature)


def test_base64_of_a_line_is_strict() -> None:
    log = signer()
    line = sign_text(b"text\n", log)
    text = format_note(Note(b"text\n", (line,)))
    packed = format_base64(line.key_id + line.data)
    assert packed.endswith("=")
    for spelling in (packed.rstrip("="), packed + "=", packed.replace("=", "\u00a0=")):
        with pytest.raises(Malformed):
            parse_note(text.replace(packed.encode(), spelling.encode()))
