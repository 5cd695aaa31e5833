"""The pruned beginning of a feed: proven by the signed root, and never earlier than its entries' life."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol.checkpoint import sign_checkpoint
from protocol.errors import BadProof, Malformed, ProtocolError, Rollback
from protocol.feed import FeedHead, grow
from protocol.leaf import ERASE, PUT, CaseState, Leaf, follow
from protocol.note import ED25519, Ed25519Signer, format_note
from protocol.pruning import KEPT, MAX_PRUNED_BYTES, Pruned, format_pruned, is_past_life, parse_pruned
from protocol.tiles import WIDTH, format_bundle
from protocol.tlog import EMPTY, EMPTY_ROOT, leaf_hash, node_hash, subtrees
from protocol.verification import FeedState, FeedUpdate, replay

MEMBER = "police.fr.example"
ORIGIN = f"{MEMBER}/network"
CASE = f"{MEMBER}/{'a' * 26}"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
ENTRIES = [f"entry {number}".encode() for number in range(3 * WIDTH + 10)]
SIGNER = Ed25519Signer(ORIGIN, ED25519, Ed25519PrivateKey.from_private_bytes(bytes(32)))
SIGNED = format_note(sign_checkpoint(grow(FeedHead(ORIGIN), ENTRIES).head.checkpoint(), SIGNER))


def hash_of(level: int, index: int) -> bytes:
    if level == 0:
        return leaf_hash(ENTRIES[index])
    return node_hash(hash_of(level - 1, 2 * index), hash_of(level - 1, 2 * index + 1))


def pruned(known: int, minimum: int) -> Pruned:
    return Pruned(minimum, tuple(hash_of(*place) for place in subtrees(known, minimum)))


def update_from(known: int) -> FeedUpdate:
    tree = EMPTY.extended(map(leaf_hash, ENTRIES[:known]))
    return FeedUpdate(FeedState(ORIGIN, tree, None), SIGNED, [SIGNER.key])


def feed_rest(update: FeedUpdate) -> list[bytes]:
    taken = []
    for ref in update.bundles():
        start = ref.index * WIDTH
        taken += update.feed(format_bundle(ENTRIES[start : start + ref.width]))
    return taken


@pytest.mark.parametrize("known", [0, 1, 200, WIDTH, WIDTH + 77])
@pytest.mark.parametrize("minimum", [2 * WIDTH, 3 * WIDTH])
def test_a_reader_goes_on_behind_what_was_pruned(known: int, minimum: int) -> None:
    update = update_from(known)
    told = parse_pruned(format_pruned(pruned(known, minimum)), known)
    update.skip(told)
    assert feed_rest(update) == ENTRIES[minimum:]
    assert update.start.size == minimum
    assert update.finish().frontier == EMPTY.extended(map(leaf_hash, ENTRIES))


def test_the_known_past_must_be_continued() -> None:
    update = update_from(200)
    other = EMPTY.extended(leaf_hash(b"other") for _ in range(200))
    update = FeedUpdate(FeedState(ORIGIN, other, None), SIGNED, [SIGNER.key])
    update.skip(pruned(200, 2 * WIDTH))
    feed_rest(update)
    with pytest.raises(BadProof, match="do not lead to the signed root"):
        update.finish()


def test_no_more_is_pruned_than_is_signed() -> None:
    beyond = Pruned(4 * WIDTH, (EMPTY_ROOT,))
    with pytest.raises(Malformed, match="more than the checkpoint covers"):
        update_from(0).skip(beyond)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "decimal"),
        (b"512", "the last line has no end"),
        (b"512\n", "another number of hashes"),
        (b"511\n", "beginning of a later bundle"),
        (b"256\n", "beginning of a later bundle"),
        ("५१२\n".encode(), "not ASCII"),
        (b"0512\n", "decimal"),
        (b"512\nAAAA\n", "must hold 32"),
        (b"1" * (MAX_PRUNED_BYTES + 1), "longer than"),
    ],
)
def test_another_form_is_refused(data: bytes, rule: str) -> None:
    with pytest.raises(Malformed, match=rule):
        parse_pruned(data, 300)


@given(st.binary(max_size=300), st.integers(0, 1 << 40))
def test_any_bytes_raise_only_a_protocol_error(data: bytes, known: int) -> None:
    with suppress(ProtocolError):
        parse_pruned(data, known)


def leaf(version: int, kind: str = PUT, expires: date = TODAY) -> Leaf:
    return Leaf(kind, CASE, version, None if kind == ERASE else bytes(32), expires, NOW, bytes(16))


def test_an_entry_is_kept_for_a_while_after_its_last_day() -> None:
    entry, last = leaf(1).format(), NOW.date()
    assert not is_past_life(entry, MEMBER, last + KEPT)
    assert is_past_life(entry, MEMBER, last + KEPT + timedelta(days=1))
    assert not is_past_life(b'{"kind":"of tomorrow"}', MEMBER, last + timedelta(days=9999))


def test_behind_a_pruned_beginning_versions_may_be_missing_but_never_fall() -> None:
    known = CaseState(4, bytes(32), NOW.date(), 7)
    assert follow(known, leaf(6), 900, complete=False).version == 6
    assert follow(None, leaf(6), 900, complete=False).version == 6
    with pytest.raises(Rollback):
        follow(known, leaf(4), 900, complete=False)
    with pytest.raises(Rollback):
        follow(known, leaf(6), 900)
    [(_, after)] = replay([leaf(3, ERASE).format()], 512, MEMBER, lambda _: {}, NOW, complete=False)
    assert after.erased
