"""What the public finds of own cases and of others': the published words, with every change of a document."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from node.domain.searchable import SearchEntry, entry_of
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.register import cases
from node.services.safekeeping import integrity
from node.services.site import showing
from node.services.site.showing import SiteQuery
from node.store.database import reading, writing
from node.store.published import feeds
from node.store.search.finding import find
from node.store.search.index import index_many
from node.store.search.query import Query
from tests.factories import sample_full_record, sample_record, sample_summary
from tests.federation import DE, FR, Federation

OWN, PEER = FR[0], DE[0]


@pytest.fixture
def federation(tmp_path: Path, database_url: str) -> Iterator[Federation]:
    made = Federation(tmp_path / "network", (FR, DE), databases={OWN: database_url})
    yield made
    made.close()


def found(federation: Federation, **asked: object) -> list[str]:
    """Give what the public finds, after everything on the disk agreed."""
    node = federation[OWN]
    assert integrity.check(node).findings == []
    return [shown.case_id for shown in showing.find_children(node, SiteQuery(**asked))[0]]  # type: ignore[arg-type]


def found_by_staff(federation: Federation) -> list[str]:
    with reading(federation[OWN].engine) as conn:
        return [hit.case_id for hit in find(conn, Query(today=date(2026, 11, 22)))]


def test_a_draft_is_found_by_nobody_outside(federation: Federation) -> None:
    record = sample_record("pt", photos=None)
    (draft,) = cases.add_cases(federation[OWN], [record], "test", federation.folder)
    assert found(federation) == []
    publishing.publish(federation[OWN], [draft.case_id], "test")
    assert found(federation) == [draft.case_id]
    assert found_by_staff(federation) == [draft.case_id]  # once, though it has two rows


def test_the_published_words_count_until_others_are_published(federation: Federation) -> None:
    (made,) = federation.publish(OWN, sample_record("pt", photos=None))
    renamed = {"names": [{"full": "Zbigniew Wojciechowski", "kind": "legal"}]}
    cases.change_case(federation[OWN], made.case_id, renamed, "test", federation.folder)
    assert found(federation, name="Zbigniew Wojciechowski") == []
    publishing.publish(federation[OWN], [made.case_id], "test")
    assert found(federation, name="Zbigniew Wojciechowski") == [made.case_id]
    assert found(federation, name="João Pedro Nascimento") == []


def test_words_of_what_is_not_public_find_nothing(federation: Federation) -> None:
    record = sample_full_record(photos=None, alert=None, show_in="all")
    for owner in (OWN, PEER):
        federation.publish(owner, record)
    federation.pull(OWN, PEER)
    assert len(found(federation, text="Не повернувся")) == 2
    for words in ("Вокзальна", "Краків", "інгалятор", "Octavia", "Розповідь", "вокзал"):
        assert found(federation, text=words) == [], words
    assert found(federation, name="Тарас Гнатюк") == []


def test_renewed_changed_withdrawn_and_erased(federation: Federation) -> None:
    node = federation[OWN]
    published = federation.publish(OWN, *(sample_record("pt", photos=None) for _ in range(3)))
    kept, withdrawn, erased = (one.case_id for one in published)
    publishing.publish(node, [kept], "test")
    publishing.withdraw(node, withdrawn, "test")
    publishing.erase(node, erased, "test")
    assert found(federation) == [kept]
    again = publishing.undo_withdrawal(node, withdrawn, "test")
    assert set(found(federation)) == {kept, again.case_id}
    federation.clock.advance(days=400)
    erasure.expire(node)
    assert found(federation) == []


def test_where_a_case_may_be_shown_decides_who_finds_it(federation: Federation) -> None:
    for owner in (OWN, PEER):
        (made,) = federation.publish(owner, sample_record("pt", photos=None, show_in=["PL"]))
        federation.pull(OWN, PEER)
        assert found(federation) == []
        node = federation[owner]
        cases.change_case(node, made.case_id, {"show_in": ["PL", "FR"]}, "test", federation.folder)
        publishing.publish(node, [made.case_id], "test")
        federation.pull(OWN, PEER)
        assert found(federation) == [made.case_id]
        publishing.erase(node, made.case_id, "test")
        federation.pull(OWN, PEER)
        assert found(federation) == []


def test_a_search_that_does_not_agree_with_the_documents_is_found_out(federation: Federation) -> None:
    node = federation[OWN]
    for owner in (OWN, PEER):
        (made,) = federation.publish(owner, sample_record("pt", photos=None))
        federation.pull(OWN, PEER)
    for harm in (
        "UPDATE search_entry SET shown_to = 0 WHERE source = 'replica'",
        "DELETE FROM search_entry WHERE source = 'site'",
    ):
        assert len(integrity.check(node).findings) == ("DELETE" in harm)
        with writing(node.engine) as conn:
            conn.exec_driver_sql(harm)
    problems = [finding.problem for finding in integrity.check(node).findings]
    assert len(problems) == 2
    assert all(problem.endswith("not found in the search by those who may") for problem in problems)
    publishing.erase(federation[PEER], made.case_id, "test")
    federation.pull(OWN, PEER)
    with reading(node.engine) as conn:
        (row,) = [row for row in feeds.list_feeds(conn) if (row.member, row.audience) == (PEER, "network")]
    with writing(node.engine) as conn:
        conn.exec_driver_sql("DELETE FROM search_entry")
        index_many(conn, [_entry(made.case_id, row.id)])
    problems = [finding.problem for finding in integrity.check(node).findings]
    assert f"case {made.case_id} is over, and the search still finds it" in problems


def _entry(case_id: str, feed_id: int) -> SearchEntry:
    parts = sample_summary("pt")
    return entry_of(
        {**parts["head"], "case": case_id},
        parts["public"],
        source="replica",
        feed_id=feed_id,
        owner=PEER,
        country="DE",
        status="published",
    )


def test_a_place_alone_is_refused() -> None:
    with pytest.raises(Exception, match="A place alone"):
        SiteQuery(place="Lviv")
    with pytest.raises(Exception, match="A place alone"):
        SiteQuery(place="Lviv", missing_within_years=18)
    SiteQuery(place="Lviv", sex=0)
    SiteQuery(place="Lviv", age_max=16)
    SiteQuery(place="Lviv", missing_within_years=10)
