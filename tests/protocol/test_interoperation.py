"""Others' logs and verdicts read by us, and our feed read by others."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tlog_scales import tiles as their_tiles
from tlog_scales.backend import make_backend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey, VkeySet

from protocol.checkpoint import Checkpoint, cosign, sign_checkpoint, verify_checkpoint
from protocol.errors import BadSignature
from protocol.feed import FeedHead, grow
from protocol.note import COSIGNATURE, VerifierKey, format_note
from protocol.tiles import TileRef, parse_bundle, read_nodes
from protocol.tlog import (
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
)
from protocol.verification import FeedState, FeedUpdate
from tests.protocol.naive import AT, ORIGIN, put, signer, tree_hash

DATA = Path(__file__).parents[3] / "shared" / "data"
"""Public test data that lies beside the repository where the project is built, and is not part of it."""

TESSERA = DATA / "tlog" / "tessera"
WYCHEPROOF = DATA / "crypto" / "ed25519_test.json"

needs_tessera = pytest.mark.skipif(not TESSERA.exists(), reason="no ../shared/data/tlog/tessera here")
needs_wycheproof = pytest.mark.skipif(not WYCHEPROOF.exists(), reason="no ../shared/data/crypto here")


def tessera_checkpoints() -> list[Checkpoint]:
    key = VerifierKey.parse((DATA / "tlog" / "tessera.vkey").read_text().strip())
    return [verify_checkpoint((TESSERA / f"checkpoint.{n}").read_bytes(), [key])[0] for n in range(16)]


def tessera_entries(size: int) -> list[bytes]:
    return parse_bundle((TESSERA / TileRef(None, 0, size).format()).read_bytes(), size)


@needs_tessera
def test_tessera_checkpoints_tiles_and_bundles() -> None:
    heads = tessera_checkpoints()
    assert [head.size for head in heads] == list(range(16))
    for head in heads[1:]:
        read = read_nodes(head.size, lambda ref: (TESSERA / ref.format()).read_bytes())
        assert tree_root(head.size, read) == head.root
        assert tree_hash(tessera_entries(head.size)) == head.root
    latest = (TESSERA / "checkpoint").read_bytes()
    assert latest == (TESSERA / "checkpoint.15").read_bytes()


@needs_tessera
def test_tessera_proofs_between_all_pairs() -> None:
    heads = tessera_checkpoints()
    read = read_nodes(15, lambda ref: (TESSERA / ref.format()).read_bytes())
    entries = tessera_entries(15)
    for new in heads:
        for old in heads[: new.size + 1]:
            proof = consistency_proof(old.size, new.size, read)
            check_consistency(old.size, old.root, new.size, new.root, proof)
        for index in range(new.size):
            proof = inclusion_proof(index, new.size, read)
            check_inclusion(leaf_hash(entries[index]), index, new.size, proof, new.root)


@needs_tessera
def test_tessera_is_pulled_from_every_head_to_every_later_one() -> None:
    key = VerifierKey.parse((DATA / "tlog" / "tessera.vkey").read_text().strip())
    for start in range(16):
        state = FeedState(key.name)
        for size in range(start, 16):
            update = FeedUpdate(state, (TESSERA / f"checkpoint.{size}").read_bytes(), [key])
            for ref in update.bundles():
                update.feed((TESSERA / ref.format()).read_bytes())
            state = update.finish()
        assert state.frontier.size == 15


@needs_wycheproof
def test_wycheproof_verdicts() -> None:
    """None of its 151 cases is a matter of taste: each is `valid` or `invalid`."""
    tested = 0
    for group in json.loads(WYCHEPROOF.read_bytes())["testGroups"]:
        key = VerifierKey("w", 1, bytes.fromhex(group["publicKey"]["pk"]))
        for case in group["tests"]:
            message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            if case["result"] == "valid":
                key.check(message, signature)
            else:
                with pytest.raises(BadSignature):
                    key.check(message, signature)
            tested += 1
    assert tested == 151


SIZES = (1, 2, 255, 256, 257, 600)


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a feed as files: each size's checkpoint under its own name, the newest as `checkpoint`."""
    folder = tmp_path_factory.mktemp("feed")
    log, witness = signer(), signer("w.example", COSIGNATURE, 9)
    head = FeedHead(ORIGIN)
    for size in SIZES:
        growth = grow(head, [put(number).format() for number in range(head.frontier.size, size)])
        head = growth.head
        for ref, data in growth.files:
            path = folder / ref.format()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        note = format_note(cosign(sign_checkpoint(head.checkpoint(), log), witness, AT))
        (folder / f"checkpoint.{size}").write_bytes(note)
        (folder / "checkpoint").write_bytes(note)
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_independent_reader_verifies_our_heads(feed: Path) -> None:
    ours = VkeySet(
        Vkey.from_string(signer().key.format()),
        Vkey.from_string(signer("w.example", COSIGNATURE, 9).key.format()),
    )
    for size in SIZES:
        (feed / f"{size}").mkdir(exist_ok=True)
        (feed / f"{size}" / "checkpoint").write_bytes((feed / f"checkpoint.{size}").read_bytes())
        head = TilesReader(make_backend(str(feed / f"{size}"))).get_checkpoint()
        assert (head.origin, head.size) == (ORIGIN, size)
        head.verify(Vkey.from_string(signer().key.format()))
        assert {key.name for key, _ in ours.verify(head.signatures, head)} == {ORIGIN, "w.example"}
        assert head.serialize().encode() == (feed / f"checkpoint.{size}").read_bytes()


def test_an_independent_reader_rebuilds_our_tree(feed: Path) -> None:
    reader = TilesReader(make_backend(str(feed)))
    newest = reader.get_checkpoint()
    assert reader.calculate_root_hash() == newest.root_hash
    for index in (0, 1, 254, 255, 256, 257, 599):
        entry = reader.get_entry(index)
        assert entry == put(index).format()
        theirs = reader.get_inclusion_proof(index, newest.size)
        theirs.check(their_tiles.leaf_hash(entry), newest.root_hash)
        check_inclusion(leaf_hash(entry), index, newest.size, theirs.node_hashes, newest.root_hash)
        read = read_nodes(newest.size, lambda ref: (feed / ref.format()).read_bytes())
        assert theirs.node_hashes == inclusion_proof(index, newest.size, read)
    for old in SIZES:
        note = (feed / f"checkpoint.{old}").read_bytes()
        old_root = verify_checkpoint(note, [signer().key])[0].root
        proof = reader.get_consistency_proof(old, newest.size)
        proof.check(old_root, newest.root_hash)
        check_consistency(old, old_root, newest.size, newest.root_hash, proof.node_hashes)


def test_an_independent_reader_reads_our_feed_over_http(feed: Path) -> None:
    with served(feed) as address:
        backend = make_backend(address)
        reader = TilesReader(backend)
        newest = reader.get_checkpoint()
        newest.verify(Vkey.from_string(signer().key.format()))
        assert reader.calculate_root_hash() == newest.root_hash
        entry = reader.get_entry(599)
        reader.get_inclusion_proof(599, newest.size).check(their_tiles.leaf_hash(entry), newest.root_hash)
        backend.session.close()  # type: ignore[attr-defined]


def test_keys_are_spelled_alike() -> None:
    key = signer().key
    theirs = Vkey.from_string(key.format())
    assert (theirs.name, theirs.sig_type, theirs.pubkey) == (key.name, key.kind, key.public)
    assert theirs.key_id.to_bytes(4, "big") == key.key_id
