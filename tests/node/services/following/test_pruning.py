"""Leaving off old entries: a newcomer and a peer that was away go on behind them, and nobody hides an erasure
in this way."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.adapters.http import Answer
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.following import pruning
from node.services.status import status
from node.store.database import reading, writing
from node.store.published import feed_cases, feeds
from protocol.leaf import PUT
from protocol.pruning import Pruned, format_pruned
from protocol.tiles import WIDTH, bundles_between, parse_bundle
from protocol.tlog import EMPTY, leaf_hash, subtrees
from tests.factories import sample_case_id, sample_record
from tests.federation import DE, FR, NGO, Ask, Call, Federation, down
from tests.liars import Liar, case_states, problems

OWNER, PEER, OTHER = FR[0], DE[0], NGO[0]
LIFE = 180 + 31


def plain(locale: str) -> dict[str, Any]:
    """A case without photographs."""
    return sample_record(locale, photos=None, reference=None)


def row_of(federation: Federation, member: str) -> feeds.FeedRow:
    with reading(federation[member].engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
    assert row is not None
    return row


def live_cases(federation: Federation, member: str) -> set[str]:
    with reading(federation[member].engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        assert row is not None
        return {
            kept.case_id for kept in feed_cases.iterate_cases(conn, row.id) if kept.state == feed_cases.HELD
        }


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    """An owner whose feed has more than two bundles, of which the first is past its life, and a case that
    lives: that was renewed since."""
    made = Federation(tmp_path_factory.mktemp("grown"))
    old, renewed = made.publish(OWNER, plain("ar"), plain("uk"))
    publishing.publish(made[OWNER], [old.case_id] * 98, "test")
    assert made.pull(PEER, OWNER).error == ""
    made.clock.advance(days=1)
    publishing.publish(made[OWNER], [old.case_id] * WIDTH, "test")
    publishing.erase(made[OWNER], old.case_id, "test")
    made.clock.advance(days=100)
    publishing.publish(made[OWNER], [renewed.case_id], "test")
    made.clock.advance(days=LIFE - 100)
    publishing.publish(made[OWNER], [renewed.case_id] * WIDTH, "test")
    made.coordinator.announce()
    made.refresh()
    return made


@pytest.fixture
def federation(grown: Federation, tmp_path: Path) -> Iterator[Federation]:
    """One like it."""
    made = grown.twin(tmp_path)
    yield made
    made.close()


def test_only_whole_bundles_past_their_life_go(federation: Federation) -> None:
    owner, before = federation[OWNER], row_of(federation, OWNER)
    assert pruning.prune(owner) == 2 * WIDTH, "of the network feed and of the police feed"
    assert pruning.prune(owner) == 0
    after = row_of(federation, OWNER)
    assert (after.minimum, after.size, after.note) == (WIDTH, before.size, before.note)
    assert problems(owner) == []
    answer = federation.ask(PEER, OWNER, "GET", "/feeds/network/tile/entries/000")
    assert answer.status == 404
    assert federation.ask(PEER, OWNER, "GET", "/feeds/network/tile/entries/001").status == 200


def test_the_owner_goes_on_publishing(federation: Federation) -> None:
    pruning.prune(federation[OWNER])
    federation.publish(OWNER, plain("hi"))
    assert problems(federation[OWNER]) == []
    assert federation.pull(PEER, OWNER).error == ""
    assert len(live_cases(federation, PEER)) == 2


@pytest.mark.parametrize(("reader", "feeds_read"), [(PEER, 2), (OTHER, 1)])
def test_who_was_away_and_who_is_new_go_on_behind_what_was_left_off(
    federation: Federation, reader: str, feeds_read: int
) -> None:
    erasure.expire(federation[reader])
    pruning.prune(federation[OWNER])
    report = federation.pull(reader, OWNER)
    assert (report.error, report.documents) == ("", feeds_read)
    row = row_of(federation, reader)
    assert (row.minimum, row.size) == (WIDTH, row_of(federation, OWNER).size)
    assert live_cases(federation, reader) == live_cases(federation, OWNER)
    assert problems(federation[reader]) == []
    federation.publish(OWNER, plain("hi"))
    assert federation.pull(reader, OWNER).error == ""
    assert problems(federation[reader]) == []


def test_who_hands_a_feed_on_may_have_left_off_the_same(federation: Federation) -> None:
    assert federation.pull(OTHER, OWNER).error == ""
    with writing(federation[OTHER].engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        assert row is not None
        feeds.set_readers(conn, row.id, [PEER, OTHER], federation.clock())
    assert pruning.prune(federation[OTHER]) == WIDTH
    path = f"/mirrors/{OWNER}/network/pruned"
    told = federation.ask(PEER, OTHER, "GET", f"{path}/0")
    assert told.body == b"256\n" + told.body.partition(b"\n")[2]
    assert federation.ask(PEER, OTHER, "GET", f"{path}/100").status == 404, "it has no tiles to say more"
    assert federation.ask(PEER, OTHER, "GET", f"{path}/256").status == 404
    assert federation.ask(PEER, OTHER, "GET", f"{path}/0x").status == 400
    assert problems(federation[OTHER]) == []


def test_an_owner_that_leaves_off_what_still_lives_hides_nothing(federation: Federation) -> None:
    """It could have erased a case there, and not want that to be seen."""
    federation.publish(OWNER, plain("hi"))
    assert federation.pull(PEER, OWNER).error == ""
    federation.clock.advance(days=31)
    publishing.publish(federation[OWNER], sorted(live_cases(federation, OWNER)) * WIDTH, "test")
    with writing(federation[OWNER].engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        assert row is not None
        tree = EMPTY
        for ref in bundles_between(0, row.size // WIDTH * WIDTH):
            entries = parse_bundle(feeds.read_file(conn, row.id, ref) or b"", ref.width)
            tree = tree.extended(map(leaf_hash, entries))
        feeds.prune(conn, row.id, tree)
    before = row_of(federation, PEER)
    report = federation.pull(PEER, OWNER)
    assert report.lying
    assert "not past their life" in report.error
    after = row_of(federation, PEER)
    assert (after.size, after.note, after.state) == (before.size, before.note, feeds.QUARANTINED)


def test_who_knows_a_feed_leaves_nothing_off_by_a_mirrors_word(tmp_path: Path) -> None:
    """The reader was away; a mirror says that everything since, which lives, had ended."""
    made = Federation(tmp_path)
    owner = Liar(made, OWNER, proves=True)  # which does not lie here: see below
    owner.say(PUT, sample_case_id(0, OWNER), digest=os.urandom(32))
    owner.erase(sample_case_id(0, OWNER))
    made.wire.faults[OWNER] = [owner.fault]
    made.pull(PEER, OWNER)
    made.clock.advance(days=31)
    made.coordinator.announce()
    made.refresh()
    for number in range(1, WIDTH + 50):
        owner.say(PUT, sample_case_id(number, OWNER), digest=os.urandom(32))
    made.pull(OTHER, OWNER)
    with writing(made[OTHER].engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        assert row is not None
        feeds.set_readers(conn, row.id, [PEER, OTHER], made.clock())
    leaves = [leaf_hash(entry) for entry in owner.entries]
    hashes = (
        EMPTY.extended(leaves[index << level : (index + 1) << level]).root()
        for level, index in subtrees(2, WIDTH)
    )
    skipped = format_pruned(Pruned(WIDTH, tuple(hashes)))

    def leave_off(call: Call, ask: Ask) -> Answer:
        return Answer(200, {}, skipped) if call.path.endswith("/pruned/2") else ask()

    made.wire.faults = {OWNER: [down], OTHER: [leave_off]}
    assert OTHER in made.pull(PEER, OWNER).through
    assert row_of(made, PEER).minimum == 0
    assert len(case_states(made[PEER], OWNER)) == WIDTH + 50
    made.close()


@pytest.mark.parametrize("step", [WIDTH, 8 * WIDTH])
def test_what_only_a_mirror_has_left_off_is_read_from_the_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """A mirror leaves off what lives: of two bundles of cases a newcomer hears nothing, until the owner
    answers."""
    monkeypatch.setattr(pruning, "_STEP_BACK", step)
    made = Federation(tmp_path)
    (real,) = made.publish(OWNER, plain("ar"))
    owner = Liar(made, OWNER, proves=True)  # which does not lie here: it has many cases at no cost
    for number in range(2 * WIDTH + 50):
        owner.say(PUT, sample_case_id(number, OWNER), digest=os.urandom(32))
    owner.erase(sample_case_id(3, OWNER))
    owner.erase(sample_case_id(2 * WIDTH, OWNER))
    made.wire.faults[OWNER] = [owner.fault]
    made.pull(OTHER, OWNER)
    with writing(made[OTHER].engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        assert row is not None
        feeds.set_readers(conn, row.id, [PEER, OTHER], made.clock())
    skipped = Pruned(2 * WIDTH, EMPTY.extended(map(leaf_hash, owner.entries[: 2 * WIDTH])).hashes)

    def leave_off(call: Call, ask: Ask) -> Answer:
        return Answer(200, {}, format_pruned(skipped)) if call.path.endswith("/pruned/0") else ask()

    made.wire.faults = {OWNER: [down], OTHER: [leave_off]}
    made.pull(PEER, OTHER)
    assert OTHER in made.pull(PEER, OWNER).through
    assert (row_of(made, PEER).minimum, real.case_id in case_states(made[PEER], OWNER)) == (2 * WIDTH, False)

    said = f"{OWNER}/network is incomplete here: {OTHER}"
    assert any(warning.startswith(said) for warning in status(made[PEER]).warnings)

    made.wire.faults = {OWNER: [owner.fault]}
    assert made.pull(PEER, OWNER).leaves == 2 * WIDTH
    assert (row_of(made, PEER).minimum, row_of(made, PEER).skipped_by) == (0, "")
    states = case_states(made[PEER], OWNER)
    assert len(states) == 2 * WIDTH + 51
    assert states[real.case_id][0] == feed_cases.HELD
    erased = {case for case, (state, _) in states.items() if state == feed_cases.ERASED}
    assert erased == {sample_case_id(3, OWNER), sample_case_id(2 * WIDTH, OWNER)}
    assert problems(made[PEER]) == []
    made.close()
