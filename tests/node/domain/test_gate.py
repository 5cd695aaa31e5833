"""The questions of the gate: what has to be answered, what refuses, what is for the approver to weigh."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.changes import Parts
from node.domain.disclosure import DisclosurePolicy, disclose
from node.domain.gate import (
    QUESTIONS,
    changes_of,
    findings_of,
    needed,
    problems_of,
    suggest,
)
from tests.factories import GATE_ANSWERS, SCHEMAS, sample_photo, sample_record

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
FULL_SCOPE = ["network", "public", "photograph", "poster", "alert", "media"]


def consent(*scope: str, **changes: Any) -> dict[str, Any]:
    return {"basis": "parental", "scope": list(scope), "date": "2026-11-02", **changes}


def leaving(record: Mapping[str, Any], **settings: Any) -> Parts:
    found = disclose(record, DisclosurePolicy.parse(settings, SCHEMAS), schemas=SCHEMAS, now=NOW)
    parts = {"head": found.head, "public": found.public, "network": found.network, "police": found.police}
    return {name: part for name, part in parts.items() if part is not None}


def weigh(answers: Mapping[str, Any], record: Mapping[str, Any], **settings: Any) -> dict[str, list[str]]:
    """Give what refuses and what warns, by question."""
    assert problems_of(answers, record) == []
    kept = {
        name: value for name, value in {**record, **changes_of(answers, record)}.items() if value is not None
    }
    found = findings_of(answers, kept, leaving(kept, **settings), leaving(kept))
    refused = [finding.question for finding in found if finding.refuses]
    return {"refused": refused, "warned": [f.question for f in found if not f.refuses]}


def test_good_answers_to_an_ordinary_case_pass() -> None:
    assert weigh(GATE_ANSWERS, sample_record("pt")) == {"refused": [], "warned": []}


def test_every_question_has_to_be_answered_with_what_is_allowed() -> None:
    record = sample_record("pt")
    assert [problem.split(":")[0] for problem in problems_of({}, record)] == list(GATE_ANSWERS)
    for question in QUESTIONS:
        for wrong in ("nonsense\n", 7, None, ["nonsense"], [["FR"]], [7], ["public", "public"], {"a": 1}):
            assert problems_of({**GATE_ANSWERS, question.name: wrong}, record), (question.name, wrong)
    assert problems_of({**GATE_ANSWERS, "colour": "red"}, record) == [
        f"colour: not a question; those are {', '.join(question.name for question in QUESTIONS)}"
    ]
    assert problems_of({**GATE_ANSWERS, "note": "Asked the school."}, record) == []


@given(
    st.dictionaries(
        st.sampled_from([*GATE_ANSWERS, "note", "x y"]),
        st.recursive(st.none() | st.text("a", max_size=3), st.lists),
    )
)
def test_no_answer_makes_the_rules_fail(answers: dict[str, Any]) -> None:
    problems = problems_of(answers, sample_record("pt"))
    assert problems or answers.keys() >= GATE_ANSWERS.keys()


def test_a_child_not_yet_missing_needs_fewer_answers() -> None:
    record = {"at_risk_preventive": {"names": [{"full": "Ana", "kind": "legal"}]}}
    assert [question.name for question in needed({}, record)] == ["basis", "risk", "closing"]
    answers = {"basis": "le_duty", "risk": "high", "closing": "on_review"}
    assert weigh(answers, record) == {"refused": [], "warned": []}


@pytest.mark.parametrize("category", ["runaway", "family_abduction", "unaccompanied_migrant"])
def test_where_publicity_adds_to_the_risk_no_public_site_shows_the_case(category: str) -> None:
    record = sample_record("pt", category=category)
    answers = {name: GATE_ANSWERS[name] for name in ("basis", "risk", "privacy", "closing")} | {
        "publicity": "yes"
    }
    assert changes_of(answers, record) == {"show_in": []}
    assert weigh(answers, record)["refused"] == []
    assert weigh({**answers, "where": "all", "channels": ["public"]}, record)["refused"] == ["channels"]
    assert leaving({**record, **changes_of(answers, record)})["head"] == {"show_in": []}


def test_where_it_is_shown_is_written_into_the_record() -> None:
    record = sample_record("pt")
    assert changes_of(GATE_ANSWERS, record) == {}
    assert changes_of({**GATE_ANSWERS, "where": ["BR"]}, record) == {"show_in": ["BR"]}
    assert changes_of(GATE_ANSWERS, {**record, "show_in": ["BR"]}) == {"show_in": None}
    assert changes_of({**GATE_ANSWERS, "where": ["BR"]}, {**record, "show_in": ["BR"]}) == {}
    assert changes_of({}, {**record, "show_in": []}) == {}


@pytest.mark.parametrize(
    ("answers", "changes", "refused"),
    [
        ({"basis": "none"}, {}, "basis"),
        ({"basis": "court"}, {}, "basis"),
        ({}, {"consent": consent(*FULL_SCOPE, withdrawn_at="2026-11-20T00:00:00Z")}, "basis"),
        ({}, {"consent": consent("public", "photograph")}, "basis"),
        ({}, {"consent": consent("network", "photograph")}, "channels"),
        ({}, {"consent": consent("network", "public")}, "channels"),  # it has a photograph
        ({"channels": ["public", "media"]}, {}, "channels"),
        ({"channels": ["poster"]}, {"consent": consent(*FULL_SCOPE), "photos": None}, "channels"),
        (
            {"channels": ["alert"]},
            {"consent": consent(*FULL_SCOPE), "photos": [sample_photo(expires_at="2026-11-20")]},
            "channels",
        ),
        ({"risk": "low"}, {}, "risk"),
        ({"privacy": "open"}, {}, "privacy"),
        ({"wording": "open"}, {}, "wording"),
        ({"closing": "open"}, {}, "closing"),
    ],
)
def test_what_refuses(answers: dict[str, Any], changes: dict[str, Any], refused: str) -> None:
    assert refused in weigh({**GATE_ANSWERS, **answers}, sample_record("pt", **changes))["refused"]


def test_a_consent_that_covers_it_passes() -> None:
    record = sample_record("pt", consent=consent(*FULL_SCOPE))
    assert (
        weigh({**GATE_ANSWERS, "channels": ["public", "poster", "alert", "media"]}, record)["refused"] == []
    )


def machine(text: str) -> dict[str, Any]:
    return {"pt": {"text": text, "origin": "original"}, "en": {"text": text, "origin": "machine"}}


RISK = {"level": "medium", "assessed_at": "2026-11-03T09:00:00Z", "assessed_by_role": "duty_officer"}


@pytest.mark.parametrize(
    ("answers", "changes", "warned"),
    [
        ({"publicity": "possible"}, {}, "publicity"),
        ({}, {"category": "family_abduction"}, "publicity"),
        ({}, {"risk": {**RISK, "factors": ["domestic_violence"]}}, "publicity"),
        ({}, {"risk": {**RISK, "factors": ["trafficking"]}}, "publicity"),
        ({"privacy": "needed"}, {}, "privacy"),
        ({"wording": "agreed"}, {}, "wording"),
        ({}, {"circumstances": machine("Saiu.")}, "wording"),
        (
            {"channels": ["media"]},
            {"category": "unaccompanied_migrant", "consent": consent(*FULL_SCOPE)},
            "channels",
        ),
    ],
)
def test_what_the_approver_weighs(answers: dict[str, Any], changes: dict[str, Any], warned: str) -> None:
    found = weigh({**GATE_ANSWERS, **answers}, sample_record("pt", **changes))
    assert found["refused"] == []
    assert warned in found["warned"]


@pytest.mark.parametrize(
    ("category", "rule"),
    [
        ("family_abduction", {"place": "area"}),
        ("family_abduction", {"companions": "network"}),
        ("family_abduction", {"fields": {"parental": "share"}}),
        ("unaccompanied_migrant", {"photograph_only": False}),
    ],
)
def test_settings_that_let_out_more_of_a_sensitive_case_are_named(
    category: str, rule: dict[str, Any]
) -> None:
    """Rules of the domain, 8: the member has the last word, and the approver is told."""
    record = sample_record(
        "uk",
        category=category,
        parental={"custody_order": "in_force"},
        companions=[{"relation": "father", "role": "companion"}],
    )
    answers = {**GATE_ANSWERS, "publicity": "possible"}
    assert "privacy" not in weigh(answers, record)["warned"]
    assert "privacy" in weigh(answers, record, categories={category: rule})["warned"]


def test_what_the_record_says_already_is_suggested() -> None:
    found = suggest(sample_record("pt", category="family_abduction", show_in=["BR"]))
    assert found == {
        "where": ["BR"],
        "basis": "parental",
        "channels": ["public"],
        "risk": "medium",
        "publicity": "possible",
    }
    assert suggest({"reference": "7"}) == {"where": "all"}
