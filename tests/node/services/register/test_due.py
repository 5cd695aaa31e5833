"""What is due, in one list, and the risk that is assessed again and again."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.disclosure import gate, publishing
from node.services.register import cases as register
from node.services.register import due, risk
from node.store.database import writing
from node.store.register import cases
from tests.factories import GATE_ANSWERS, sample_photo, sample_record
from tests.federation import DE, FR, Federation

POLICE = FR[0]
FAR = "2044-01-01T00:00:00Z"
QUIET: dict[str, Any] = {
    "photos": None,
    "review_due": FAR,
    "missing_since": "2026-11-20",
    "risk": {
        "level": "medium",
        "assessed_at": "2026-11-21T09:00:00Z",
        "next_review": FAR,
        "assessed_by_role": "duty_officer",
    },
}
"""Of a record that asks for nothing within weeks."""


@pytest.fixture
def federation(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE], databases={POLICE: database_url})
    yield made
    made.close()


def add(federation: Federation, **changes: Any) -> str:
    record = sample_record("pt", **{**QUIET, **changes})
    return register.add_cases(federation[POLICE], [record], "ana", federation.folder)[0].case_id


def told(node: Node, **asked: Any) -> list[tuple[str, str, str]]:
    return [(item.kind, item.case_id, item.due.isoformat()) for item in due.list_due(node, **asked)]


def test_every_clock_of_a_record_is_in_the_list(federation: Federation) -> None:
    node = federation[POLICE]
    quiet = add(federation)
    review = add(federation, review_due="2026-11-25T00:00:00Z")
    grown = add(federation, birth="2008-11-22")
    long = add(federation, missing_since="2026-10-25")
    again = add(federation, risk={**QUIET["risk"], "next_review": "2026-11-20T09:00:00Z"})
    purged = add(federation, purge_by="2026-11-28T09:00:00Z")
    assert told(node) == [
        ("risk", again, "2026-11-20"),
        ("adulthood", grown, "2026-11-22"),
        ("long_term", long, "2026-11-22"),
        ("review", review, "2026-11-25"),
        ("purge", purged, "2026-11-28"),
    ]
    assert told(node, ahead=timedelta(0)) == [("risk", again, "2026-11-20")]
    assert told(node, kinds=["long_term"]) == [("long_term", long, "2026-11-22")]
    register.change_case(node, review, {"review_due": FAR}, "ana", federation.folder)
    assert review not in [case for _, case, _ in told(node)]
    register.change_case(node, quiet, {"review_due": "2026-11-24T00:00:00Z"}, "ana", federation.folder)
    assert ("review", quiet, "2026-11-24") in told(node)


def test_photographs_are_in_the_list(federation: Federation) -> None:
    photos = [sample_photo("a", taken="2024-11-01"), sample_photo("b", taken="2020", expires_at="2026-11-24")]
    record = sample_record("pt", **{**QUIET, "photos": photos})
    case = register.new_case_id(POLICE)
    with writing(federation[POLICE].engine) as conn:
        cases.add_case(conn, case, record, "ana", federation.clock())
    assert told(federation[POLICE]) == [("photo_age", case, "2026-11-01"), ("photo", case, "2026-11-24")]


def test_what_expires_is_in_the_list_until_it_is_renewed_or_withdrawn(federation: Federation) -> None:
    node = federation[POLICE]
    found = {"category": "unidentified_found", "missing_since": None}  # nothing else is due of it for years
    renewed, withdrawn = add(federation, **found), add(federation, **found)
    publishing.publish(node, [renewed, withdrawn], "ana")
    assert told(node) == []
    federation.clock.advance(days=175)
    day = (federation.clock.now + timedelta(days=5)).date().isoformat()
    assert sorted(told(node)) == sorted(("expiry", case, day) for case in (renewed, withdrawn))
    publishing.publish(node, [renewed], "ana")
    publishing.withdraw(node, withdrawn, "ana")
    assert told(node) == []


def test_what_waits_for_a_colleague_is_in_the_list(federation: Federation) -> None:
    node, case, other = federation[POLICE], add(federation), add(federation)
    asked = gate.request(node, case, GATE_ANSWERS, "ana")
    urgent = gate.request(node, other, GATE_ANSWERS, "ana")
    gate.override(node, urgent.id, "seen at the border", "ana")
    found = due.list_due(node)
    assert [(item.kind, item.case_id, item.request) for item in found] == [
        (due.APPROVAL, case, asked.id),
        (due.OVERRIDE, other, urgent.id),
    ]
    assert found[1].at == federation.clock() + timedelta(hours=24)
    assert "2026-11-22 12:00" in found[1].message
    gate.approve(node, asked.id, "ben")
    gate.review(node, urgent.id, "it was right", "ben", upheld=True)
    assert due.list_due(node) == []


def test_closed_and_erased_cases_ask_for_nothing(federation: Federation) -> None:
    node = federation[POLICE]
    closed, erased = add(federation, review_due="2026-11-20T00:00:00Z"), add(federation, birth="2000")
    publishing.publish(node, [closed, erased], "ana")
    assert len(told(node)) == 2
    publishing.withdraw(node, closed, "ana")
    publishing.erase(node, erased, "ana")
    assert told(node) == []


def test_the_risk_is_assessed_anew_and_every_assessment_is_kept(federation: Federation) -> None:
    node, case = federation[POLICE], add(federation)
    federation.clock.advance(hours=1)
    changed = risk.assess(node, case, "high", ["trafficking", "trafficking"], "investigator", "ben")
    assert changed.record["risk"] == {
        "level": "high",
        "factors": ["trafficking"],
        "assessed_at": "2026-11-21T13:00:00Z",
        "next_review": "2026-11-22T13:00:00Z",
        "assessed_by_role": "investigator",
    }
    register.change_case(node, case, {"notes": "x"}, "eva", federation.folder)
    found = risk.list_assessments(node, case)
    assert [(item.risk["level"], item.revision, item.who) for item in found] == [
        ("high", 2, "ben"),
        ("medium", 1, "ana"),
    ]
    assert told(node) == [("risk", case, "2026-11-22")]
    later = datetime(2026, 12, 24, tzinfo=UTC)
    risk.assess(node, case, "low", [], "investigator", "ben", next_review=later)
    assert told(node) == []


def test_a_wrong_assessment_is_refused(federation: Federation) -> None:
    node, case = federation[POLICE], add(federation)
    for level, factors, role in [
        ("extreme", [], "officer"),
        ("high", ["bad luck"], "officer"),
        ("high", [], "Jane Doe"),
    ]:
        with pytest.raises(InvalidInput):
            risk.assess(node, case, level, factors, role, "ben")
    with pytest.raises(InvalidInput, match="ahead"):
        risk.assess(node, case, "high", [], "officer", "ben", next_review=federation.clock())
    register.change_case(node, case, {"notes": "x"}, "eva", federation.folder)
    with pytest.raises(Conflict):
        risk.assess(node, case, "high", [], "officer", "ben", revision=1)
    with pytest.raises(NotFound):
        risk.assess(node, f"{POLICE}/{'a' * 26}", "high", [], "officer", "ben")
    with pytest.raises(NotFound):
        risk.list_assessments(node, f"{POLICE}/{'a' * 26}")
    assert len(risk.list_assessments(node, case)) == 1


def test_the_list_is_given_in_parts_and_in_the_same_order(federation: Federation) -> None:
    node = federation[POLICE]
    for day in (24, 23, 23):
        add(federation, review_due=f"2026-11-{day}T00:00:00Z", purge_by="2026-11-25T00:00:00Z")
    expiring = add(federation, category="unidentified_found", missing_since=None)
    publishing.publish(node, [expiring], "ana")
    federation.clock.advance(days=175)
    asked = gate.request(node, add(federation), GATE_ANSWERS, "ana")
    whole = due.list_due(node)
    assert len(whole) == due.count_due(node) > 6
    assert asked.id in [item.request for item in whole]
    assert [
        item for start in range(0, len(whole), 3) for item in due.list_due(node, limit=3, offset=start)
    ] == whole
    assert [item.due for item in whole] == sorted(item.due for item in whole)
    assert all(item.message for item in whole)
    purges = due.list_due(node, kinds=["purge"])
    assert {item.kind for item in purges} == {"purge"}
    assert due.count_due(node, kinds=["purge"]) == len(purges) == 3


def test_nobody_is_told_to_decide_what_they_had_a_part_in(federation: Federation) -> None:
    node, case, other = federation[POLICE], add(federation), add(federation)
    asked = gate.request(node, case, GATE_ANSWERS, "ana")
    urgent = gate.request(node, other, GATE_ANSWERS, "ana")
    gate.override(node, urgent.id, "seen at the border", "eva")
    for decider, kept in (("ana", []), ("eva", [asked.id]), ("ben", [asked.id, urgent.id])):
        assert [item.request for item in due.list_due(node, decider=decider)] == kept
        assert due.count_due(node, decider=decider) == len(kept)
