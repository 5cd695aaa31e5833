"""Who did what: searching the journal, also for what was searched for."""

from collections.abc import Iterator

import pytest

from node.errors import InvalidInput
from node.runtime import Node
from node.services.audit.searching import list_entries
from node.services.search import finding
from node.store.database import reading
from node.store.journal import Wanted, journal, read_journal
from node.store.search.query import Query
from tests.federation import DE, FR, START, Federation


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    made = Federation(tmp_path_factory.mktemp("searching"), [FR, DE])
    yield made
    made.close()


@pytest.fixture
def node(federation: Federation) -> Node:
    return federation[FR[0]]


def who_asked(node: Node, term: str) -> list[str]:
    found = list_entries(node, Wanted(action="search"), "auditor", term)
    return [item.entry.actor for item in reversed(found)]


def test_who_searched_for_a_child_is_found_in_any_spelling_and_script(node: Node) -> None:
    for actor, asked in (
        ("cli:amina", {"name": "Олена Шевченко", "sex": 2}),
        ("cli:ben", {"name": "shevchenko, OLENA"}),
        ("cli:chen", {"name": "王小明"}),
        ("cli:dora", {"text": "Olena, café", "place": "Kyiv"}),
        ("cli:evan", {"country": "UA"}),
    ):
        finding.find(node, Query(today=START.date(), **asked), actor)  # type: ignore[arg-type]  # one a time
    for name in ("Olena Shevchenko", "шевченко олена"):
        assert who_asked(node, name) == ["cli:amina", "cli:ben"]
    assert who_asked(node, "Wang") == who_asked(node, "王小明") == ["cli:chen"]
    assert who_asked(node, "cafe") == who_asked(node, "KYIV") == ["cli:dora"]
    assert who_asked(node, "Olena") == ["cli:amina", "cli:ben", "cli:dora"]
    assert who_asked(node, "Olen") == who_asked(node, "UA") == []
    for nothing in ("…", " ", "?!"):
        with pytest.raises(InvalidInput):
            list_entries(node, Wanted(), "auditor", nothing)


def test_the_journal_names_the_conditions_of_a_search_and_none_of_its_words(node: Node) -> None:
    query = Query(today=START.date(), name="Zlata", near=(50.06, 19.94, 30.0), offset=20)
    finding.find(node, query, "cli:zoe")
    with reading(node.engine) as conn:
        entry = read_journal(conn)[0]
        held = repr(conn.execute(journal.select()).all())
    assert (entry.action, entry.fields) == ("search", ["name", "near"])
    assert len(entry.terms) == 2
    assert all(len(term) == 32 for term in entry.terms)
    for word in ("Zlata", "zlata", "50.06", "19.94"):
        assert word not in held


def test_nodes_hash_the_same_word_differently(federation: Federation) -> None:
    hashes = set()
    for member in (FR[0], DE[0]):
        finding.find(federation[member], Query(today=START.date(), name="Zlata"), "cli:zoe")
        with reading(federation[member].engine) as conn:
            hashes.update(read_journal(conn)[0].terms)
    assert len(hashes) == 2


def test_looking_is_in_the_journal_too(node: Node) -> None:
    wanted = Wanted(actor="cli:zoe", case_id=f"{FR[0]}/a")
    assert list_entries(node, wanted, "auditor", "Zlata") == []
    (entry,) = [item.entry for item in list_entries(node, Wanted(actor="auditor"), "x", limit=1)]
    assert (entry.action, entry.case_id) == ("audit.list", wanted.case_id)
    assert (entry.fields, len(entry.terms)) == (["actor", "case_id", "term"], 1)


def test_the_next_page(node: Node) -> None:
    for _ in range(6):
        finding.find(node, Query(today=START.date(), name="Zlata"), "cli:zoe")
    first = list_entries(node, Wanted(), "auditor", limit=3)
    second = list_entries(node, Wanted(before=first[-1].number), "auditor", limit=3)
    numbers = [item.number for item in (*first, *second)]
    assert numbers == list(range(numbers[0], numbers[0] - 6, -1))


def test_the_hashes_stay_when_the_cosigner_key_is_replaced(federation: Federation) -> None:
    node = federation[FR[0]]
    before = node.journal_key()
    node.keys.add("cosigner")
    assert node.journal_key() == before != federation[DE[0]].journal_key()
