"""Comparing heads and handing on evidence: an owner that shows two faces is caught wherever two of its heads
meet, and nobody is accused by anything less.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from node.errors import Conflict, InvalidInput, NotFound
from node.services.standing import Exchange, exchange_with
from node.services.witnesses import evidence, gossip
from node.services.witnesses.evidence import EvidenceView
from node.store.database import reading, writing
from node.store.federation import evidence as store
from node.store.federation import heads, waypoints
from node.store.published import feeds
from protocol.checkpoint import Checkpoint, parse_checkpoint, sign_checkpoint
from protocol.evidence import Evidence, format_evidence, gather_evidence, parse_evidence, verify_evidence
from protocol.feed_entry import Audience, FrozenHead
from protocol.heads import format_heads
from protocol.member_keys import RetiredKey
from protocol.note import ED25519, Ed25519Signer, format_note, parse_note
from protocol.tlog import subtrees
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation, down, tampering
from tests.liars import Liar, answering, dump, find_feed, problems
from tests.protocol.naive import node_reader, private_key

OWNER, ONE, OTHER, HELPER = FR[0], DE[0], "police.jp.example", NGO[0]
JP = (OTHER, "JP", "law_enforcement")
ORIGIN = f"{OWNER}/network"


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Federation]:
    """An owner with one case, two forces that have pulled nothing yet, and an NGO."""
    made = Federation(tmp_path, [FR, DE, JP, NGO])
    made.publish(OWNER, sample_record("ar", photos=None))
    yield made
    made.close()


@pytest.fixture
def pair(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    """An owner with one case, and a force whose database is of either kind."""
    made = Federation(tmp_path, [FR, DE], databases={ONE: database_url})
    made.publish(OWNER, sample_record("ar", photos=None))
    yield made
    made.close()


def face(federation: Federation, number: int = 1, audience: Audience = "network") -> Liar:
    """Another history of the owner, of so many leaves, with everything that proves it."""
    liar = Liar(federation, OWNER, audience, proves=True)
    liar.entries.clear()
    for case in range(1, number + 1):
        liar.put(case)
    return liar


def shown_to(federation: Federation, member: str, *liars: Liar) -> Any:
    """Let a member pull the owner while it shows these faces."""
    federation.wire.faults[OWNER] = [liar.fault for liar in liars]
    report = federation.pull(member, OWNER)
    del federation.wire.faults[OWNER]
    return report


def kept(federation: Federation, member: str) -> list[EvidenceView]:
    return evidence.list_evidence(federation[member])


def state(federation: Federation, member: str, audience: str = "network") -> str:
    return find_feed(federation[member], OWNER, audience).state


def sizes(view: EvidenceView) -> tuple[int, int]:
    return view.smaller.size, view.larger.size


def head_of(note: bytes) -> Checkpoint:
    return parse_checkpoint(parse_note(note).text)


def check(federation: Federation, view: EvidenceView) -> None:
    """What was kept convinces whoever has the owner's key, and nothing else."""
    keys = federation.coordinator.trusted.roster.member(OWNER).feed("network").keys
    verify_evidence(parse_evidence(view.kept.data), keys)
    assert hashlib.sha256(view.kept.data).hexdigest() == view.kept.id


# --- Caught by a pull ---


@pytest.mark.parametrize(("known", "shown"), [(1, 1), (1, 3), (3, 300)])
def test_a_pull_catches_another_face(pair: Federation, known: int, shown: int) -> None:
    pair.publish(OWNER, *(sample_record("uk", photos=None) for _ in range(known - 1)))
    pair.pull(ONE, OWNER)
    before = dump(pair[ONE])
    report = shown_to(pair, ONE, face(pair, shown))
    assert report.lying
    (view,) = kept(pair, ONE)
    assert (sizes(view), view.kept.found, view.kept.source) == ((known, shown), evidence.PULL, OWNER)
    check(pair, view)
    row = find_feed(pair[ONE], OWNER)
    assert (row.state, "two faces" in row.reason, row.size) == (feeds.SPLIT, True, known)
    assert {**dump(pair[ONE]), "evidence": []} == before
    assert problems(pair[ONE]) == []

    assert "stopped" in pair.pull(ONE, OWNER).error
    assert kept(pair, ONE) == [view]


def test_another_face_is_proven_from_its_entries_where_there_are_no_hashes(pair: Federation) -> None:
    pair.pull(ONE, OWNER)
    liar = face(pair, 300)
    liar.proves = False  # its hash tiles are those of the honest feed
    assert shown_to(pair, ONE, liar).lying
    assert (state(pair, ONE), sizes(kept(pair, ONE)[0])) == (feeds.SPLIT, (1, 300))
    check(pair, kept(pair, ONE)[0])


def test_another_face_that_cannot_be_proven_is_quarantined(
    pair: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked at whole once, and not again at every pull."""
    monkeypatch.setattr(evidence, "MAX_ENTRIES_READ", 500)
    pair.pull(ONE, OWNER)
    liar = face(pair, 3)
    liar.proves = False
    read = []
    for _ in range(2):
        pair.wire.calls.clear()
        assert shown_to(pair, ONE, liar).lying
        assert (state(pair, ONE), kept(pair, ONE)) == (feeds.QUARANTINED, [])
        read.append(sum("/tile/entries/" in call.path for call, _ in pair.wire.calls))
    assert read[0] > read[1]


def test_a_mirror_that_follows_another_face_is_no_liar(four: Federation) -> None:
    four.pull(ONE, OWNER)
    shown_to(four, OTHER, face(four, 3))
    four.clock.advance(hours=2)
    four.wire.faults[OWNER] = [down]
    with writing(four[OTHER].engine) as conn:
        feeds.set_readers(conn, find_feed(four[OTHER], OWNER).id, [ONE, OTHER], four.clock())
    report = four.pull(ONE, OWNER)
    assert (report.lying, report.false) == (True, [])
    (view,) = kept(four, ONE)
    assert (sizes(view), view.kept.source, state(four, ONE)) == ((1, 3), OTHER, feeds.SPLIT)


def test_what_is_changed_on_the_way_accuses_nobody(pair: Federation) -> None:
    pair.pull(ONE, OWNER)
    pair.publish(OWNER, sample_record("uk", photos=None))
    pair.wire.faults[OWNER] = [tampering("tile/entries", lambda data: data[:-5] + b"AAAA" + data[-1:])]
    assert pair.pull(ONE, OWNER).lying
    assert (state(pair, ONE), kept(pair, ONE)) == (feeds.QUARANTINED, [])
    del pair.wire.faults[OWNER]
    assert pair.pull(ONE, OWNER).error == ""
    assert state(pair, ONE) == feeds.OPEN


@pytest.mark.parametrize(("cosigned", "shown"), [(2, 2), (2, 3), (300, 301)])
def test_a_pull_that_passes_a_cosigned_head_must_have_met_it(
    pair: Federation, cosigned: int, shown: int
) -> None:
    pair.pull(ONE, OWNER)
    past = face(pair, cosigned)
    past.entries[0] = Liar(pair, OWNER).entries[0]
    head = head_of(past.checkpoint())
    with reading(pair[ONE].engine) as conn:
        row = find_feed(pair[ONE], OWNER)
        known = heads.newest_head(conn, row.id)
    with writing(pair[ONE].engine) as conn:
        heads.advance_head(conn, row.id, known, cosigned, head.root, past.checkpoint(), pair.clock())
    pair.publish(OWNER, *(sample_record("uk", photos=None) for _ in range(shown - 1)))
    assert pair.pull(ONE, OWNER).lying
    (view,) = kept(pair, ONE)
    assert (sizes(view), state(pair, ONE), find_feed(pair[ONE], OWNER).size) == (
        (cosigned, shown),
        feeds.SPLIT,
        1,
    )
    check(pair, view)


# --- Caught by compared heads ---


@pytest.mark.parametrize(("one", "other"), [(1, 1), (1, 3), (3, 1), (300, 2)])
def test_heads_that_two_members_compare_catch_two_faces(four: Federation, one: int, other: int) -> None:
    four.publish(OWNER, *(sample_record("uk", photos=None) for _ in range(one - 1)))
    assert four.pull(ONE, OWNER).error == ""
    shown_to(four, OTHER, face(four, other))
    assert find_feed(four[OTHER], OWNER).size == other
    four.pull(ONE, OTHER)
    four.pull(OTHER, ONE)
    finder = ONE if one >= other else OTHER
    (view,) = kept(four, finder)
    assert (sizes(view), view.kept.found) == ((min(one, other), max(one, other)), evidence.HEADS)
    check(four, view)
    assert state(four, finder) == feeds.SPLIT


def test_a_head_that_was_cosigned_and_not_pulled_is_compared_too(four: Federation) -> None:
    four.pull(ONE, OWNER)
    row = find_feed(four[ONE], OWNER)
    longer, other = face(four, 3), face(four, 2)
    other.put(7)
    with reading(four[ONE].engine) as conn:
        before = heads.newest_head(conn, row.id)
    checkpoint = longer.checkpoint()
    with writing(four[ONE].engine) as conn:
        root = head_of(checkpoint).root
        heads.advance_head(conn, row.id, before, 3, root, checkpoint, four.clock())
    asked = exchange(four, ONE, OTHER)
    assert not gossip.hold_head(four[ONE], checkpoint, asked, evidence.HEADS)
    assert gossip.hold_head(four[ONE], other.checkpoint(), asked, evidence.HEADS)
    assert sizes(kept(four, ONE)[0]) == (3, 3)


def exchange(federation: Federation, member: str, other: str) -> Exchange:
    with reading(federation[member].engine) as conn:
        return exchange_with(conn, federation[member], other)


def test_one_history_at_many_sizes_accuses_nobody(four: Federation) -> None:
    for number in range(5):
        four.pull((ONE, OTHER)[number % 2], OWNER)
        four.publish(OWNER, sample_record("uk", photos=None))
        four.clock.advance(seconds=301)
        for one, other in ((ONE, OTHER), (OTHER, ONE)):
            assert four.pull(one, other).error == ""
    assert kept(four, ONE) == kept(four, OTHER) == []
    assert state(four, ONE) == state(four, OTHER) == feeds.OPEN


def test_what_is_not_here_any_more_is_looked_at_from_where_it_is(four: Federation) -> None:
    """A head from before the beginning of what is kept cannot be told; one from behind it can."""
    four.publish(OWNER, *(sample_record("uk", photos=None) for _ in range(299)))
    four.pull(ONE, OWNER)
    with writing(four[ONE].engine) as conn:
        waypoints.remember_trees(conn)
        row = find_feed(four[ONE], OWNER)
        conn.execute(feeds.feed_bundle.delete().where(feeds.feed_bundle.c.place == 0))
        assert waypoints.nearest_tree(conn, ORIGIN, 299).size == 0
        assert waypoints.nearest_tree(conn, ORIGIN, 300).size == row.size == 300
    four.publish(OWNER, *(sample_record("uk", photos=None) for _ in range(5)))
    four.pull(ONE, OWNER)
    honest, other = Liar(four, OWNER), face(four, 302)
    for size, stopped in ((299, False), (302, True)):
        for liar, expected in ((honest, False), (other, stopped)):
            head = liar.checkpoint(size)
            asked = exchange(four, ONE, OTHER)
            assert gossip.hold_head(four[ONE], head, asked, evidence.HEADS) == expected
    assert sizes(kept(four, ONE)[0]) == (302, 305)


def test_very_old_heads_do_not_keep_a_node_busy(four: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gossip, "_LOOK_SECONDS", -1.0)
    four.publish(OWNER, sample_record("uk", photos=None))
    four.pull(OTHER, OWNER)  # which then knows a head that has to be looked at
    for _ in range(2):
        four.clock.advance(seconds=301)
        four.wire.calls.clear()
        assert four.pull(ONE, OTHER).error == ""
        assert [status for call, status in four.wire.calls if call.path == "/heads"] == [200]


def test_heads_are_asked_for_now_and_then_and_cost_nothing_when_they_are_known(four: Federation) -> None:
    def asked() -> list[int]:
        four.wire.calls.clear()
        assert four.pull(ONE, OTHER).error == ""
        return [status for call, status in four.wire.calls if call.path == "/heads"]

    assert asked() == [200]
    assert asked() == []
    four.clock.advance(seconds=301)
    assert asked() == [304]
    four.pull(OTHER, OWNER)
    four.clock.advance(seconds=301)
    assert asked() == [200]


def test_a_member_that_tells_no_heads_is_no_liar(four: Federation) -> None:
    four.wire.faults[OTHER] = [answering("/heads", b"", 404)]
    assert four.pull(ONE, OTHER).error == ""


def test_an_answer_that_is_none_is_a_lie_of_whoever_gives_it(four: Federation) -> None:
    for body in (b"", b"{}", format_heads([b"no note"], [])):
        four.clock.advance(seconds=301)
        four.wire.faults[OTHER] = [answering("/heads", body)]
        assert four.pull(ONE, OTHER).lying


def test_heads_that_nobody_in_force_has_signed_say_nothing(four: Federation) -> None:
    four.pull(ONE, OWNER)
    head = head_of(face(four).checkpoint())
    forged = format_note(sign_checkpoint(head, Ed25519Signer(ORIGIN, ED25519, private_key(77))))
    unknown = format_note(
        sign_checkpoint(
            replace(head, origin="police.xx.example/network"),
            Ed25519Signer("police.xx.example/network", ED25519, private_key(78)),
        )
    )
    before = dump(four[ONE])
    four.wire.faults[OTHER] = [answering("/heads", format_heads([forged, unknown], [b"{}", b"x"]))]
    assert four.pull(ONE, OTHER).error == ""
    assert {**dump(four[ONE]), "feed": [], "head": []} == {**before, "feed": [], "head": []}
    assert (state(four, ONE), kept(four, ONE)) == (feeds.OPEN, [])


# --- Handed on ---


def test_what_one_finds_goes_to_all_who_may_know(four: Federation) -> None:
    four.pull(ONE, OWNER)
    shown_to(four, ONE, face(four, 3))
    (found,) = kept(four, ONE)
    assert gossip.pass_on(four[ONE]) == 3
    for member in (OTHER, HELPER, OWNER):
        (view,) = kept(four, member)
        assert (view.kept.data, view.kept.found, view.kept.source) == (
            found.kept.data,
            evidence.RECEIVED,
            ONE,
        )
        assert state(four, member) == feeds.SPLIT
    assert "stopped" in four.pull(HELPER, OWNER).error
    four.wire.calls.clear()
    assert [gossip.pass_on(four[member]) for member in (ONE, OTHER, OWNER)] == [0, 0, 0]
    assert four.wire.calls == []
    with pytest.raises(Conflict, match="two faces"):
        four.publish(OWNER, sample_record("uk", photos=None))


def test_it_is_sent_again_until_it_is_taken(pair: Federation) -> None:
    pair.pull(ONE, OWNER)
    shown_to(pair, ONE, face(pair))
    pair.wire.faults[OWNER] = [down]
    assert gossip.pass_on(pair[ONE]) == 0
    assert gossip.pass_on(pair[ONE]) == 0
    (delivery,) = kept(pair, ONE)[0].deliveries
    assert (delivery.member, delivery.taken_at, delivery.failures) == (OWNER, None, 1)
    assert "reached" in delivery.error
    pair.clock.advance(seconds=31)
    gossip.pass_on(pair[ONE])
    assert kept(pair, ONE)[0].deliveries[0].failures == 2
    del pair.wire.faults[OWNER]
    pair.clock.advance(seconds=31)
    assert gossip.pass_on(pair[ONE]) == 0  # the pauses grow
    pair.clock.advance(seconds=31)
    assert gossip.pass_on(pair[ONE]) == 1
    (delivery,) = kept(pair, ONE)[0].deliveries
    assert (delivery.taken_at, delivery.error) == (pair.clock(), "")


def test_whoever_cannot_be_reached_hears_of_it_when_it_asks(four: Federation) -> None:
    four.pull(HELPER, OWNER)
    four.pull(ONE, OWNER)
    shown_to(four, ONE, face(four, 3))
    assert four.pull(HELPER, ONE).error == ""
    (view,) = kept(four, HELPER)
    assert (view.kept.found, view.kept.source, state(four, HELPER)) == (evidence.RECEIVED, ONE, feeds.SPLIT)


def test_of_police_feeds_only_forces_hear(four: Federation) -> None:
    four.pull(ONE, OWNER)
    shown_to(four, ONE, face(four, 3, "police"))
    assert (state(four, ONE, "police"), state(four, ONE)) == (feeds.SPLIT, feeds.OPEN)
    assert gossip.pass_on(four[ONE]) == 2
    assert (len(kept(four, OTHER)), kept(four, HELPER)) == (1, [])
    four.pull(HELPER, ONE)
    assert kept(four, HELPER) == []
    told = four.ask(HELPER, ONE, "GET", "/heads").body
    assert b"/network" in told
    assert b"/police" not in told
    assert b"/police" in four.ask(OTHER, ONE, "GET", "/heads").body

    data = kept(four, ONE)[0].kept.data
    unknown = data.replace(OWNER.encode(), b"police.xx.example")
    before = dump(four[OTHER])
    answers = [four.ask(HELPER, OTHER, "POST", "/evidence", body) for body in (data, unknown)]
    assert [answer.status for answer in answers] == [404, 404]
    assert answers[0].body == answers[1].body
    assert dump(four[OTHER]) == before


def test_who_may_ask_and_tell(four: Federation) -> None:
    four.announce(OTHER, state="removed", removed_at=four.clock())
    for method, path in (("GET", "/heads"), ("POST", "/evidence")):
        assert four.ask(None, ONE, method, path).status == 401
        assert four.ask(OTHER, ONE, method, path).status == 403
    four.pull(ONE, OWNER)
    shown_to(four, ONE, face(four))
    gossip.pass_on(four[ONE])
    assert (kept(four, OTHER), len(kept(four, HELPER))) == ([], 1)


# --- What proves nothing ---


def forged(federation: Federation) -> Evidence:
    liar = face(federation)
    head = head_of(liar.checkpoint())
    note = format_note(sign_checkpoint(head, Ed25519Signer(ORIGIN, ED25519, private_key(77))))
    return Evidence(ORIGIN, note, liar.checkpoint())


def one_history(federation: Federation) -> Evidence:
    liar = Liar(federation, OWNER)
    smaller = liar.checkpoint()
    liar.put(5)
    places = (*subtrees(0, 1), *subtrees(1, 2))
    return Evidence(
        ORIGIN, smaller, liar.checkpoint(), tuple(node_reader(liar.entries)(*at) for at in places)
    )


def the_same_twice(federation: Federation) -> Evidence:
    note = Liar(federation, OWNER).checkpoint()
    return Evidence(ORIGIN, note, note)


def wrong_hashes(federation: Federation) -> Evidence:
    liar = face(federation, 2)
    return Evidence(ORIGIN, Liar(federation, OWNER).checkpoint(), liar.checkpoint(), (b"a" * 32, b"b" * 32))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (forged, "does not verify|no trusted key"),
        (one_history, "proves nothing: the smaller head is the beginning"),
        (the_same_twice, "proves nothing: both heads are the same"),
        (wrong_hashes, "proves nothing: its hashes do not lead"),
    ],
)
def test_evidence_that_proves_nothing_changes_nothing(
    pair: Federation, make: Callable[[Federation], Evidence], says: str
) -> None:
    pair.pull(ONE, OWNER)
    data, before = format_evidence(make(pair)), dump(pair[ONE])
    answer = pair.ask(OWNER, ONE, "POST", "/evidence", data)
    assert answer.status == 400
    assert any(words in json.loads(answer.body)["detail"] for words in says.split("|"))
    assert (dump(pair[ONE]), state(pair, ONE)) == (before, feeds.OPEN)


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 100, b'{"schema":"evidence/2.0"}'])
def test_what_is_no_evidence(pair: Federation, body: bytes) -> None:
    before = dump(pair[ONE])
    assert pair.ask(OWNER, ONE, "POST", "/evidence", body).status == 400
    assert pair.ask(OWNER, ONE, "POST", "/evidence", body + b" " * 20_000).status == 413
    assert dump(pair[ONE]) == before


def test_a_key_that_has_ended_stops_no_feed(pair: Federation) -> None:
    """Whoever finds a replaced key later could otherwise stop its owner's feed at will."""
    pair.pull(ONE, OWNER)
    entry = pair.coordinator.trusted.roster.member(OWNER)
    stolen = Ed25519Signer(ORIGIN, ED25519, private_key(77))
    listed = replace(
        entry.feed("network"), retired=(RetiredKey(stolen.key, pair.clock() + timedelta(days=1)),)
    )
    pair.announce(OWNER, feeds=(listed, *entry.feeds[1:]))
    pair.accept_all(pair[ONE])
    liar = face(pair)
    head = head_of(liar.checkpoint())
    proof = Evidence(
        ORIGIN, find_feed(pair[ONE], OWNER).note or b"", format_note(sign_checkpoint(head, stolen))
    )
    pair.clock.advance(days=2)
    assert pair.ask(OWNER, ONE, "POST", "/evidence", format_evidence(proof)).status == 400
    assert state(pair, ONE) == feeds.OPEN
    evidence.check_file(format_evidence(proof), pair[ONE].network().roster)  # people see that it is true


# --- The owner itself ---


def test_an_owner_that_is_shown_a_larger_head_of_its_own_is_behind(pair: Federation) -> None:
    pair.pull(ONE, OWNER)
    saved = pair.save(OWNER)
    pair.publish(OWNER, sample_record("uk", photos=None))
    pair.pull(ONE, OWNER)
    pair.restore(OWNER, saved)
    pair.pull(OWNER, ONE)
    row = find_feed(pair[OWNER], OWNER)
    assert (row.state, kept(pair, OWNER)) == (feeds.BEHIND, [])


def test_an_owner_hears_that_another_signs_with_its_key(four: Federation) -> None:
    shown_to(four, ONE, face(four))
    four.pull(OWNER, ONE)
    (view,) = kept(four, OWNER)
    assert (view.kept.member, view.kept.found) == (OWNER, evidence.HEADS)
    assert state(four, OWNER) == feeds.SPLIT


# --- What people decide ---


def test_a_feed_goes_on_when_people_have_decided(pair: Federation) -> None:
    pair.pull(ONE, OWNER)
    liar = face(pair)
    shown_to(pair, ONE, liar)
    (view,) = kept(pair, ONE)
    with pytest.raises(InvalidInput, match="reason"):
        evidence.close(pair[ONE], view.kept.id[:12], " ", "anna")
    with pytest.raises(NotFound):
        evidence.close(pair[ONE], "zz", "why", "anna")
    evidence.close(pair[ONE], view.kept.id[:12], "the copy of a machine, switched off", "anna")
    with pytest.raises(Conflict, match="anna"):
        evidence.close(pair[ONE], view.kept.id, "again", "anna")
    (closed,) = kept(pair, ONE)
    assert (closed.kept.closed_at, closed.kept.closed_by) == (pair.clock(), "anna")
    assert pair.pull(ONE, OWNER).error == ""
    assert state(pair, ONE) == feeds.OPEN

    # The same evidence, and the same head against a newer one of ours, are no news.
    pair.publish(OWNER, sample_record("uk", photos=None))
    assert pair.pull(ONE, OWNER).error == ""
    ours = Liar(pair, OWNER)
    again = gather_evidence(
        liar.checkpoint(),
        ours.checkpoint(),
        ours.federation[OWNER].network().roster.member(OWNER).feed("network").keys,
        node_reader(ours.entries),
    )
    for data in (view.kept.data, format_evidence(again)):
        assert pair.ask(OWNER, ONE, "POST", "/evidence", data).status == 204
    assert (kept(pair, ONE), state(pair, ONE)) == ([closed], feeds.OPEN)
    assert gossip.pass_on(pair[ONE]) == 0

    # Another face is.
    shown_to(pair, ONE, face(pair, 2))
    assert (len(kept(pair, ONE)), state(pair, ONE)) == (2, feeds.SPLIT)
    with pytest.raises(InvalidInput, match="Several"):
        evidence.find_evidence(pair[ONE], "")


def test_whoever_holds_the_key_cannot_fill_the_disk(pair: Federation) -> None:
    pair.pull(ONE, OWNER)
    for number in range(1, evidence.MAX_OPEN + 5):
        other = face(pair, 2)
        other.put(number + 10)
        data = format_evidence(Evidence(ORIGIN, face(pair, 3).checkpoint(), other.checkpoint()))
        assert pair.ask(OWNER, ONE, "POST", "/evidence", data).status == 204
    assert len(kept(pair, ONE)) == evidence.MAX_OPEN


def test_a_feed_that_the_network_has_frozen_is_decided(pair: Federation) -> None:
    pair.pull(ONE, OWNER)
    row, liar = find_feed(pair[ONE], OWNER), face(pair, 3)
    shown_to(pair, ONE, liar)
    entry = pair.coordinator.trusted.roster.member(OWNER)
    frozen = FrozenHead(row.size, row.known().frontier.root())
    listed = replace(entry.feed("network"), state="frozen", frozen=frozen)
    pair.announce(OWNER, feeds=(listed, *entry.feeds[1:]))
    pair.accept_all(pair[ONE])
    assert pair.pull(ONE, OWNER).error == ""
    with reading(pair[ONE].engine) as conn:
        data = store.list_evidence(conn)[0].data
    assert pair.ask(OWNER, ONE, "POST", "/evidence", data).status == 204
    assert len(kept(pair, ONE)) == 1


def test_evidence_is_checked_without_asking_anybody(pair: Federation) -> None:
    pair.pull(ONE, OWNER)
    shown_to(pair, ONE, face(pair, 3))
    data = kept(pair, ONE)[0].kept.data
    roster = pair.coordinator.trusted.roster
    for keys in (roster, roster.member(OWNER).feed("network").keys):
        proof, smaller, larger = evidence.check_file(data, keys)
        assert (proof.origin, smaller.size, larger.size) == (ORIGIN, 1, 3)
    with pytest.raises(NotFound, match="lists no feed"):
        evidence.check_file(data.replace(OWNER.encode(), b"police.xx.example"), roster)
