"""The gate: two people, and what was approved is what is published."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from node.domain import gate as rules
from node.domain.changes import ADDED, CHANGED, REMOVED, SAME
from node.errors import Conflict, InvalidInput, NodeError, NotAllowed, NotFound
from node.runtime import Node
from node.services.disclosure import gate, leaving, publishing
from node.services.register import cases as register
from node.services.register import history
from node.services.status import looking
from node.store import journal
from node.store.database import reading
from node.store.published import feed_cases
from node.store.register import cases
from node.store.register import gate as store
from protocol.policy import Policy
from tests.factories import GATE_ANSWERS, sample_full_record, sample_record
from tests.federation import DE, FR, NGO, Federation
from tests.liars import case_states, dump

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]
ANA, BEN, EVA = "ana", "ben", "eva"
REASON = "seen at the border an hour ago"


@pytest.fixture
def federation(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE], databases={POLICE: database_url})
    yield made
    made.close()


@pytest.fixture
def light(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path)
    yield made
    made.close()


def draft(federation: Federation, member: str = POLICE, **changes: Any) -> str:
    record = sample_record("pt", **{"photos": None, **changes})
    return register.add_cases(federation[member], [record], ANA, federation.folder)[0].case_id


def status(node: Node, case: str) -> str:
    return register.get_case(node, case).status


def actions(node: Node, case: str) -> list[tuple[str, str, str]]:
    with reading(node.engine) as conn:
        found = journal.read_journal(conn, case)
    return [(line.actor, line.action, line.purpose) for line in reversed(found)]


def shown(node: Node, case: str) -> dict[str, str]:
    """Give what a preview says of each field."""
    return {f"{c.part}.{c.field}": c.change for c in leaving.preview(node, case, ANA).fields}


def state(node: Node, number: int) -> str:
    return gate.open_request(node, number, EVA).request.state


def test_peers_are_rung_soon_after_an_approval(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    number = gate.request(node, case, GATE_ANSWERS, ANA).id
    assert publishing.ring_asked(node) == {}
    gate.approve(node, number, BEN)
    assert publishing.ring_asked(node) == {PEER: "", HELPER: ""}
    assert sorted(light.rung) == sorted([PEER, HELPER])
    assert publishing.ring_asked(node) == {}


def test_one_asks_another_approves_and_it_is_published(federation: Federation) -> None:
    node, case = federation[POLICE], draft(federation)
    asked = gate.request(node, case, {**GATE_ANSWERS, "note": "The school has asked."}, ANA)
    assert (asked.state, asked.author, asked.revision, asked.version) == (store.OPEN, ANA, 1, None)
    assert status(node, case) == cases.DRAFT
    view = gate.open_request(node, asked.id, BEN)
    assert view.as_asked
    assert view.request.answers == {**GATE_ANSWERS, "note": "The school has asked."}
    assert view.preview is not None
    assert {change.change for change in view.preview.fields} == {ADDED}

    published = gate.approve(node, asked.id, BEN)
    assert published.versions == {"network": 1, "police": 1}
    (done,) = gate.list_requests(node, store.STATES, case)
    assert (done.state, done.decided_by, done.version) == (store.APPROVED, BEN, 1)
    assert gate.list_requests(node) == []
    assert federation.pull(PEER, POLICE).error == ""
    assert case_states(federation[PEER], POLICE)[case][0] == feed_cases.HELD
    assert actions(node, case) == [
        (ANA, "case.add", ""),
        (ANA, "gate.request", ""),
        (BEN, "gate.open", ""),
        (BEN, "case.publish", ""),
        (BEN, "gate.approve", ""),
    ]


def test_whoever_asked_does_not_approve(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    with pytest.raises(NotAllowed):
        gate.approve(node, asked.id, ANA)
    assert (status(node, case), state(node, asked.id)) == (cases.DRAFT, store.OPEN)


def test_a_refusal_says_why_and_ends_it(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    with pytest.raises(InvalidInput):
        gate.refuse(node, asked.id, "no", BEN)
    gate.refuse(node, asked.id, "the photograph shows another child", BEN)
    for again in (
        lambda: gate.approve(node, asked.id, EVA),
        lambda: gate.refuse(node, asked.id, REASON, EVA),
        lambda: gate.override(node, asked.id, REASON, EVA),
        lambda: gate.take_back(node, asked.id, ANA),
    ):
        with pytest.raises(Conflict, match="does not wait"):
            again()
    assert state(node, asked.id) == store.REFUSED
    view = gate.open_request(node, asked.id, ANA)
    assert (view.request.reason, view.preview) == ("the photograph shows another child", None)
    assert actions(node, case)[2] == (BEN, "gate.refuse", "the photograph shows another child")
    with pytest.raises(NotFound):
        gate.approve(node, 4711, BEN)


def test_a_request_is_taken_back_or_replaced(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    first = gate.request(node, case, GATE_ANSWERS, ANA)
    second = gate.request(node, case, {**GATE_ANSWERS, "where": ["BR"]}, BEN)
    assert [item.id for item in gate.list_requests(node)] == [second.id]
    assert state(node, first.id) == store.VOID
    with pytest.raises(NotAllowed):
        gate.take_back(node, second.id, ANA)
    gate.take_back(node, second.id, BEN)
    assert state(node, second.id) == store.TAKEN_BACK
    assert gate.list_requests(node) == []
    assert status(node, case) == cases.DRAFT


def test_who_asks_has_seen_the_newest_record(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    register.change_case(node, case, {"notes": "x"}, EVA, light.folder)
    with pytest.raises(Conflict, match="somebody else"):
        gate.request(node, case, GATE_ANSWERS, ANA, revision=1)
    assert gate.request(node, case, GATE_ANSWERS, ANA, revision=2).revision == 2


def loosened(node: Node) -> Node:
    return replace(node, config=replace(node.config, disclosure={"decimals": 3}))


Change = Callable[[Node, str, Path], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda node, case, folder: register.change_case(node, case, {"notes": "x"}, EVA, folder),
        lambda node, case, folder: register.change_case(
            node, case, {"build": {"value": "slim"}}, EVA, folder
        ),
        lambda node, case, folder: register.exclude_members(node, case, [PEER], EVA),
    ],
    ids=["notes", "field", "readers"],
)
def test_a_change_after_the_request_ends_it(light: Federation, change: Change) -> None:
    node, case = light[POLICE], draft(light)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    change(node, case, light.folder)
    assert state(node, asked.id) == store.VOID
    with pytest.raises(Conflict, match="does not wait"):
        gate.approve(node, asked.id, BEN)
    assert status(node, case) == cases.DRAFT
    assert (EVA, "gate.void", "") in actions(node, case)


def test_what_would_leave_is_held_against_what_was_asked_for(light: Federation) -> None:
    """The record is the same, but the member's rules let out more of it."""
    node, case = light[POLICE], draft(light)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    assert not gate.open_request(loosened(node), asked.id, BEN).as_asked
    before = dump(node)["feed"]
    for publish in (gate.approve, lambda *args: gate.override(args[0], args[1], REASON, args[2])):
        with pytest.raises(Conflict):
            publish(loosened(node), asked.id, BEN)
    assert state(node, asked.id) == store.VOID
    assert (BEN, "gate.void", "") in actions(node, case)
    assert status(node, case) == cases.DRAFT
    assert dump(node)["feed"] == before


def test_a_child_that_grows_up_meanwhile_is_another_content(light: Federation) -> None:
    node = light[POLICE]
    case = draft(light, birth="2008-11-05")
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    light.clock.advance(days=30)  # the child has grown up, and is shown on no public site now
    with pytest.raises(Conflict):
        gate.approve(node, asked.id, BEN)
    assert status(node, case) == cases.DRAFT


def test_answers_that_refuse_are_told_before_anybody_is_asked(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    for wrong, named in [
        ({"basis": "none"}, "basis"),
        ({"risk": "high"}, "risk"),
        ({"channels": ["media"]}, "channels"),
        ({"where": "everywhere"}, "where"),
    ]:
        with pytest.raises(InvalidInput) as caught:
            gate.request(node, case, {**GATE_ANSWERS, **wrong}, ANA)
        assert any(problem.startswith(f"{named}:") for problem in caught.value.problems)
    assert [found.question for found in gate.weigh(node, case, {**GATE_ANSWERS, "risk": "high"})] == ["risk"]
    assert gate.list_requests(node, store.STATES) == []
    assert register.get_case(node, case).revision == 1


def test_a_record_that_could_not_be_published_is_told_at_the_request(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    policy = Policy(limits=replace(Policy().limits, document_bytes=4096))
    light.coordinator.announce(policy=policy)
    light.refresh()
    long = {"pt": {"text": "a" * 4000, "origin": "original"}}
    register.change_case(node, case, {"circumstances": long}, ANA, light.folder)
    before = dump(node)
    with pytest.raises(InvalidInput, match="leave the house"):
        gate.request(node, case, {**GATE_ANSWERS, "where": ["BR"]}, ANA)
    assert dump(node) == before


def test_where_publicity_adds_to_the_risk_peers_are_told_to_show_it_nowhere(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    answers = {name: GATE_ANSWERS[name] for name in ("basis", "risk", "privacy", "closing")} | {
        "publicity": "yes"
    }
    asked = gate.request(node, case, answers, ANA)
    kept = register.get_case(node, case)
    assert (asked.revision, kept.revision, kept.record["show_in"]) == (2, 2, [])
    gate.approve(node, asked.id, BEN)
    assert leaving.preview(node, case, ANA).fields[0].before == []
    assert leaving.preview(node, case, ANA).parts["head"] == {"show_in": []}
    assert (ANA, "case.change", "") in actions(node, case)


def test_a_preview_sets_what_leaves_beside_what_peers_have(federation: Federation) -> None:
    node = federation[POLICE]
    (case,) = federation.publish(POLICE, sample_full_record(photos=None, alert=None, outcome=None))
    assert set(shown(node, case.case_id).values()) == {SAME}
    register.change_case(
        node,
        case.case_id,
        {"hair": {"colour": "red"}, "clothing": None, "medical": None, "build": None},
        ANA,
        federation.folder,
    )
    found = shown(node, case.case_id)
    assert {name: change for name, change in found.items() if change != SAME} == {
        "public.hair": CHANGED,
        "public.clothing": REMOVED,
        "public.build": REMOVED,
        "police.medical": REMOVED,
    }
    view = leaving.preview(node, case.case_id, ANA)
    after = {(c.part, c.field): c.after for c in view.fields if c.change != REMOVED}
    assert after == {
        (name, field): value for name, part in view.parts.items() for field, value in part.items()
    }
    (hair,) = (c for c in view.fields if c.field == "hair")
    assert (hair.before, hair.after) == (sample_full_record()["hair"], {"colour": "red"})
    assert (view.published, view.revision) == (True, 2)
    assert "notes" in view.stays
    assert "publication_decision" in view.stays


def test_an_ngo_is_shown_no_police_part_because_it_has_no_such_feed(light: Federation) -> None:
    case = draft(light, HELPER)
    assert {name.partition(".")[0] for name in shown(light[HELPER], case)} == {"head", "public", "network"}
    assert "reference" in leaving.preview(light[HELPER], case, ANA).stays


def test_nothing_new_needs_no_approval_and_something_new_does(federation: Federation) -> None:
    node, case = federation[POLICE], draft(federation)
    with pytest.raises(Conflict, match="new"):
        gate.publish_again(node, [case], ANA)
    gate.approve(node, gate.request(node, case, GATE_ANSWERS, ANA).id, BEN)
    (renewed,) = gate.publish_again(node, [case], ANA)
    assert renewed.versions["network"] == 2
    register.change_case(node, case, {"hair": None, "show_in": ["BR"]}, ANA, federation.folder)
    (less,) = gate.publish_again(node, [case], ANA)
    assert less.versions["network"] == 3
    register.change_case(node, case, {"show_in": ["BR", "PT"]}, ANA, federation.folder)
    with pytest.raises(Conflict, match="new"):
        gate.publish_again(node, [case], ANA)


@pytest.mark.parametrize(
    ("consent", "named"),
    [
        ({"scope": ["public"]}, "the network"),
        ({"scope": ["network"]}, "include: public"),
        ({"withdrawn_at": "2026-11-20T10:00:00Z"}, "withdrawn"),
    ],
)
def test_a_life_is_not_renewed_without_the_consent_that_the_gate_asks_for(
    light: Federation, consent: dict[str, Any], named: str
) -> None:
    node, case = light[POLICE], draft(light)
    gate.approve(node, gate.request(node, case, GATE_ANSWERS, ANA).id, BEN)
    given = {**sample_record("pt")["consent"], **consent}
    register.change_case(node, case, {"consent": given}, ANA, light.folder)
    before = dump(node)
    with pytest.raises(NodeError) as caught:
        gate.publish_again(node, [case], ANA)
    if "withdrawn_at" not in consent:  # that it was withdrawn is new to peers, too
        (problem,) = caught.value.problems
        assert problem.startswith(case)
        assert named in problem
    assert dump(node) == before
    (hindrance,) = gate.list_hindrances(node, case)
    assert named in hindrance.message
    if named == "include: public":  # what is shown nowhere needs no consent of that kind
        register.change_case(node, case, {"show_in": []}, ANA, light.folder)
        assert gate.publish_again(node, [case], ANA)


def test_an_override_is_reviewed_by_somebody_who_had_no_part_in_it(federation: Federation) -> None:
    node, case = federation[POLICE], draft(federation)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    with pytest.raises(InvalidInput):
        gate.override(node, asked.id, "", ANA)
    assert gate.override(node, asked.id, REASON, ANA).versions["network"] == 1
    done = gate.open_request(node, asked.id, EVA).request
    assert (done.state, done.decided_by, done.reason) == (store.OVERRIDDEN, ANA, REASON)
    assert (
        done.review_due
        == federation.clock() + timedelta(hours=24)
        == federation.clock() + rules.REVIEW_WITHIN
    )
    with reading(node.engine) as conn:
        assert [item.id for item in store.unreviewed(conn)] == [asked.id]
    with pytest.raises(NotAllowed):
        gate.review(node, asked.id, "it was right", ANA, upheld=True)
    assert not gate.review(node, asked.id, "it was right", EVA, upheld=True)
    with pytest.raises(Conflict):
        gate.review(node, asked.id, "it was right", BEN, upheld=True)
    with reading(node.engine) as conn:
        assert store.unreviewed(conn) == []
    assert status(node, case) == cases.PUBLISHED
    assert [line for line in actions(node, case) if line[1].startswith("gate.")] == [
        (ANA, "gate.request", ""),
        (ANA, "gate.override", REASON),
        (EVA, "gate.open", ""),
        (EVA, "gate.review", "it was right"),
    ]


def test_an_override_that_nobody_reviews_is_told_by_the_node(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    gate.override(node, asked.id, REASON, ANA)

    def told() -> list[str]:
        return [text for text in looking.status(node).warnings if "without an approval" in text]

    light.clock.advance(hours=24)
    assert told() == []
    light.clock.advance(seconds=1)
    assert case in told()[0]
    gate.review(node, asked.id, "it was right", EVA, upheld=True)
    assert told() == []


def test_neither_who_asked_nor_who_published_reviews(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    with pytest.raises(Conflict):
        gate.review(node, asked.id, "it was right", EVA, upheld=True)
    gate.override(node, asked.id, REASON, BEN)
    for involved in (ANA, BEN):
        with pytest.raises(NotAllowed):
            gate.review(node, asked.id, "it was right", involved, upheld=False)


def test_an_override_that_was_wrong_is_withdrawn(federation: Federation) -> None:
    node, case = federation[POLICE], draft(federation)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    gate.override(node, asked.id, REASON, ANA)
    assert gate.review(node, asked.id, "not an emergency", EVA, upheld=False)
    assert status(node, case) == cases.WITHDRAWN
    federation.pull(PEER, POLICE)
    assert case_states(federation[PEER], POLICE)[case][0] == feed_cases.ERASED


def test_a_review_does_not_take_back_what_was_approved_since(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    first = gate.request(node, case, GATE_ANSWERS, ANA)
    gate.override(node, first.id, REASON, ANA)
    register.change_case(node, case, {"hair": {"colour": "red"}}, ANA, light.folder)
    gate.approve(node, gate.request(node, case, GATE_ANSWERS, ANA).id, BEN)
    assert not gate.review(node, first.id, "not an emergency", EVA, upheld=False)
    assert status(node, case) == cases.PUBLISHED


def test_a_review_finds_the_case_though_it_shows_less_now(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    gate.override(node, asked.id, REASON, ANA)
    register.change_case(node, case, {"hair": None}, ANA, light.folder)
    gate.publish_again(node, [case], ANA)
    assert gate.review(node, asked.id, "not an emergency", EVA, upheld=False)
    assert status(node, case) == cases.WITHDRAWN


def test_a_review_finds_the_case_under_its_new_id(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    gate.override(node, asked.id, REASON, ANA)
    publishing.withdraw(node, case, ANA)
    again = publishing.undo_withdrawal(node, case, ANA)  # at the command line, where nobody is asked
    assert again.versions["network"] == 1
    (waiting,) = gate.list_unreviewed(node)
    assert (waiting.id, waiting.case_id) == (asked.id, again.case_id)
    with pytest.raises(NotAllowed):
        gate.review(node, asked.id, "it was right", ANA, upheld=True)
    assert gate.review(node, asked.id, "not an emergency", EVA, upheld=False)
    assert status(node, again.case_id) == cases.WITHDRAWN


@pytest.mark.parametrize(
    ("verdict", "comes_back"), [(False, cases.DRAFT), (None, cases.DRAFT), (True, cases.PUBLISHED)]
)
def test_what_nobody_approved_does_not_come_back_by_undoing(
    federation: Federation, verdict: bool | None, comes_back: str
) -> None:
    node, case = federation[POLICE], draft(federation)
    asked = gate.request(node, case, GATE_ANSWERS, ANA)
    gate.override(node, asked.id, REASON, ANA)
    if verdict is not None:
        gate.review(node, asked.id, "somebody else has looked", EVA, upheld=verdict)
    if verdict is not False:
        publishing.withdraw(node, case, ANA)
    again = publishing.undo_withdrawal(node, case, ANA, as_it_was=True)
    assert status(node, again.case_id) == comes_back
    assert [item.case_id for item in gate.list_unreviewed(node)] == [again.case_id] * (verdict is None)
    gate.approve(node, gate.request(node, again.case_id, GATE_ANSWERS, ANA).id, BEN)
    if verdict is None:  # approved since
        assert not gate.review(node, asked.id, "not an emergency", EVA, upheld=False)
    assert status(node, again.case_id) == cases.PUBLISHED


def test_nobody_approves_what_they_wrote_though_a_colleague_asks(federation: Federation) -> None:
    node, case = federation[POLICE], draft(federation)
    asked = gate.request(node, case, GATE_ANSWERS, BEN)
    assert asked.parties == {ANA, BEN}
    with pytest.raises(NotAllowed):
        gate.approve(node, asked.id, ANA)
    gate.approve(node, asked.id, EVA)
    register.change_case(node, case, {"hair": {"colour": "red"}}, BEN, federation.folder)
    gate.approve(node, gate.request(node, case, GATE_ANSWERS, BEN).id, ANA)  # who wrote nothing since

    publishing.withdraw(node, case, EVA, {"outcome": "recovered_safe"})
    again = publishing.undo_withdrawal(node, case, BEN, as_it_was=True).case_id
    register.change_case(node, again, {"hair": {"colour": "black"}}, ANA, federation.folder)
    assert gate.request(node, again, GATE_ANSWERS, BEN).parties == {ANA, BEN, EVA}


def test_nobody_reviews_what_they_wrote(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    asked = gate.request(node, case, GATE_ANSWERS, BEN)
    gate.override(node, asked.id, REASON, BEN)
    with pytest.raises(NotAllowed):
        gate.review(node, asked.id, "it was right", ANA, upheld=True)
    assert not gate.review(node, asked.id, "it was right", EVA, upheld=True)


@pytest.mark.parametrize("name", ["console:ben", "console:ben@police.example"])
def test_a_person_is_one_at_the_machine_and_in_the_console(light: Federation, name: str) -> None:
    node, case = light[POLICE], draft(light)
    asked = gate.request(node, case, GATE_ANSWERS, "cli:Ben")
    with pytest.raises(NotAllowed):
        gate.approve(node, asked.id, name)
    gate.take_back(node, asked.id, name)
    asked = gate.request(node, case, GATE_ANSWERS, name)
    gate.override(node, asked.id, REASON, "console:eva")
    with pytest.raises(NotAllowed):
        gate.review(node, asked.id, "it was right", "cli:eva", upheld=True)


def test_what_a_case_was_goes_on_under_its_new_id(light: Federation) -> None:
    node, case = light[POLICE], draft(light)
    gate.approve(node, gate.request(node, case, GATE_ANSWERS, ANA).id, BEN)
    publishing.withdraw(node, case, EVA, {"outcome": "recovered_safe"})
    before = history.history_of(node, case, ANA)
    again = publishing.undo_withdrawal(node, case, BEN, as_it_was=True).case_id
    assert history.history_of(node, again, ANA) == before
    assert history.history_of(node, case, ANA) == []
    assert register.get_case(node, again).revision == 2
    assert [item.case_id for item in gate.list_requests(node, store.STATES)] == [again]


def test_what_a_request_says_of_a_child_goes_with_the_case(federation: Federation) -> None:
    node, case = federation[POLICE], draft(federation)
    asked = gate.request(node, case, {**GATE_ANSWERS, "note": "Aunt in Lisbon"}, ANA)
    gate.override(node, asked.id, REASON, ANA)
    waiting = gate.request(node, case, {**GATE_ANSWERS, "note": "Aunt in Lisbon"}, ANA)
    publishing.erase(node, case, ANA)
    for number, left in ((asked.id, store.OVERRIDDEN), (waiting.id, store.VOID)):
        kept = gate.open_request(node, number, EVA).request
        assert (kept.state, kept.answers, kept.digest) == (left, {}, b"")
    assert not gate.review(node, asked.id, "not an emergency", EVA, upheld=False)
    for ask in (leaving.preview, lambda *args: gate.request(node, case, GATE_ANSWERS, ANA)):
        with pytest.raises(NodeError):
            ask(node, case, ANA)


def test_a_withdrawn_case_comes_back_as_it_was_or_as_a_draft(federation: Federation) -> None:
    node, case = federation[POLICE], draft(federation)
    register.exclude_members(node, case, [PEER], ANA)
    gate.approve(node, gate.request(node, case, GATE_ANSWERS, ANA).id, BEN)
    publishing.withdraw(node, case, ANA, {"outcome": "recovered_safe"})
    again = publishing.undo_withdrawal(node, case, ANA, as_it_was=True)
    assert again.versions == {"network": 1, "police": 1}
    assert register.excluded_members(node, again.case_id) == [PEER]

    register.change_case(node, again.case_id, {"hair": {"colour": "red"}}, ANA, federation.folder)
    publishing.withdraw(node, again.case_id, ANA)
    third = publishing.undo_withdrawal(node, again.case_id, ANA, as_it_was=True)
    assert third.versions == {}
    assert status(node, third.case_id) == cases.DRAFT
    assert gate.request(node, third.case_id, GATE_ANSWERS, ANA).state == store.OPEN
