"""Finding and opening cases: what is shown to whom, and what the journal holds of it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from node.errors import InvalidInput, NotFound
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.members import membership
from node.services.register import cases as register
from node.services.search import finding
from node.store.database import reading
from node.store.journal import read_journal
from node.store.search.query import Query
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation, dropping

OWNER, HERE = FR[0], DE[0]


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, (FR, DE))
    yield made
    made.close()


def ask(node: Node, **asked: object) -> Query:
    return replace(Query(today=node.now().date()), **asked)


def found(node: Node, **asked: object) -> list[str]:
    results, total = finding.find(node, ask(node, **asked), "test")
    assert total == len(results)
    return [item.case_id for item in results]


def hold_a_case(federation: Federation, **changes: object) -> str:
    """Publish a French case and let Germany pull it."""
    (published,) = federation.publish(OWNER, sample_record("ar", photos=None, **changes))
    assert not federation.pull(HERE, OWNER).error
    return published.case_id


def test_results_hold_no_salt_and_nothing_closed(federation: Federation) -> None:
    hold_a_case(federation)
    ((result,), _) = finding.find(federation[HERE], ask(federation[HERE]), "test")
    closed = set(federation[HERE].network().schemas.fields("summary", "network"))
    assert result.public["names"]
    assert closed.isdisjoint(result.public)
    assert "salt" not in result.public


def test_a_page_knows_how_many_there_are_in_all(federation: Federation) -> None:
    federation.publish(OWNER, *(sample_record("ar", photos=None) for _ in range(5)))
    federation.pull(HERE, OWNER)
    node = federation[HERE]
    for asked in ({}, {"name": "مريم الخطيب"}, {"country": "FR"}):
        for limit, offset, size in ((5, 0, 5), (2, 0, 2), (2, 4, 1), (9, 0, 5), (2, 6, 0)):
            results, total = finding.find(node, ask(node, **asked, limit=limit, offset=offset), "test")
            assert (len(results), total) == (size, 5), (asked, limit, offset)


def test_an_own_case_is_found_as_its_policy_would_publish_it(federation: Federation) -> None:
    node = federation[HERE]
    (draft,) = register.add_cases(node, [sample_record("ar", photos=None)], "test", federation.folder)
    ((result,), _) = finding.find(node, ask(node), "test")
    assert (result.case_id, result.status) == (draft.case_id, "draft")
    assert result.public["last_seen"]["place"] == draft.record["last_seen"]["area"]
    assert finding.open_public(node, draft.case_id, "test").withheld == ("record",)


def test_an_erased_own_case_is_gone(federation: Federation) -> None:
    (published,) = federation.publish(OWNER, sample_record("ar", photos=None))
    node = federation[OWNER]
    publishing.erase(node, published.case_id, "test")
    assert found(node) == []
    with pytest.raises(NotFound, match="erased"):
        finding.open_public(node, published.case_id, "test")
    with pytest.raises(NotFound):
        finding.read_photograph(node, published.case_id, "0" * 64, "test")


def test_a_foreign_case_stays_closed_without_a_purpose(federation: Federation) -> None:
    case_id = hold_a_case(federation)
    node = federation[HERE]
    opened = finding.open_case(node, case_id, "test")
    assert set(opened.parts) == {"head", "public"}
    assert "network" in opened.withheld
    assert finding.open_case_quietly(node, case_id).parts == opened.parts
    whole = finding.open_case(node, case_id, "test", "border check")
    assert (set(whole.parts), whole.withheld) == ({*opened.parts, *opened.withheld}, ())
    with reading(node.engine) as conn:
        latest, before = read_journal(conn, case_id)[:2]
    assert (latest.purpose, list(latest.fields)) == ("border check", list(whole.parts))
    assert (before.purpose, list(before.fields)) == ("", ["head", "public"])


@pytest.mark.parametrize("purpose", ["abc", " " * 9, "x" * 301, "one\ntwo", "nul\x00nul"])
def test_a_purpose_says_something_on_one_line(federation: Federation, purpose: str) -> None:
    case_id = hold_a_case(federation)
    for open_it in (
        lambda: finding.open_case(federation[HERE], case_id, "test", purpose),
        lambda: finding.open_photograph(federation[HERE], case_id, "0" * 64, "test", purpose),
    ):
        with pytest.raises(InvalidInput, match="purpose"):
            open_it()


def test_a_member_that_the_roster_lists_no_longer_is_not_shown(federation: Federation) -> None:
    case_id = hold_a_case(federation)
    node, known = federation[HERE], federation.coordinator.trusted
    left = tuple(member for member in known.roster.members if member.id != OWNER)
    federation.coordinator.trusted = replace(
        known, roster=replace(known.roster, members=left), version=known.version + 1
    )
    node.trust.refresh([], node.http)
    assert finding.find(node, ask(node), "test")[0] == []
    with pytest.raises(NotFound):
        finding.open_case(node, case_id, "test")


def test_cases_of_an_ngo_whose_endorsement_was_withdrawn_are_not_even_counted(tmp_path: Path) -> None:
    three = Federation(tmp_path)
    three.publish(NGO[0], sample_record("hi", photos=None, reference=None))
    node = three[DE[0]]
    assert three.pull(DE[0], NGO[0]).error == ""
    assert finding.find(node, ask(node), "test")[1] == 1
    membership.withdraw_endorsement(three[FR[0]], NGO[0], "test")
    assert three.pull(DE[0], FR[0]).error == ""
    assert finding.find(node, ask(node), "test") == ([], 0)


def test_the_hash_of_what_was_asked_forgets_day_and_page(federation: Federation) -> None:
    node = federation[HERE]
    federation.refresh()

    def terms(**asked: object) -> Sequence[str]:
        finding.find(node, ask(node, **asked), "test")
        with reading(node.engine) as conn:
            return read_journal(conn)[0].terms

    first = terms(name="Amina", sex=2)
    assert [len(term) for term in first] == [32, 32]
    assert terms(name="Amina", sex=2, offset=20, limit=5) == first
    federation.clock.advance(days=1)
    assert terms(name="Amina", sex=2) == first
    assert terms(name="Amina", sex=1) != first


def test_a_case_does_not_vanish_while_its_next_version_is_on_its_way(federation: Federation) -> None:
    case = hold_a_case(federation)
    register.change_case(federation[OWNER], case, {"notes": "seen again"}, "test", federation.folder)
    publishing.publish(federation[OWNER], [case], "test")
    federation.wire.faults[OWNER] = [dropping(2)]  # after checkpoint and bundle
    assert federation.pull(HERE, OWNER).error
    assert found(federation[HERE]) == [case]
    opened = finding.open_case(federation[HERE], case, "test", "to see what is shown")
    assert (opened.version, "network" in opened.parts) == (1, True)
    federation.wire.faults.clear()
    assert not federation.pull(HERE, OWNER).error
    assert finding.open_case(federation[HERE], case, "test").version == 2


def test_a_part_that_the_reader_may_not_open_stays_closed_whatever_the_purpose(
    federation: Federation,
) -> None:
    case_id, node = hold_a_case(federation, reference="4711"), federation[HERE]
    opened = finding.open_case(node, case_id, "test", "border check", ("network",))
    assert set(opened.parts) == {"head", "public", "network"}
    assert opened.withheld == ("police",)
    with reading(node.engine) as conn:
        assert "police" not in next(iter(read_journal(conn, limit=1))).fields
    assert "police" in finding.open_case(node, case_id, "test", "border check").parts
