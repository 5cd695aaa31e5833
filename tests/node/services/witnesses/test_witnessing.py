"""Witnesses see a head before anybody else does: with their quorum, without it, and when they say no."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.adapters.http import Answer
from node.errors import Conflict
from node.services.disclosure import own_feeds, publishing
from node.services.safekeeping import recovery
from node.services.witnesses import witnessing
from node.services.witnesses.witnessing import (
    DEADLINE_SECONDS,
    LEASE,
    REFRESH,
    RETRY,
    witnessed_at,
    witnesses_of,
)
from node.store import marks
from node.store.database import reading, writing
from node.store.federation import heads, witnesses
from node.store.federation.witnesses import WitnessAnswer
from node.store.published import feeds
from node.store.published.feeds import FeedRow
from protocol.checkpoint import Checkpoint, cosign, parse_checkpoint, sign_checkpoint
from protocol.member_keys import RetiredKey
from protocol.note import COSIGNATURE, ED25519, Ed25519Signer, format_note, parse_note
from protocol.policy import Policy
from protocol.witness import format_cosignatures, parse_submission
from tests.databases import pg_address
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Ask, Call, Fault, Federation, down
from tests.liars import problems

OWNER, FIRST, READER = FR[0], DE[0], NGO[0]
BR = ("police.br.example", "BR", "law_enforcement")
SECOND = BR[0]
ADD = "/witness/add-checkpoint"
CHECKPOINT = "/feeds/network/checkpoint"


def policy(quorum: int = 2, **options: Any) -> Policy:
    asked = (FIRST, SECOND)
    return Policy(
        witnesses={"network": asked, "police": asked}, quorum={"network": quorum, "police": quorum}, **options
    )


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, (FR, DE, BR, NGO), policy=policy())
    witnessing.confirm(made[OWNER])
    made.clock.advance(minutes=2)
    yield made
    made.close()


def own_feed(federation: Federation, audience: str = "network", member: str = OWNER) -> FeedRow:
    with reading(federation[member].engine) as conn:
        row = feeds.find_feed(conn, OWNER, audience)
    assert row is not None
    return row


def vouched(federation: Federation, row: FeedRow | None = None) -> Any:
    """Return until when a quorum vouches for the published head of the owner's network feed."""
    row = row or own_feed(federation)
    asked = witnesses_of(federation[OWNER].network(), OWNER, row.audience, federation.clock())
    return witnessed_at(row.note or b"", asked)


def answers(federation: Federation, audience: str = "network") -> dict[str, WitnessAnswer]:
    row = own_feed(federation, audience)
    with reading(federation[OWNER].engine) as conn:
        return {answer.member: answer for answer in witnesses.list_answers(conn, row.id)}


def publish(federation: Federation, count: int = 1) -> list[str]:
    found = federation.publish(OWNER, *(sample_record("ar", photos=None) for _ in range(count)))
    return [published.case_id for published in found]


def size_of(note: bytes | None) -> int:
    return parse_checkpoint(parse_note(note or b"").text).size


def submissions(federation: Federation) -> list[tuple[str, int]]:
    return [(call.member, status) for call, status in federation.wire.calls if call.path == ADD]


def answering(change: Callable[[Call, Answer], Answer], path: str = ADD) -> Fault:
    def fault(call: Call, ask: Ask) -> Answer:
        return change(call, ask()) if call.path.startswith(path) else ask()

    return fault


def saying(status: int, body: bytes) -> Fault:
    return answering(lambda call, answer: replace(answer, status=status, body=body))


def test_with_the_quorum_a_head_is_published_as_witnessed(federation: Federation) -> None:
    publish(federation)
    for audience in ("network", "police"):
        row = own_feed(federation, audience)
        assert row.pending is None
        assert (size_of(row.note), row.published_size()) == (1, 1)
        assert vouched(federation, row) == federation.clock()
        assert len(parse_note(row.note or b"").signatures) == 3
        for witness in (FIRST, SECOND):
            with reading(federation[witness].engine) as conn:
                kept = feeds.find_feed(conn, OWNER, audience)
                assert kept is not None
                head = heads.newest_head(conn, kept.id)
                assert head is not None
                assert (head.size, head.root) == (1, row.known().frontier.root())
    assert federation.pull(READER, OWNER).error == ""
    assert vouched(federation, own_feed(federation, member=READER)) == federation.clock()
    assert problems(federation[OWNER]) == []


def test_a_head_is_seen_by_its_witnesses_before_anybody_can_read_it(federation: Federation) -> None:
    seen: list[tuple[int, int]] = []

    def look(call: Call, ask: Ask) -> Answer:
        if call.path == ADD and b"/network\n" in call.body:
            published = federation.ask(READER, OWNER, "GET", CHECKPOINT)
            tile = federation.ask(READER, OWNER, "GET", "/feeds/network/tile/entries/000.p/1")
            seen.append((size_of(published.body), tile.status))
        return ask()

    federation.wire.faults[FIRST] = [look]
    publish(federation)
    assert seen[-1] == (0, 404)
    assert size_of(federation.ask(READER, OWNER, "GET", CHECKPOINT).body) == 1
    assert federation.ask(READER, OWNER, "GET", "/feeds/network/tile/entries/000.p/1").status == 200


def test_without_the_quorum_it_is_published_unwitnessed_and_asked_for_again(federation: Federation) -> None:
    federation.wire.faults[SECOND] = [down]
    publish(federation)
    row = own_feed(federation)
    assert (size_of(row.note), row.pending, vouched(federation)) == (1, None, None)
    assert answers(federation)[FIRST].problem == ""
    assert answers(federation)[SECOND].problem == "It cannot be reached."
    federation.wire.faults.clear()
    witnessing.refresh(federation[OWNER])
    assert own_feed(federation).note == row.note, "not asked again within a minute"
    federation.clock.advance(seconds=RETRY.total_seconds())
    witnessing.refresh(federation[OWNER])
    after = own_feed(federation)
    assert after.note != row.note
    assert (size_of(after.note), vouched(federation)) == (1, federation.clock())
    assert answers(federation)[SECOND].problem == ""


def test_a_slow_witness_is_waited_for_two_seconds(federation: Federation) -> None:
    def drip(call: Call, ask: Ask) -> Answer:
        time.sleep(DEADLINE_SECONDS + 1)
        return ask()

    federation.wire.faults[SECOND] = [drip]
    witnessing.check_may_sign(federation[OWNER])
    begun = time.monotonic()
    publish(federation)
    assert DEADLINE_SECONDS < time.monotonic() - begun < 2 * DEADLINE_SECONDS
    assert vouched(federation) is None
    assert answers(federation)[SECOND].problem == "It did not answer in time."
    deadlines = [call.deadline for call, _ in federation.wire.calls if call.path == ADD]
    assert max(deadlines) <= DEADLINE_SECONDS


def test_what_a_lying_witness_says_counts_for_nothing_and_stops_nothing(federation: Federation) -> None:
    stranger = Ed25519Signer(
        SECOND, COSIGNATURE, federation[READER].feed_signer("network").private
    )  # the right name, and another key

    def by_stranger(call: Call, answer: Answer) -> Answer:
        note = parse_submission(call.body).note
        line = cosign(note, stranger, federation.clock()).signatures[-1]
        return replace(answer, body=format_cosignatures([line]))

    def damaged(call: Call, answer: Answer) -> Answer:
        at = answer.body.index(b" ", 4) + 20
        other = b"A" if answer.body[at : at + 1] != b"A" else b"B"
        return replace(answer, body=answer.body[:at] + other + answer.body[at + 1 :])

    lies: list[Fault] = [
        answering(by_stranger),
        answering(damaged),
        saying(200, b""),
        saying(200, b"\xff\x00 nothing"),
        saying(200, b"x" * 60_000),
        saying(409, b"1000000\n"),
        saying(409, b"1e3\n"),
        saying(409, b"0\n"),
        saying(422, b"no\n"),
        saying(404, b"who are you?\n"),
        saying(500, b"<html>"),
    ]
    for number, lie in enumerate(lies, 1):
        federation.clock.advance(minutes=10)
        federation.wire.faults[SECOND] = [lie]
        publish(federation)
        row = own_feed(federation)
        assert (size_of(row.note), row.state, row.pending) == (number, feeds.OPEN, None)
        assert vouched(federation) is None, number
        assert answers(federation)[SECOND].problem != "", number
        assert len(parse_note(row.note or b"").signatures) == 2
    federation.wire.faults.clear()
    publish(federation)
    assert vouched(federation) == federation.clock()


def replace_key(federation: Federation, until: timedelta) -> Ed25519Signer:
    """Have the roster say that the owner's network feed had another key before; return that one."""
    entry = federation[OWNER].entry()
    feed = entry.feed("network")
    old = Ed25519Signer(feed.origin, ED25519, Ed25519PrivateKey.generate())
    retired = (RetiredKey(old.key, federation.clock() + until),)
    others = tuple(one for one in entry.feeds if one.audience != "network")
    federation.announce(OWNER, feeds=(replace(feed, retired=retired), *others))
    return old


@pytest.mark.parametrize(("until", "stopped"), [(timedelta(days=-1), False), (timedelta(days=1), True)])
def test_a_head_under_a_key_that_was_replaced_long_ago_stops_nobody(
    federation: Federation, until: timedelta, stopped: bool
) -> None:
    """A witness has got hold of an old key of the owner's, and shows a head under it that is larger."""
    publish(federation)
    old = replace_key(federation, until)
    shown = format_note(sign_checkpoint(Checkpoint(own_feed(federation).origin, 50, b"x" * 32), old))

    def show(call: Call, ask: Ask) -> Answer:
        if call.path == ADD:
            return Answer(409, {}, b"50\n")
        return Answer(200, {}, shown) if call.path.startswith("/witness/") else ask()

    federation.wire.faults[SECOND] = [show]
    federation.clock.advance(minutes=10)
    if stopped:
        with pytest.raises(Conflict, match="behind its own past"):
            publish(federation)
    else:
        publish(federation)
        row = own_feed(federation)
        assert (row.state, row.size, row.pending) == (feeds.OPEN, 2, None)
        assert "knows another head" in answers(federation)[SECOND].problem


def test_a_witness_that_missed_heads_is_told_from_where_it_stands(federation: Federation) -> None:
    federation.wire.faults[SECOND] = [down]
    for _ in range(3):
        publish(federation, 2)
    federation.wire.faults.clear()
    federation.wire.calls.clear()
    publish(federation)
    assert vouched(federation) == federation.clock()
    assert (SECOND, 409) in submissions(federation)
    assert (FIRST, 409) not in submissions(federation)


def test_without_witnesses_nobody_is_asked_and_the_head_is_published_at_once(tmp_path: Path) -> None:
    federation = Federation(tmp_path)
    publish(federation)
    row = own_feed(federation)
    assert (size_of(row.note), row.pending) == (1, None)
    assert federation.wire.calls == []
    with writing(federation[OWNER].engine):  # nobody else gets to write now
        assert witnessing.clock_offset(federation[OWNER]) is None
        witnessing.refresh(federation[OWNER])
        witnessing.confirm(federation[OWNER])
    federation.close()


def test_a_witness_s_own_feed_needs_the_others_only(federation: Federation) -> None:
    asked = witnesses_of(federation[OWNER].network(), FIRST, "network", federation.clock())
    assert ([member.id for member in asked.members], asked.quorum) == ([SECOND], 1)


def test_a_clone_that_goes_on_from_an_old_state_is_stopped(federation: Federation) -> None:
    publish(federation)
    saved = federation.save(OWNER)
    publish(federation, 3)
    head = own_feed(federation)
    federation.restore(OWNER, saved)  # within the lease: it signs, and its witnesses stop it
    with pytest.raises(Conflict, match="behind its own past"):
        publish(federation)
    row = own_feed(federation)
    assert (row.state, size_of(row.note), size_of(row.pending)) == (feeds.BEHIND, 1, 2)
    assert size_of(row.newer_head) == 4
    assert FIRST in row.reason or SECOND in row.reason
    signed = len(submissions(federation))
    with pytest.raises(Conflict, match="behind its own past"):
        publish(federation)
    own_feeds.open_feeds(federation[OWNER])
    assert own_feed(federation).pending == row.pending
    assert len(submissions(federation)) == signed
    witnessing.refresh(federation[OWNER])
    federation.clock.advance(hours=3)
    witnessing.refresh(federation[OWNER])
    assert own_feed(federation).note == row.note
    for witness in (FIRST, SECOND):
        with reading(federation[witness].engine) as conn:
            kept = feeds.find_feed(conn, OWNER, "network")
            assert kept is not None
            newest = heads.newest_head(conn, kept.id)
            assert newest is not None
            assert (newest.size, newest.root) == (4, head.known().frontier.root())


def test_another_past_of_the_same_size_is_stopped_too(federation: Federation) -> None:
    publish(federation)
    saved = federation.save(OWNER)
    publish(federation)
    federation.restore(OWNER, saved)
    with pytest.raises(Conflict, match="behind its own past"):
        publish(federation)
    assert own_feed(federation).state == feeds.BEHIND
    assert (FIRST, 422) in submissions(federation)
    assert size_of(own_feed(federation).note) == 1


def test_another_past_that_is_larger_than_the_witnesses_know_is_stopped(federation: Federation) -> None:
    publish(federation)
    saved = federation.save(OWNER)
    publish(federation)
    federation.restore(OWNER, saved)
    with pytest.raises(Conflict, match="behind its own past"):
        publish(federation, 5)
    assert own_feed(federation).state == feeds.BEHIND


def test_a_witness_that_has_only_pulled_the_newest_head_stops_a_clone_too(federation: Federation) -> None:
    publish(federation)
    saved = federation.save(OWNER)
    federation.wire.faults[FIRST] = [down]
    publish(federation)
    federation.wire.faults.clear()
    assert federation.pull(FIRST, OWNER).error == ""
    federation.restore(OWNER, saved)
    federation.wire.faults[SECOND] = [down]
    federation.clock.advance(hours=1)
    with pytest.raises(Conflict, match="behind its own past"):
        publish(federation)
    row = own_feed(federation)
    assert (row.state, row.pending, size_of(row.newer_head)) == (feeds.BEHIND, None, 2)


def test_a_clone_that_was_stopped_in_time_fetches_its_past_and_goes_on(federation: Federation) -> None:
    publish(federation)
    saved = federation.save(OWNER)
    publish(federation, 2)
    for member in (FIRST, SECOND, READER):
        assert federation.pull(member, OWNER).error == ""
    federation.restore(OWNER, saved)
    federation.clock.advance(minutes=6)
    with pytest.raises(Conflict, match="behind its own past"):
        publish(federation)
    recovered = recovery.recover(federation[OWNER])
    assert recovered is not None
    assert own_feed(federation).state == feeds.OPEN
    publish(federation)
    assert (size_of(own_feed(federation).note), vouched(federation)) == (4, federation.clock())
    for member in (FIRST, SECOND, READER):
        assert federation.pull(member, OWNER).error == ""
        assert own_feed(federation, member=member).size == 4
    assert problems(federation[OWNER]) == []


@pytest.mark.parametrize("later", [LEASE, timedelta(days=1)])
def test_once_the_lease_has_run_out_a_clone_learns_it_before_it_signs(
    federation: Federation, later: timedelta
) -> None:
    publish(federation)
    saved = federation.save(OWNER)
    publish(federation)
    federation.restore(OWNER, saved)
    federation.clock.advance(seconds=later.total_seconds())
    federation.wire.faults[SECOND] = [down]  # one that knows is enough
    with pytest.raises(Conflict, match="behind its own past"):
        publish(federation)
    row = own_feed(federation)
    assert (row.state, row.size, row.pending) == (feeds.BEHIND, 1, None)


def test_a_copy_asks_before_its_first_signature_whatever_the_original_heard(federation: Federation) -> None:
    publish(federation)
    saved = federation.save(OWNER)
    publish(federation)
    federation.restore(OWNER, saved)
    federation.reopen(OWNER)
    with pytest.raises(Conflict, match="behind its own past"):
        publish(federation)
    row = own_feed(federation)
    assert (row.state, row.size, row.pending) == (feeds.BEHIND, 1, None)


def test_the_witnesses_are_asked_before_signing_once_in_a_lease(federation: Federation) -> None:
    publish(federation)
    one_publication = [(member, 200) for member in (FIRST, SECOND)] * 2  # of two feeds
    for seconds, asked_before in ((1, False), (59, False), (60, True)):
        federation.clock.advance(seconds=seconds)
        federation.wire.calls.clear()
        publish(federation)
        expected = one_publication * (2 if asked_before else 1)
        assert sorted(submissions(federation)) == sorted(expected)


def test_with_nobody_in_reach_it_goes_on_unwitnessed(federation: Federation) -> None:
    federation.wire.faults.update({FIRST: [down], SECOND: [down]})
    federation.clock.advance(hours=1)
    publish(federation)
    assert (size_of(own_feed(federation).note), vouched(federation)) == (1, None)


def test_a_restored_node_signs_nothing_until_it_knows_what_happened_since(federation: Federation) -> None:
    publish(federation)
    with writing(federation[OWNER].engine) as conn:
        marks.set_mark(conn, marks.RESTORED, federation.clock())
    with pytest.raises(Conflict, match="was restored"):
        publish(federation)
    with writing(federation[FIRST].engine) as conn:
        marks.set_mark(conn, marks.RESTORED, federation.clock())
    federation.clock.advance(minutes=5)
    witnessing.confirm(federation[OWNER])
    assert answers(federation)[FIRST].problem.startswith("It answered 503")
    assert answers(federation)[SECOND].problem == ""


class Crash(BaseException):
    """The process ends here."""


def crash(*_: Any) -> None:
    raise Crash


def test_a_crash_between_signing_and_publishing_publishes_nothing_and_loses_nothing(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(federation)
    before = own_feed(federation)

    for module, name in (
        (witnessing, "publish_pending"),
        (witnessing, "_submit_all"),
        (witnesses, "record_answers"),
        (feeds, "publish_note"),
    ):

        @contextmanager
        def then_crash(*args: Any, at: Any = (module, name), **options: Any) -> Iterator[Any]:
            with writing(*args, **options) as conn:
                yield conn
            module, name = at
            broken.setattr(module, name, crash)

        with monkeypatch.context() as broken:
            broken.setattr(own_feeds, "writing", then_crash)
            with pytest.raises(Crash):
                publish(federation)
        assert own_feed(federation).note == before.note
        assert problems(federation[OWNER]) == []
    assert size_of(own_feed(federation).pending) == 5
    witnessing.refresh(federation[OWNER])
    after = own_feed(federation)
    assert (size_of(after.note), after.pending, vouched(federation)) == (5, None, federation.clock())
    assert federation.pull(READER, OWNER).leaves == 5


def test_heads_signed_while_another_is_submitted_are_published_too(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = publish(federation)
    really, others = witnessing._submit_all, iter([True])

    def meanwhile(*arguments: Any) -> Any:
        replies = really(*arguments)
        if next(others, False):
            publishing.publish(federation[OWNER], [case], "another process")
        return replies

    monkeypatch.setattr(witnessing, "_submit_all", meanwhile)
    publish(federation)
    row = own_feed(federation)
    assert (size_of(row.note), row.pending, row.state) == (3, None, feeds.OPEN)


def test_a_faster_process_of_the_same_node_is_no_other_past(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    (case,) = publish(federation)
    really, others = witnessing._submit, iter([True])

    def late(*arguments: Any) -> Any:
        if next(others, False):
            publishing.publish(federation[OWNER], [case], "another process")
        return really(*arguments)

    monkeypatch.setattr(witnessing, "_submit", late)
    publish(federation)
    row = own_feed(federation)
    assert (size_of(row.note), row.pending, row.state) == (3, None, feeds.OPEN)


def test_cosignatures_are_renewed_every_hour_and_the_bytes_stay_in_between(federation: Federation) -> None:
    publish(federation)
    first = own_feed(federation).note
    federation.pull(READER, OWNER)
    for minutes in (1, 8, 50):
        federation.clock.advance(minutes=minutes)
        witnessing.check_may_sign(federation[OWNER])
        witnessing.refresh(federation[OWNER])
        assert own_feed(federation).note == first
    federation.clock.advance(minutes=1)
    witnessing.refresh(federation[OWNER])
    second = own_feed(federation).note
    assert second != first
    assert parse_note(second or b"").text == parse_note(first or b"").text
    assert vouched(federation) == federation.clock()
    assert len(parse_note(second or b"").signatures) == 3
    report = federation.pull(READER, OWNER)
    assert (report.error, report.leaves) == ("", 0)
    assert own_feed(federation, member=READER).note == second
    federation.wire.faults.update({FIRST: [down], SECOND: [down]})
    federation.clock.advance(seconds=2 * REFRESH.total_seconds())
    witnessing.refresh(federation[OWNER])
    assert own_feed(federation).note == second, "what is there is better than nothing"


def test_a_clock_that_is_far_off_signs_nothing_until_it_is_set(federation: Federation) -> None:
    node, clock = federation[OWNER], federation.clock
    for minutes in (-20, 20):
        error = timedelta(minutes=minutes)
        federation.nodes[OWNER] = replace(node, clock=partial(lambda error: clock() + error, error))
        side = "behind" if minutes < 0 else "ahead"
        before = own_feed(federation).size
        with pytest.raises(Conflict, match=f"20 minutes {side}"):
            publish(federation)
        assert own_feed(federation).size == before
        assert witnessing.clock_offset(federation[OWNER]) == timedelta(minutes=-minutes)
        federation.nodes[OWNER] = node
        publish(federation)
        assert witnessing.clock_offset(node) == timedelta(0)
        clock.advance(hours=1)


def test_one_witness_with_a_wrong_clock_is_outvoted(tmp_path: Path) -> None:
    pl = ("police.pl.example", "PL", "law_enforcement")
    asked = (FIRST, SECOND, pl[0])
    three = Policy(witnesses={"network": asked, "police": asked}, quorum={"network": 2, "police": 2})
    federation = Federation(tmp_path, (FR, DE, BR, pl), policy=three)
    federation.clock.advance(minutes=2)

    def later(call: Call, answer: Answer) -> Answer:
        note, node = parse_submission(call.body).note, federation[SECOND]
        line = cosign(note, node.cosigner(), node.now() + timedelta(days=9)).signatures[-1]
        return replace(answer, body=format_cosignatures([line]))

    federation.wire.faults[SECOND] = [answering(later)]
    publish(federation)
    assert witnessing.clock_offset(federation[OWNER]) == timedelta(0)
    federation.close()


def test_the_clock_is_measured_again_when_it_was_long_ago(federation: Federation) -> None:
    publish(federation)
    federation.clock.advance(hours=5)
    federation.wire.calls.clear()
    assert witnessing.clock_offset(federation[OWNER]) == timedelta(0)
    assert len(submissions(federation)) == 4
    federation.clock.advance(hours=5)
    federation.wire.faults.update({FIRST: [down], SECOND: [down]})
    assert witnessing.clock_offset(federation[OWNER]) is None
    federation.wire.faults.clear()
    assert witnessing.clock_offset(federation[OWNER]) is None, "not asked again within a minute"


def test_a_witness_whose_own_clock_is_off_cosigns_nothing(federation: Federation) -> None:
    node, clock = federation[FIRST], federation.clock
    federation.nodes[FIRST] = replace(node, clock=lambda: clock() - timedelta(hours=1))
    witnessing.confirm(federation[FIRST])  # its own feed has the other witness
    federation.nodes[FIRST] = node
    clock.advance(hours=-1)
    publish(federation)
    assert answers(federation)[FIRST].problem.startswith("It answered 503")
    assert answers(federation)[SECOND].problem == ""


def test_a_policy_that_gets_or_loses_its_witnesses_is_followed(federation: Federation) -> None:
    federation.coordinator.announce(policy=Policy())
    federation.refresh()
    publish(federation)
    assert len(parse_note(own_feed(federation).note or b"").signatures) == 1
    federation.coordinator.announce(policy=policy(1))
    federation.refresh()
    witnessing.refresh(federation[OWNER])
    assert vouched(federation) == federation.clock()


def test_the_police_feed_is_witnessed_under_its_own_name(federation: Federation) -> None:
    publish(federation)
    row = own_feed(federation, "police")
    assert vouched(federation, row) == federation.clock()
    calls = [call for call, _ in federation.wire.calls if call.path == ADD]
    assert {parse_submission(call.body).checkpoint.origin for call in calls} >= {
        f"{OWNER}/network",
        f"{OWNER}/police",
    }
    assert {call.member for call in calls} == {FIRST, SECOND}


def test_withdrawals_and_erasures_are_witnessed_like_publications(federation: Federation) -> None:
    first, second = publish(federation, 2)
    publishing.withdraw(federation[OWNER], first, "test")
    publishing.erase(federation[OWNER], second, "test")
    row = own_feed(federation)
    assert (size_of(row.note), vouched(federation)) == (4, federation.clock())


def test_it_goes_over_real_connections_and_on_postgresql(tmp_path: Path, pg_server: str) -> None:
    with pg_address(pg_server) as first, pg_address(pg_server) as second:
        federation = Federation(
            tmp_path,
            (FR, DE, BR, NGO),
            policy=policy(),
            sockets=True,
            databases={OWNER: first, FIRST: second},
        )
        publish(federation, 3)
        assert vouched(federation) == federation.clock()
        federation.stop(SECOND)
        publish(federation)
        assert (size_of(own_feed(federation).note), vouched(federation)) == (4, None)
        assert answers(federation)[SECOND].problem == "It cannot be reached."
        assert federation.pull(READER, OWNER).error == ""
        federation.close()
