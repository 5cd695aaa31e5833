"""node/adapters/bundles.py: what was written is read from any place, and nothing else is."""

import hashlib
import io
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey

from node.adapters.bundles import BundleReader, BundleWriter, PlaceIndex
from protocol.bundle import CHUNK_SIZE, MAX_RECORD_BYTES, FeedRecord, format_record_header
from protocol.errors import BadProof, Malformed
from tests.members import NOW, MemberKeys

MAKER, RECEIVER = MemberKeys("police.fr.example"), MemberKeys("police.br.example")
BASE = "mirrors/police.fr.example/network"


def find(member: str, kid: str, at: datetime) -> bytes:
    return MAKER.token.public_key().public_bytes_raw()


def written(folder: Path, *records: tuple[str, bytes], raw: bytes = b"") -> bytes:
    target = io.BytesIO()
    (key,) = RECEIVER.entry().sealing_keys
    with BundleWriter(folder, MAKER.signer, RECEIVER.id, key) as writer:
        for path, data in records:
            writer.add(path, data)
        writer._plain += raw
        writer.finish(target, NOW)
    assert list(folder.iterdir()) == []
    return target.getvalue()


def opened(data: bytes) -> BundleReader:
    keys = [MLKEM768X25519PrivateKey(*RECEIVER.sealing)]
    return BundleReader(io.BytesIO(data), RECEIVER.id, find, keys, NOW)


def photographs(sizes: list[int]) -> Iterator[tuple[str, bytes]]:
    for size in sizes:
        data = os.urandom(size)
        yield f"{BASE}/photographs/{hashlib.sha256(data).hexdigest()}", data


@pytest.mark.parametrize(
    "sizes",
    [
        [],
        [0],
        [1],
        [CHUNK_SIZE],
        [CHUNK_SIZE - len(format_record_header(f"{BASE}/photographs/{'a' * 64}", CHUNK_SIZE))],
        [10, CHUNK_SIZE * 3 + 5, 0, 70_000, 3],
        [MAX_RECORD_BYTES],
    ],
)
def test_what_was_written_is_read_in_order_and_from_any_place(tmp_path: Path, sizes: list[int]) -> None:
    records = list(photographs(sizes))
    reader = opened(written(tmp_path, *records))
    found = list(reader.records())
    for (path, data), (record, place, length) in zip(records, found, strict=True):
        assert isinstance(record, FeedRecord)
        assert path.endswith(record.name)
        assert reader.read(place, length) == data
    for (_, data), (_, place, length) in reversed(list(zip(records, found, strict=True))):
        assert reader.read(place, length) == data


def test_content_that_is_no_records_is_refused(tmp_path: Path) -> None:
    for raw in (b"hello", b"known 5\nab", b"known 5", f"{BASE}/checkpoint 1\n".encode()):
        with pytest.raises(Malformed):
            list(opened(written(tmp_path, raw=raw)).records())
    with pytest.raises(Malformed, match="shorter"):
        opened(written(tmp_path, raw=b"known 2\n{}")).read(5, 1000)


def test_a_chunk_that_changes_after_it_was_verified_is_refused(tmp_path: Path) -> None:
    data = written(tmp_path, *photographs([CHUNK_SIZE * 2]))
    file = io.BytesIO(data)
    keys = [MLKEM768X25519PrivateKey(*RECEIVER.sealing)]
    reader = BundleReader(file, RECEIVER.id, find, keys, NOW)
    file.seek(-100, io.SEEK_END)
    file.write(b"x")
    ((_, place, length),) = reader.records()
    with pytest.raises(Malformed):
        reader.read(place, length)


@pytest.mark.parametrize("cut", [1, 16, 20, CHUNK_SIZE + 16, CHUNK_SIZE + 17])
def test_one_that_is_cut_anywhere_is_refused(tmp_path: Path, cut: int) -> None:
    data = written(tmp_path, *photographs([CHUNK_SIZE * 2]))
    with pytest.raises(BadProof):
        opened(data[:-cut])


def test_places_are_found_by_their_hashes() -> None:
    index, hashes = PlaceIndex(), [hashlib.sha256(b"%d" % number).digest() for number in range(500)]
    for place, digest in enumerate(hashes):
        index.add(digest, place, place + 1)
    index.sort()
    assert len(index) == 500
    assert [index.find(digest) for digest in hashes] == [(place, place + 1) for place in range(500)]
    assert index.find(hashlib.sha256(b"x").digest()) is None
    assert index.find(b"\xff" * 32) is None
    assert PlaceIndex().find(b"x" * 32) is None
