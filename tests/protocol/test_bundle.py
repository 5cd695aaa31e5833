"""protocol/bundle.py: who made a bundle for whom, and what the parts of one are."""

from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from protocol.bundle import (
    BUNDLE_TYPE,
    CHUNK_SIZE,
    MAX_KNOWN_BYTES,
    MAX_RECORD_BYTES,
    FeedRecord,
    OtherRecord,
    format_bundle_statement,
    format_known,
    format_record_header,
    open_chunk,
    parse_known,
    parse_record_header,
    seal_chunk,
    verify_bundle_statement,
)
from protocol.errors import BadSignature, Malformed, NotAuthorized
from protocol.receipt import MAX_RECEIPT_LENGTH
from protocol.token import LEEWAY, TokenSigner
from tests.members import NOW, MemberKeys

MAKER, READER = MemberKeys("police.fr.example"), "police.br.example"
CIPHER = ChaCha20Poly1305(b"k" * 32)
HASH = "ab" * 32


def find(member: str, kid: str, at: datetime) -> bytes:
    if (member, kid) != (MAKER.id, MAKER.kid):
        raise NotAuthorized("no such key")
    return MAKER.token.public_key().public_bytes_raw()


def test_a_statement_is_read_as_it_was_signed() -> None:
    token = format_bundle_statement(MAKER.signer, READER, b"d" * 32, NOW, "bundle-1")
    found = verify_bundle_statement(token, READER, find, NOW + timedelta(days=90))
    assert (found.issuer, found.at, found.token_id) == (MAKER.id, NOW, "bundle-1")
    assert found.digest == b"d" * 32


def test_bad_statements() -> None:
    token = format_bundle_statement(MAKER.signer, READER, b"d" * 32, NOW, "bundle-1")
    with pytest.raises(NotAuthorized, match="another member"):
        verify_bundle_statement(token, "police.de.example", find, NOW)
    with pytest.raises(NotAuthorized, match="from the future"):
        verify_bundle_statement(token, READER, find, NOW - LEEWAY - timedelta(seconds=1))
    stranger = TokenSigner(MAKER.id, MAKER.kid, Ed25519PrivateKey.generate())
    with pytest.raises(BadSignature):
        verify_bundle_statement(
            format_bundle_statement(stranger, READER, b"d" * 32, NOW, "bundle-1"), READER, find, NOW
        )
    with pytest.raises(NotAuthorized):
        verify_bundle_statement(
            format_bundle_statement(MemberKeys("x.example").signer, READER, b"d" * 32, NOW, "b"),
            READER,
            find,
            NOW,
        )
    for claims in ({"aud": READER, "jti": "1", "sha256": "x"}, {"aud": READER, "sha256": HASH}):
        with pytest.raises(Malformed):
            verify_bundle_statement(MAKER.signer.sign(BUNDLE_TYPE, claims, NOW), READER, find, NOW)
    with pytest.raises(Malformed):
        verify_bundle_statement(MAKER.signer.sign("gmcn-receipt+jwt", {}, NOW), READER, find, NOW)


@given(st.binary(max_size=200), st.integers(0, 1 << 40), st.booleans())
def test_a_chunk_opens_in_its_own_place_alone(plain: bytes, index: int, last: bool) -> None:
    sealed = seal_chunk(CIPHER, index, plain, last=last)
    assert open_chunk(CIPHER, index, sealed, last=last) == plain
    for number, end in ((index + 1, last), (index, not last)):
        with pytest.raises(Malformed):
            open_chunk(CIPHER, number, sealed, last=end)
    with pytest.raises(Malformed):
        open_chunk(CIPHER, index, sealed[:-1], last=last)
    with pytest.raises(Malformed):
        open_chunk(ChaCha20Poly1305(b"x" * 32), index, sealed, last=last)


def test_a_full_chunk_opens() -> None:
    assert open_chunk(CIPHER, 0, seal_chunk(CIPHER, 0, b"x" * CHUNK_SIZE, last=True), last=True)


FEED = "mirrors/police.fr.example/network"
PATHS = {
    f"{FEED}/checkpoint": ("checkpoint", ""),
    f"{FEED}/readers": ("readers", ""),
    f"{FEED}/pruned/512": ("pruned", "512"),
    f"{FEED}/tile/entries/x001/067.p/3": ("entries", "x001/067.p/3"),
    f"{FEED}/documents/{HASH}": ("documents", HASH),
    f"{FEED}/direct/{HASH}": ("direct", HASH),
    f"{FEED}/photographs/{HASH}": ("photographs", HASH),
}


@pytest.mark.parametrize("path", PATHS)
def test_records_of_a_feed(path: str) -> None:
    kind, name = PATHS[path]
    record = FeedRecord("police.fr.example", "network", kind, name)
    assert parse_record_header(format_record_header(path, 17)) == (record, 17)


@pytest.mark.parametrize(
    ("path", "kind"), [("receipts/0", "receipts"), ("returned/12", "returned"), ("known", "known")]
)
def test_other_records(path: str, kind: str) -> None:
    assert parse_record_header(format_record_header(path, 17)) == (OtherRecord(kind), 17)
    most = MAX_KNOWN_BYTES if kind == "known" else MAX_RECEIPT_LENGTH
    with pytest.raises(Malformed):
        parse_record_header(format_record_header(path, most + 1))


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"known\n",
        b"known x\n",
        b"known 01\n",
        b"known -1\n",
        b"known  1\n",
        b"receipts/x 1\n",
        b"receipts/ 1\n",
        b"mirrors/no_id/network/checkpoint 1\n",
        b"mirrors/a..b/network/checkpoint 1\n",
        f"{FEED}/checkpoint {MAX_RECORD_BYTES + 1}\n".encode(),
        f"{FEED}/checkpoint/ 1\n".encode(),
        f"{FEED}/tile/0/000 1\n".encode(),
        f"{FEED}/tile/entries/0 1\n".encode(),
        f"{FEED}/tile/entries/../0 1\n".encode(),
        f"{FEED}/documents/{HASH.upper()} 1\n".encode(),
        f"{FEED.replace('network', 'public')}/checkpoint 1\n".encode(),
    ],
)
def test_what_is_no_record(line: bytes) -> None:
    with pytest.raises(Malformed):
        parse_record_header(line)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_record_or_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        parse_record_header(line)


@given(st.dictionaries(st.text(max_size=255).filter(str.isascii), st.integers(0, (1 << 63) - 1), max_size=5))
def test_sizes_are_read_as_they_were_written(sizes: dict[str, int]) -> None:
    assert parse_known(format_known(sizes)) == sizes


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"feeds":[]}',
        b'{"feeds":{"a":-1}}',
        b'{"feeds":{"a":true}}',
        b'{"feeds":{"a":1.5}}',
        b'{"feeds":{"a":9223372036854775808}}',
        b'{"feeds":{"' + b"a" * 256 + b'":1}}',
    ],
)
def test_sizes_that_are_none(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_known(data)
