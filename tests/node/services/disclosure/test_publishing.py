"""Publishing: what leaves the house and for whom, how it ends, and that no crash loses or forks anything."""

import pickle
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from node.domain.lifecycle import UNDO_WINDOW
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound
from node.runtime import Node
from node.services.disclosure import leaving, publishing
from node.services.endings import erasure
from node.services.register import cases as register
from node.store import journal
from node.store.database import reading, writing
from node.store.published import documents, feed_cases, feeds
from node.store.register import cases
from node.store.search.finding import find
from node.store.search.query import Query
from protocol.document import split_document
from protocol.encoding import parse_json
from protocol.policy import Policy
from tests.crashing import Worker
from tests.factories import sample_full_record, sample_record
from tests.federation import DE, FR, NGO, Federation, down
from tests.liars import case_states, dump, find_feed, problems

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


@pytest.fixture
def federation(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE], databases={POLICE: database_url})
    yield made
    made.close()


@pytest.fixture
def plain(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path)
    yield made
    made.close()


def parts_at(node: Node, case: str) -> dict[str, dict[str, Any]]:
    """Read what a node has of a case, by audience."""
    with reading(node.engine) as conn:
        found = documents.find_documents(conn, case)
    return {
        doc.audience: {
            str(n): parse_json(line, "part", 1 << 16) for n, line in enumerate(split_document(doc.body))
        }
        for doc in found
    }


def versions(node: Node, case: str, owner: str = POLICE) -> dict[str, int]:
    found = {}
    with reading(node.engine) as conn:
        for row in feeds.list_feeds(conn):
            state = feed_cases.lookup_cases(conn, row.id, [case]).get(case) if row.member == owner else None
            if state is not None:
                found[row.audience] = -state.version if state.erased else state.version
    return found


def test_each_audience_gets_its_parts_and_no_more(plain: Federation) -> None:
    (case,) = plain.publish(POLICE, sample_full_record(photos=None, alert=None))
    assert case.versions == {"network": 1, "police": 1}
    for member in (PEER, HELPER):
        assert plain.pull(member, POLICE).error == ""
    shown = leaving.preview(plain[POLICE], case.case_id, "test").parts

    police, helper = parts_at(plain[PEER], case.case_id), parts_at(plain[HELPER], case.case_id)
    assert set(police) == {"network", "police"}
    assert set(helper) == {"network"}
    for found in (police, helper):
        head, public, network = found["network"].values()
        assert {**public, "salt": ""} == {**shown["public"], "salt": ""}
        assert {**network, "salt": ""} == {**shown["network"], "salt": ""}
        assert head["issuer"] == POLICE
    assert {**police["police"]["1"], "salt": ""} == {**shown["police"], "salt": ""}
    everything = repr(parts_at(plain[PEER], case.case_id))
    assert "recovered_safe" not in everything
    assert "Перевірити вокзал" not in everything
    for name in ("medical", "narrative", "reference", "custody"):
        assert name not in helper["network"]["1"] | helper["network"]["2"]


def test_a_supplement_is_erased_when_nothing_for_the_police_is_left(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, sample_record("pt", photos=None))
    node = federation[POLICE]
    nothing = dict.fromkeys(("reference", "medical", "narrative", "vulnerabilities", "external_refs"))
    register.change_case(node, case.case_id, nothing, "test", federation.folder)
    (again,) = publishing.publish(node, [case.case_id], "test")
    assert again.versions == {"network": 2}
    assert versions(node, case.case_id) == {"network": 2, "police": -2}
    register.change_case(node, case.case_id, {"reference": "1"}, "test", federation.folder)
    with pytest.raises(Conflict, match="erased"):
        publishing.publish(node, [case.case_id], "test")
    assert versions(node, case.case_id) == {"network": 2, "police": -2}
    assert problems(node) == []


def test_renewing_never_shortens_a_life(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    federation.coordinator.announce(policy=Policy(summary_life_days=10))
    federation.refresh()
    (again,) = publishing.publish(federation[POLICE], [case.case_id], "test")
    assert (again.versions["network"], again.expires) == (2, case.expires)
    federation.clock.advance(days=175)
    federation.coordinator.announce()
    federation.refresh()
    assert publishing.due_for_renewal(federation[POLICE], 4) == []
    assert publishing.due_for_renewal(federation[POLICE], 5) == [case.case_id]
    (later,) = publishing.publish(federation[POLICE], [case.case_id], "test")
    assert (later.expires or federation.clock.now.date()) > (case.expires or federation.clock.now.date())
    assert federation.pull(PEER, POLICE).error == ""


def test_withdrawing_and_taking_it_back_under_a_new_id(federation: Federation) -> None:
    node = federation[POLICE]
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    publishing.withdraw(node, case.case_id, "test", {"outcome": "recovered_safe"})
    assert versions(node, case.case_id) == {"network": -2, "police": -2}
    kept = register.get_case(node, case.case_id)
    assert (kept.status, kept.record["outcome"]) == (cases.WITHDRAWN, "recovered_safe")
    for refused in (publishing.withdraw, lambda *args: publishing.publish(node, [case.case_id], "test")):
        with pytest.raises(Conflict):
            refused(node, case.case_id, "test")

    federation.clock.advance(seconds=UNDO_WINDOW.total_seconds() - 1)
    again = publishing.undo_withdrawal(node, case.case_id, "test")
    assert again.case_id != case.case_id
    assert versions(node, again.case_id) == {"network": 1, "police": 1}
    assert versions(node, case.case_id) == {"network": -2, "police": -2}
    assert register.get_case(node, case.case_id).record == {}
    federation.pull(PEER, POLICE)
    states = {case_id: state for case_id, (state, _) in case_states(federation[PEER], POLICE).items()}
    assert states == {case.case_id: feed_cases.ERASED, again.case_id: feed_cases.HELD}
    with pytest.raises(Conflict):
        publishing.undo_withdrawal(node, case.case_id, "test")


def test_what_comes_back_is_kept_from_whom_it_was_kept_from(plain: Federation) -> None:
    node = plain[POLICE]
    (case,) = plain.publish(POLICE, sample_record("ar", photos=None))
    register.exclude_members(node, case.case_id, [PEER], "test")
    publishing.withdraw(node, case.case_id, "test")
    again = publishing.undo_withdrawal(node, case.case_id, "test")
    for member in (PEER, HELPER):
        plain.pull(member, POLICE)
    assert parts_at(plain[PEER], again.case_id) == {}
    assert set(parts_at(plain[HELPER], again.case_id)) == {"network"}


def test_the_public_view_of_who_is_grown_up_pauses_until_a_person_decides(federation: Federation) -> None:
    node = federation[POLICE]
    grown, young = federation.publish(
        POLICE, sample_record("ar", photos=None, birth="2008-11-30"), sample_record("uk", photos=None)
    )
    assert publishing.pause_views(node) == []
    federation.clock.advance(days=9)  # the 30th: a pause now would tell the birthday
    assert publishing.pause_views(node) == []
    register.change_case(node, grown.case_id, {"build": {"value": "slim"}}, "test", federation.folder)
    federation.clock.advance(days=1)
    before = parts_at(node, grown.case_id)
    assert publishing.pause_views(node) == [grown.case_id]
    after = parts_at(node, grown.case_id)
    assert versions(node, grown.case_id) == {"network": 2, "police": 2}
    assert versions(node, young.case_id) == {"network": 1, "police": 1}
    for audience, parts in after.items():
        assert parts["0"]["show_in"] == []
        changed = {name for name in parts["0"] if parts["0"][name] != before[audience]["0"][name]}
        assert changed == {"show_in", "version", "updated_at", "salt"}
        for number in set(parts) - {"0"}:  # the change that nobody has published stays in the house
            assert {**parts[number], "salt": ""} == {**before[audience][number], "salt": ""}
    assert publishing.pause_views(node) == []
    assert federation.pull(PEER, POLICE).error == ""
    assert parts_at(federation[PEER], grown.case_id) == after
    with reading(node.engine) as conn:
        last = journal.read_journal(conn, grown.case_id)[0]
    assert (last.actor, last.action) == ("node", "case.pause")

    decision = {"decided_on": "2026-12-01", "by_role": "supervisor", "reason": "the family asks for it"}
    register.change_case(node, grown.case_id, {"adult_decision": decision}, "test", federation.folder)
    publishing.publish(node, [grown.case_id], "test")
    assert parts_at(node, grown.case_id)["network"]["0"]["show_in"] == "all"
    assert publishing.pause_views(node) == []
    assert problems(node) == []


def test_what_was_withdrawn_goes_from_the_register_on_its_last_day(federation: Federation) -> None:
    node = federation[POLICE]
    closed, living = federation.publish(
        POLICE,
        sample_record("ar", photos=None, purge_by="2026-12-01T00:00:00Z"),
        sample_record("uk", photos=None, purge_by="2026-12-01T00:00:00Z"),
    )
    publishing.withdraw(node, closed.case_id, "test", {"outcome": "recovered_safe"})
    federation.clock.advance(days=10)
    assert publishing.purge_register(node) == []
    federation.clock.advance(days=1)
    assert publishing.purge_register(node) == [closed.case_id]
    assert register.get_case(node, closed.case_id).status == cases.ERASED
    assert register.get_case(node, living.case_id).status == cases.PUBLISHED  # its owner is told instead
    assert publishing.purge_register(node) == []


def test_the_register_keeps_what_can_be_undone(federation: Federation) -> None:
    node = federation[POLICE]
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None, purge_by="2026-11-20T00:00:00Z"))
    publishing.withdraw(node, case.case_id, "test")
    federation.clock.advance(seconds=UNDO_WINDOW.total_seconds() - 1)
    assert publishing.purge_register(node) == []
    federation.clock.advance(seconds=1)
    assert publishing.purge_register(node) == [case.case_id]


def test_a_withdrawal_is_final_after_three_days(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    publishing.withdraw(federation[POLICE], case.case_id, "test")
    federation.clock.advance(seconds=UNDO_WINDOW.total_seconds())
    before = dump(federation[POLICE])
    with pytest.raises(Conflict, match="3 days"):
        publishing.undo_withdrawal(federation[POLICE], case.case_id, "test")
    assert dump(federation[POLICE]) == before


def test_undoing_is_whole_or_not_at_all(federation: Federation) -> None:
    """The disclosure policy of meanwhile lets nothing out that would do as a summary."""
    node = federation[POLICE]
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    publishing.withdraw(node, case.case_id, "test")
    federation.coordinator.announce(policy=Policy(limits=_limits(document_bytes=4096)))
    federation.refresh()
    with writing(node.engine) as conn:
        kept = cases.get_case(conn, case.case_id)
        long = {"ar": {"text": "س" * 4000, "origin": "original"}}
        changed = {**kept.record, "circumstances": long}
        cases.change_case(conn, case.case_id, kept.revision, changed, "test", federation.clock())
    before = dump(node)
    with pytest.raises(InvalidInput, match="nothing was published"):
        publishing.undo_withdrawal(node, case.case_id, "test")
    assert dump(node) == before


def _limits(**changes: int) -> Any:
    return replace(Policy().limits, **changes)


def test_erasing_takes_every_revision_and_leaves_the_bare_id(federation: Federation) -> None:
    node = federation[POLICE]
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    register.change_case(node, case.case_id, {"notes": "second"}, "test", federation.folder)
    publishing.erase(node, case.case_id, "test")
    emptied = register.get_case(node, case.case_id)
    assert (emptied.status, emptied.record) == (cases.ERASED, {})
    with reading(node.engine) as conn:
        assert cases.list_revisions(conn, case.case_id) == []
        assert find(conn, Query(today=federation.clock().date())) == []
        last = journal.read_journal(conn, case.case_id)[0]
    assert (last.action, last.actor, last.fields) == ("case.erase", "test", [])
    with pytest.raises(Conflict, match="never returns"):
        publishing.publish(node, [case.case_id], "test")
    publishing.erase(node, case.case_id, "test")
    assert versions(node, case.case_id) == {"network": -2, "police": -2}
    erasure.purge(node)
    assert problems(node) == []


def test_all_of_them_or_none(federation: Federation) -> None:
    node = federation[POLICE]
    good, bad = register.add_cases(
        node, [sample_record("ar", photos=None), sample_record("uk", photos=None)], "test", federation.folder
    )
    long = {"uk": {"text": "х" * 4000, "origin": "original"}}
    federation.coordinator.announce(policy=Policy(limits=_limits(document_bytes=4096)))
    federation.refresh()
    register.change_case(node, bad.case_id, {"circumstances": long}, "test", federation.folder)
    before = dump(node)
    with pytest.raises(InvalidInput) as refused:
        publishing.publish(node, [good.case_id, bad.case_id], "test")
    assert "at most 4096" in refused.value.problems[0]
    with pytest.raises(NotFound):
        publishing.publish(node, [good.case_id, f"{POLICE}/{'a' * 26}"], "test")
    assert dump(node) == before


def test_who_is_not_in_the_roster_publishes_nothing(plain: Federation) -> None:
    (case,) = register.add_cases(plain[POLICE], [sample_record("ar", photos=None)], "test", plain.folder)
    members = tuple(m for m in plain.coordinator.trusted.roster.members if m.id != POLICE)
    trusted = plain.coordinator.trusted
    plain.coordinator.trusted = replace(trusted, roster=replace(trusted.roster, members=members))
    plain[POLICE].trust.refresh([], plain[POLICE].http)
    with pytest.raises(NotAllowed):
        publishing.publish(plain[POLICE], [case.case_id], "test")


def test_the_journal_names_fields_and_never_values(plain: Federation) -> None:
    (case,) = plain.publish(POLICE, sample_record("pt", photos=None))
    with reading(plain[POLICE].engine) as conn:
        entry = journal.read_journal(conn, case.case_id)[0]
        said = repr(journal.read_journal(conn))
    assert entry.action == "case.publish"
    assert {"public.names", "network.birth", "police.medical"} <= set(entry.fields)
    assert "João" not in said


def test_every_peer_that_may_read_is_rung_and_who_is_not_reached_is_named(plain: Federation) -> None:
    plain.wire.faults[HELPER] = [down]
    told: list[str] = []
    outcomes = publishing.ring_peers(plain[POLICE], lambda member, outcome: told.append(member))
    assert outcomes[PEER] == ""
    assert "cannot be reached" in outcomes[HELPER]
    assert sorted(told) == sorted([PEER, HELPER])
    assert plain.rung == [PEER]
    plain.announce(HELPER, state="removed", removed_at=plain.clock())
    assert set(publishing.ring_peers(plain[POLICE])) == {PEER, HELPER}, "it still reads what was erased"
    plain.clock.advance(days=31)
    assert set(publishing.ring_peers(plain[POLICE])) == {PEER}


# --- Crashes and other writers ---


class Crash(BaseException):
    """The process ends here."""


_STEPS = [
    (feeds, "ensure_feed"),
    (feed_cases, "lookup_cases"),
    (feeds, "load_head"),
    (feeds, "store_growth"),
    (feeds, "write_files"),
    (feed_cases, "store_cases"),
    (documents, "store_documents"),
    (documents, "remember_published"),
    (cases, "set_status"),
    (publishing, "write_journal"),
    (publishing, "index_cases"),
]


def test_a_crash_at_any_step_of_a_publication_leaves_all_as_it_was(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = federation[POLICE]
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    before = dump(node)
    for module, name in _STEPS:
        for late in (False, True):
            really = getattr(module, name)

            def crash(*args: Any, late: bool = late, really: Any = really, **options: Any) -> Any:
                if late:
                    really(*args, **options)
                raise Crash

            with monkeypatch.context() as broken:
                broken.setattr(module, name, crash)
                with pytest.raises(Crash):
                    publishing.publish(node, [case.case_id], "test")
            assert dump(node) == before, name
    publishing.publish(node, [case.case_id], "test")
    assert problems(node) == []
    assert federation.pull(PEER, POLICE).error == ""


def test_publications_at_the_same_time_wait_for_each_other(federation: Federation) -> None:
    node = federation[POLICE]
    drafts = register.add_cases(
        node, [sample_record("ar", photos=None) for _ in range(6)], "test", federation.folder
    )
    together, failed = threading.Barrier(6), list[BaseException]()

    def publish(case: str) -> None:
        together.wait()
        try:
            publishing.publish(node, [case], "test")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=publish, args=[draft.case_id]) for draft in drafts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert find_feed(node, POLICE).size == 6
    assert problems(node) == []
    assert federation.pull(PEER, POLICE).documents == 12


def test_a_feed_that_has_moved_on_is_not_forked(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer that passes the lock by still meets the comparison with the head that it began from."""
    node = federation[POLICE]
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    really = feeds.store_growth

    def late(conn: Connection, row: feeds.FeedRow, *args: Any, **options: Any) -> None:
        conn.execute(feeds.feed.update().where(feeds.feed.c.id == row.id).values(size=row.size + 1))
        really(conn, row, *args, **options)

    monkeypatch.setattr(feeds, "store_growth", late)
    before = dump(node)
    with pytest.raises(Conflict, match="moved on"):
        publishing.publish(node, [case.case_id], "test")
    assert dump(node) == before


def test_two_processes_that_are_killed_again_and_again_lose_and_fork_nothing(
    tmp_path: Path, database_url: str
) -> None:
    """Both publish, renew, erase, purge and pull in one home, until SIGKILL; a peer follows it."""
    federation = Federation(tmp_path, [FR, DE], sockets=True, databases={POLICE: database_url})
    try:
        federation.publish(PEER, *(sample_record("uk", photos=None) for _ in range(3)))
        _hand_over(federation)
        size = 0
        for round_ in range(3):
            workers = [Worker(tmp_path, number) for number in (1, 2)]
            for worker in workers:
                for _ in range(2 + round_):
                    worker.await_round()
            time.sleep(0.05 * round_)
            for worker in workers:
                worker.kill()
            assert problems(federation[POLICE]) == []
            report = federation.pull(PEER, POLICE)
            assert (report.error, report.refused) == ("", [])
            grown = find_feed(federation[PEER], POLICE).size
            assert grown > size
            size = grown
        federation.publish(POLICE, sample_record("ar", photos=None))
        erasure.purge(federation[POLICE])
        assert federation.pull(PEER, POLICE).error == ""
        assert federation.pull(POLICE, PEER).error == ""
        assert problems(federation[POLICE]) == problems(federation[PEER]) == []
        with reading(federation[POLICE].engine) as conn:
            published = cases.list_cases(conn, cases.PUBLISHED, 1000)
        live = {c for c, (s, _) in case_states(federation[PEER], POLICE).items() if s == feed_cases.HELD}
        assert {case.case_id for case in published} == live
    finally:
        federation.close()


def _hand_over(federation: Federation) -> None:
    (federation.folder / "trusted.pickle").write_bytes(pickle.dumps(federation.coordinator.trusted))
