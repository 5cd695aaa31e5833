"""protocol/verification.py against a log that signs whatever it is told."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.checkpoint import Checkpoint, cosign, sign_checkpoint
from protocol.errors import (
    BadProof,
    BadSignature,
    Malformed,
    NotAuthorized,
    ProtocolError,
    Rollback,
    SplitView,
)
from protocol.evidence import evidence_of, verify_evidence
from protocol.leaf import CaseState, Leaf
from protocol.note import COSIGNATURE, VerifierKey, format_note
from protocol.tiles import WIDTH, TileRef, format_bundle
from protocol.tlog import Frontier, leaf_hash
from protocol.verification import FeedState, FeedUpdate, replay
from tests.protocol.naive import AT, EXPIRES, MEMBER, ORIGIN, case_id, erase, put, signer, tree_hash

LOG = signer()
KEYS = [LOG.key]


class NaiveLog:
    """A log that keeps a list and signs any part of it, true or not."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self.entries = list(entries)

    def checkpoint(self, size: int | None = None) -> bytes:
        size = len(self.entries) if size is None else size
        head = Checkpoint(ORIGIN, size, tree_hash(self.entries[:size]))
        return format_note(sign_checkpoint(head, LOG))

    def bundle(self, ref: TileRef) -> bytes:
        first = ref.index * WIDTH
        return format_bundle(self.entries[first : first + ref.width])


def entries_of(size: int, mark: str = "") -> list[bytes]:
    return [f"{mark}{number}".encode() for number in range(size)]


def pull(
    state: FeedState, log: NaiveLog, size: int | None = None, lie: Callable[[bytes], bytes] = bytes
) -> tuple[FeedState, list[bytes]]:
    """Do steps 1 to 3 against a log whose bundles pass through `lie`."""
    update = FeedUpdate(state, log.checkpoint(size), KEYS)
    entries = [entry for ref in update.bundles() for entry in update.feed(lie(log.bundle(ref)))]
    return update.finish(), entries


def read_from(update: FeedUpdate, log: NaiveLog) -> FeedState:
    """Do step 3."""
    for ref in update.bundles():
        update.feed(log.bundle(ref))
    return update.finish()


def pulled(log: NaiveLog, size: int | None = None) -> FeedState:
    return pull(FeedState(ORIGIN), log, size)[0]


@settings(max_examples=40)
@given(st.lists(st.integers(0, 600), min_size=1, max_size=4))
def test_an_honest_log_is_read_whole(sizes: list[int]) -> None:
    log = NaiveLog(entries_of(600))
    state, seen = FeedState(ORIGIN), list[bytes]()
    for size in sorted(sizes):
        state, entries = pull(state, log, size)
        seen += entries
        assert state.frontier.size == size
        assert state.note == log.checkpoint(size)
        assert seen == log.entries[:size]


def test_unchanged() -> None:
    log = NaiveLog(entries_of(5))
    state = pulled(log)
    cosigned = format_note(
        cosign(
            sign_checkpoint(Checkpoint(ORIGIN, 5, tree_hash(log.entries)), LOG),
            signer("w", COSIGNATURE, 9),
            AT,
        )
    )
    update = FeedUpdate(state, cosigned, KEYS)
    assert update.unchanged
    assert list(update.bundles()) == []
    assert update.finish() == FeedState(ORIGIN, state.frontier, cosigned)
    assert update.note.signatures[1].name == "w"
    with pytest.raises(Malformed, match="more than"):
        update.feed(log.bundle(TileRef(None, 0, 5)))


def test_empty_log() -> None:
    state = pulled(NaiveLog([]))
    assert state.frontier.size == 0
    assert pull(state, NaiveLog([]))[0] == state


def test_signature() -> None:
    log = NaiveLog(entries_of(5))
    with pytest.raises(BadSignature):
        FeedUpdate(FeedState(ORIGIN), log.checkpoint(), [signer(seed=2).key])
    with pytest.raises(BadSignature, match="another feed"):
        FeedUpdate(FeedState(f"{MEMBER}/police"), log.checkpoint(), KEYS)
    with pytest.raises(BadSignature):
        FeedUpdate(FeedState(ORIGIN), log.checkpoint(), [])


@given(st.binary(max_size=200))
def test_any_bytes_as_checkpoint(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        FeedUpdate(FeedState(ORIGIN), data, KEYS)


@given(st.data())
def test_roll_back(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 300))
    log = NaiveLog(entries_of(size))
    with pytest.raises(Rollback):
        FeedUpdate(pulled(log), log.checkpoint(data.draw(st.integers(0, size - 1))), KEYS)


@given(st.integers(1, 300), st.data())
def test_fork_of_the_same_size_carries_both_heads(size: int, data: st.DataObject) -> None:
    log, fork = NaiveLog(entries_of(size)), NaiveLog(entries_of(size))
    fork.entries[data.draw(st.integers(0, size - 1))] = b"another"
    with pytest.raises(SplitView) as caught:
        FeedUpdate(pulled(log), fork.checkpoint(), KEYS)
    assert (caught.value.older, caught.value.newer) == (log.checkpoint(), fork.checkpoint())


def test_fork_where_only_the_tree_is_known() -> None:
    frontier = Frontier().extended([leaf_hash(b"a")])
    with pytest.raises(BadProof) as caught:
        FeedUpdate(FeedState(ORIGIN, frontier), NaiveLog([b"b"]).checkpoint(), KEYS)
    assert type(caught.value) is BadProof


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_fork_of_another_size_never_comes_out(size: int, more: int, data: st.DataObject) -> None:
    """The owner changes its past and goes on: the new bundles alone cannot lead to the new root."""
    log, fork = NaiveLog(entries_of(size)), NaiveLog(entries_of(size + more))
    fork.entries[data.draw(st.integers(0, size - 1))] = b"another"
    with pytest.raises(BadProof):
        pull(pulled(log), fork)


@given(st.integers(0, 300), st.integers(2, 300), st.data())
def test_lies_in_a_bundle_never_come_out(size: int, more: int, data: st.DataObject) -> None:
    log = NaiveLog(entries_of(size + more))
    state = pulled(log, size)
    place = data.draw(st.integers(size, size + more - 1))
    other = data.draw(st.integers(size, size + more - 1).filter(lambda index: index != place))
    changed, swapped, doubled = (NaiveLog(log.entries) for _ in range(3))
    changed.entries[place] += b"!"
    swapped.entries[place], swapped.entries[other] = log.entries[other], log.entries[place]
    doubled.entries[place] = log.entries[other]
    for liar in (changed, swapped, doubled):
        update = FeedUpdate(state, log.checkpoint(), KEYS)
        with pytest.raises(BadProof):
            read_from(update, liar)


def test_a_lie_about_what_is_known_already_is_not_looked_at() -> None:
    """The known beginning of the first bundle is passed over: only new entries are taken from it."""
    log, liar = NaiveLog(entries_of(10)), NaiveLog(entries_of(10))
    state = pulled(log, 5)
    liar.entries[0] = b"another"
    update = FeedUpdate(state, log.checkpoint(), KEYS)
    assert [update.feed(liar.bundle(ref)) for ref in update.bundles()] == [log.entries[5:]]
    assert update.finish() == pulled(log)


@pytest.mark.parametrize(
    "lie",
    [
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data + b"\0\0",
        lambda data: b"",
        lambda data: b"\xff" * len(data),
        lambda data: data[data[1] + 2 :],
    ],
)
def test_truncated_and_longer_bundles(lie: Callable[[bytes], bytes]) -> None:
    with pytest.raises(Malformed):
        pull(FeedState(ORIGIN), NaiveLog(entries_of(300)), lie=lie)


@given(st.binary(max_size=100), st.integers(1, 600))
def test_any_bytes_as_bundle(data: bytes, size: int) -> None:
    with pytest.raises(ProtocolError):
        pull(FeedState(ORIGIN), NaiveLog(entries_of(size)), lie=lambda _: data)


def test_a_refused_bundle_can_be_fed_again() -> None:
    log = NaiveLog(entries_of(600))
    update = FeedUpdate(FeedState(ORIGIN), log.checkpoint(), KEYS)
    for ref in update.bundles():
        with pytest.raises(Malformed):
            update.feed(log.bundle(ref)[:-1])
        update.feed(log.bundle(ref))
    assert update.finish() == pulled(log)


def test_missing_and_reordered_bundles() -> None:
    log = NaiveLog(entries_of(768))
    update = FeedUpdate(FeedState(ORIGIN), log.checkpoint(), KEYS)
    refs = list(update.bundles())
    update.feed(log.bundle(refs[0]))
    with pytest.raises(BadProof, match="missing"):
        update.finish()
    update.feed(log.bundle(refs[2]))
    update.feed(log.bundle(refs[1]))
    with pytest.raises(BadProof, match="root"):
        update.finish()


def test_a_huge_size_costs_nothing_until_it_is_fed() -> None:
    data = format_note(sign_checkpoint(Checkpoint(ORIGIN, (1 << 63) - 1, bytes(32)), LOG))
    update = FeedUpdate(FeedState(ORIGIN), data, KEYS)
    assert next(update.bundles()) == TileRef(None, 0, WIDTH)
    with pytest.raises(BadProof):
        update.finish()


def test_key_rotation_keeps_the_history() -> None:
    new = signer(seed=2)
    log = NaiveLog(entries_of(9))
    state = pulled(log, 5)
    rotated = format_note(sign_checkpoint(Checkpoint(ORIGIN, 9, tree_hash(log.entries)), new))
    update = FeedUpdate(state, rotated, [new.key, LOG.key])
    assert read_from(update, log).frontier.size == 9
    with pytest.raises(BadSignature):
        FeedUpdate(state, rotated, [VerifierKey(ORIGIN, COSIGNATURE, new.key.public)])


# A head that was seen before the pull reaches it.


def test_the_head_that_was_seen_is_met() -> None:
    log = NaiveLog(entries_of(600))
    for known in (0, 5, 256):
        for seen in (1, 5, 6, 255, 256, 300, 512, 599, 600):
            for size in (256, 300, 600):
                state, note = pulled(log, known), log.checkpoint(seen)
                update = FeedUpdate(state, log.checkpoint(size), KEYS, note)
                assert read_from(update, log) == pulled(log, size)


@settings(max_examples=60)
@given(st.integers(0, 300), st.integers(1, 300), st.integers(0, 300), st.data())
def test_another_past_than_that_of_the_head_that_was_seen(
    known: int, ahead: int, more: int, data: st.DataObject
) -> None:
    seen, size = known + ahead, known + ahead + more
    log, fork = NaiveLog(entries_of(size)), NaiveLog(entries_of(seen))
    fork.entries[data.draw(st.integers(0, seen - 1))] = b"another"
    with pytest.raises(SplitView) as caught:
        read_from(FeedUpdate(pulled(log, known), log.checkpoint(), KEYS, fork.checkpoint()), log)
    assert (caught.value.older, caught.value.newer) == (fork.checkpoint(), log.checkpoint())
    evidence = evidence_of(caught.value, KEYS)
    smaller, larger = verify_evidence(evidence, KEYS)
    assert (smaller.size, larger.size) == (seen, size)


def test_a_head_that_was_seen_is_no_reason_to_believe_a_bundle() -> None:
    """Until the root has come out, what is another past than the head's may be a carrier's lie."""
    log, liar = NaiveLog(entries_of(20)), NaiveLog(entries_of(20))
    liar.entries[7] = b"another"
    update = FeedUpdate(pulled(log, 5), log.checkpoint(), KEYS, log.checkpoint(12))
    with pytest.raises(BadProof) as caught:
        read_from(update, liar)
    assert type(caught.value) is BadProof


# Step 4: what the leaves say.


class Cases:
    """The state of each case before the entries, and what was asked about it."""

    def __init__(self, **known: CaseState) -> None:
        self.known = {case_id(int(name[1:])): state for name, state in known.items()}
        self.asked: list[str] = []

    def __call__(self, cases: Sequence[str]) -> dict[str, CaseState]:
        self.asked += cases
        return {case: self.known[case] for case in cases if case in self.known}


def test_replay() -> None:
    leaves = [put(1), put(2), put(1, version=2), erase(2), put(3, version=8)]
    entries = [leaf.format() for leaf in leaves]
    entries.insert(2, b'{"kind":"later"}')
    cases = Cases(c3=CaseState(7, b"d" * 32, EXPIRES, 4), c4=CaseState(1, None, EXPIRES, 5))
    followed = replay(entries, 100, MEMBER, cases, AT)
    assert [leaf for leaf, _ in followed] == leaves
    assert [state.index for _, state in followed] == [100, 101, 103, 104, 105]
    assert [state.version for _, state in followed] == [1, 1, 2, 2, 8]
    assert [state.erased for _, state in followed] == [False, False, False, True, False]
    assert set(cases.asked) == {case_id(1), case_id(2), case_id(3)}
    assert replay([], 5, MEMBER, cases, AT) == []


@pytest.mark.parametrize(
    ("leaves", "error"),
    [
        ([put(1, version=2)], Rollback),
        ([put(1), put(1)], Rollback),
        ([put(1), put(1, version=3)], Rollback),
        ([put(1), put(1, version=2, expires=EXPIRES - timedelta(days=1))], Rollback),
        ([put(1), erase(1), put(1, version=3)], NotAuthorized),
        ([put(1), erase(1), erase(1, version=3)], NotAuthorized),
        ([erase(1, version=1)], NotAuthorized),
        ([put(4, version=2)], NotAuthorized),
        ([put(3)], Rollback),
    ],
)
def test_histories_that_break_a_rule(leaves: list[Leaf], error: type[ProtocolError]) -> None:
    cases = Cases(c3=CaseState(7, b"d" * 32, EXPIRES, 4), c4=CaseState(1, None, EXPIRES, 5))
    with pytest.raises(error):
        replay([leaf.format() for leaf in leaves], 0, MEMBER, cases, AT)


def test_a_feed_that_is_not_known_from_its_beginning() -> None:
    cases = Cases(c4=CaseState(1, None, EXPIRES, 5))
    entries = [leaf.format() for leaf in (put(1, version=4), put(1, version=5), erase(2, version=3))]
    followed = replay(entries, 9, MEMBER, cases, AT, complete=False)
    assert [(state.version, state.erased) for _, state in followed] == [(4, False), (5, False), (3, True)]
    for leaves, error in (
        ([put(1, version=4), put(1, version=4)], Rollback),
        ([erase(1, version=4), put(1, version=5)], NotAuthorized),
        ([put(4, version=2)], NotAuthorized),
    ):
        with pytest.raises(error):
            replay([leaf.format() for leaf in leaves], 0, MEMBER, cases, AT, complete=False)


def test_leaves_of_another_member() -> None:
    with pytest.raises(NotAuthorized):
        replay([put(1).format()], 0, "police.de.example", Cases(), AT)


def test_a_leaf_from_the_future_would_outlive_every_policy() -> None:
    entries = [put(1).format()]
    assert len(replay(entries, 0, MEMBER, Cases(), AT - timedelta(days=1))) == 1
    with pytest.raises(Malformed, match="future"):
        replay(entries, 0, MEMBER, Cases(), AT - timedelta(days=1, seconds=1))


@given(st.lists(st.binary(max_size=60), min_size=1, max_size=5))
def test_any_bytes_as_entries(entries: list[bytes]) -> None:
    with pytest.raises(ProtocolError):
        replay(entries, 0, MEMBER, Cases(), AT)
