"""protocol/checkpoint.py: heads, the log's own signature, and whom to count as a witness."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.checkpoint import (
    Checkpoint,
    check_quorum,
    cosign,
    merge_signatures,
    parse_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
    verify_cosignatures,
)
from protocol.errors import BadSignature, Malformed, NoQuorum
from protocol.note import COSIGNATURE, MAX_SIGNATURES, Note, Signature, format_note, parse_note
from protocol.tlog import EMPTY_ROOT
from tests.protocol.naive import AT, ORIGIN, signer

LOG = signer()
HEAD = Checkpoint(ORIGIN, 5, b"r" * 32)
WITNESSES = [signer(f"w{number}.example", COSIGNATURE, 10 + number) for number in range(3)]
KEYS = [witness.key for witness in WITNESSES]

EXAMPLE = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9"
    "nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZ"
    "qhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
).encode()
"""From the specification of cosignatures, which gives neither key: it can be read and not verified."""


def test_example_of_the_specification_is_read() -> None:
    note = parse_note(EXAMPLE)
    head = parse_checkpoint(note.text)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert head.format() == note.text
    assert format_note(note) == EXAMPLE
    log, witness = note.signatures
    assert (log.name, log.key_id.hex(), len(log.data)) == ("example.com/behind-the-sofa", "033de0ae", 64)
    assert (witness.name, len(witness.data)) == ("witness.example.com/w1", 72)
    assert int.from_bytes(witness.data[:8], "big") == 1679315147


@given(
    st.from_regex(r"[^\n\ud800-\udfff]+", fullmatch=True),
    st.integers(1, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
)
def test_checkpoint_is_read_as_it_was_written(origin: str, size: int, root: bytes) -> None:
    head = Checkpoint(origin, size, root)
    assert parse_checkpoint(head.format()) == head


@given(st.binary(max_size=200))
def test_any_bytes_as_checkpoint(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(data)
    with pytest.raises(Malformed):
        verify_checkpoint(data, [LOG.key])


@given(st.integers(0, 100), st.binary(max_size=3), st.integers(0, 3))
def test_a_changed_text_is_refused_or_has_one_form(place: int, insert: bytes, cut: int) -> None:
    data = HEAD.format()[:place] + insert + HEAD.format()[place + cut :]
    try:
        head = parse_checkpoint(data)
    except Malformed:
        return
    assert head.format() == data


ROOT = "cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI="


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"\n5\n{ROOT}\n",
        f"a\n5\n{ROOT}",
        f"a\n5\n{ROOT}\nextension\n",
        f"a\n5\n{ROOT}\n\n",
        "a\n5\n",
        f"a\n05\n{ROOT}\n",
        f"a\n-5\n{ROOT}\n",
        f"a\n\u0665\n{ROOT}\n",
        f"a\n{1 << 63}\n{ROOT}\n",
        f"a\n5\n{ROOT[:-1]}\n",
        f"a\n5\n{ROOT.replace('I=', 'J=')}\n",
        "a\n5\ncnJy\n",
        f"a\n0\n{ROOT}\n",
    ],
)
def test_bad_checkpoints(text: str) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(text.encode())


def test_empty_log() -> None:
    head = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    data = format_note(sign_checkpoint(head, LOG))
    assert verify_checkpoint(data, [LOG.key])[0] == head


def test_own_signature() -> None:
    data = format_note(sign_checkpoint(HEAD, LOG))
    assert verify_checkpoint(data, [LOG.key]) == (HEAD, parse_note(data))
    with pytest.raises(BadSignature):
        verify_checkpoint(data.replace(b"\n5\n", b"\n6\n"), [LOG.key])
    with pytest.raises(BadSignature):
        verify_checkpoint(data, [signer(seed=2).key])


def test_the_key_is_named_by_the_origin() -> None:
    other = Checkpoint("police.de.example/network", 5, b"r" * 32)
    with pytest.raises(BadSignature, match="origin"):
        verify_checkpoint(format_note(sign_checkpoint(other, LOG)), [LOG.key])


def test_a_witness_does_not_speak_for_the_log() -> None:
    cosigner = signer(ORIGIN, COSIGNATURE)
    with pytest.raises(BadSignature):
        verify_checkpoint(format_note(sign_checkpoint(HEAD, cosigner)), [cosigner.key])


def test_rotation_takes_the_old_key_and_the_new() -> None:
    old, new = signer(seed=1), signer(seed=2)
    for one in (old, new):
        assert verify_checkpoint(format_note(sign_checkpoint(HEAD, one)), [new.key, old.key])[0] == HEAD


def test_cosignature_message_is_that_of_the_specification() -> None:
    note = cosign(sign_checkpoint(HEAD, LOG), WITNESSES[0], AT + timedelta(milliseconds=900))
    line = note.signatures[-1]
    stamp = int(AT.timestamp())
    assert line.data[:8] == stamp.to_bytes(8, "big")
    WITNESSES[0].key.check(f"cosignature/v1\ntime {stamp}\n".encode() + HEAD.format(), line.data[8:])
    (cosignature,) = verify_cosignatures(note, KEYS)
    assert (cosignature.key, cosignature.at) == (KEYS[0], AT)


def test_distinct_witnesses_count_once_with_their_newest_word() -> None:
    note = sign_checkpoint(HEAD, LOG)
    for minutes in (1, 3, 2):
        note = cosign(note, WITNESSES[0], AT + timedelta(minutes=minutes))
    note = cosign(note, WITNESSES[1], AT)
    found = verify_cosignatures(note, [*KEYS, *KEYS])
    assert [(one.key.name, one.at) for one in found] == [
        ("w0.example", AT + timedelta(minutes=3)),
        ("w1.example", AT),
    ]
    assert check_quorum(note, KEYS, 2) == found
    with pytest.raises(NoQuorum, match="2 of 3"):
        check_quorum(note, [*KEYS, *KEYS], 3)


def test_the_same_key_under_two_names_counts_once() -> None:
    twin = signer("twin.example", COSIGNATURE, 10)
    note = cosign(cosign(sign_checkpoint(HEAD, LOG), WITNESSES[0], AT), twin, AT)
    assert len(verify_cosignatures(note, [*KEYS, twin.key])) == 1


def test_lines_that_a_carrier_adds_do_no_harm() -> None:
    note = cosign(sign_checkpoint(HEAD, LOG), WITNESSES[0], AT)
    good = note.signatures[-1]
    poison = (
        Signature(good.name, good.key_id, b"x"),
        Signature(good.name, good.key_id, bytes(72)),
        Signature(good.name, good.key_id, b"\xff" * 8 + good.data[8:]),
        Signature("somebody.example", good.key_id, good.data),
        *cosign(sign_checkpoint(Checkpoint(ORIGIN, 6, b"s" * 32), LOG), WITNESSES[1], AT).signatures[1:],
    )
    poisoned = Note(note.text, (note.signatures[0], *poison, good))
    assert [one.key.name for one in check_quorum(poisoned, KEYS, 1)] == ["w0.example"]
    assert verify_checkpoint(format_note(poisoned), [LOG.key])[0] == HEAD


@pytest.mark.parametrize("stamp", [1 << 40, 253402300800, 1 << 62, (1 << 63) - 1, (1 << 64) - 1])
def test_a_time_beyond_the_calendar_is_no_time(stamp: int) -> None:
    witness = WITNESSES[0]
    note = sign_checkpoint(HEAD, LOG)
    signed = witness.sign(f"cosignature/v1\ntime {stamp}\n".encode() + note.text)
    line = Signature(witness.name, witness.key.key_id, stamp.to_bytes(8, "big") + signed)
    assert verify_cosignatures(Note(note.text, (line,)), KEYS) == []


def test_last_second_of_the_calendar() -> None:
    last = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    note = cosign(sign_checkpoint(HEAD, LOG), WITNESSES[0], last)
    assert verify_cosignatures(note, KEYS)[0].at == last


def test_a_logs_key_is_no_witness() -> None:
    assert verify_cosignatures(sign_checkpoint(HEAD, LOG), [LOG.key]) == []
    check_quorum(sign_checkpoint(HEAD, LOG), [], 0)


@given(st.lists(st.binary(min_size=1, max_size=80), max_size=5))
def test_any_bytes_as_cosignature(lines: list[bytes]) -> None:
    key = KEYS[0]
    note = Note(HEAD.format(), tuple(Signature(key.name, key.key_id, data) for data in lines))
    assert verify_cosignatures(note, KEYS) == []


def test_merged_lines_stand_once() -> None:
    note = cosign(sign_checkpoint(HEAD, LOG), WITNESSES[0], AT)
    more = cosign(sign_checkpoint(HEAD, LOG), WITNESSES[1], AT).signatures
    merged = parse_note(merge_signatures(note, (*more, *more)))
    assert [line.name for line in merged.signatures] == [ORIGIN, "w0.example", "w1.example"]
    assert len(check_quorum(merged, KEYS, 2)) == 2


def test_merging_never_makes_what_cannot_be_read() -> None:
    note = sign_checkpoint(HEAD, LOG)
    lines = [Signature("w.example", number.to_bytes(4, "big"), b"x") for number in range(MAX_SIGNATURES)]
    assert len(parse_note(merge_signatures(note, lines[:-1])).signatures) == MAX_SIGNATURES
    with pytest.raises(Malformed, match="more than 64"):
        merge_signatures(note, lines)
