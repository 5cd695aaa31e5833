"""Mappings that are kept: for everybody, by headers, without a word of the file, and not for ever."""

from dataclasses import replace
from datetime import timedelta

import pytest

from node.domain.spreadsheets.columns import ColumnMapping
from node.errors import InvalidInput, NotFound
from node.runtime import Node
from node.services.spreadsheets import intake, mappings
from node.services.spreadsheets.intake import Import
from node.store.database import reading
from node.store.journal import Wanted, find_entries
from node.store.register import imports
from node.store.staff.people import Person
from tests.federation import Federation
from tests.node.services.spreadsheets.tables import FIXED, HEADERS, row, table


@pytest.fixture
def found(node: Node, person: Person) -> Import:
    taken = intake.take_file(node, person, "cases.csv", table(row(1, Sex="W")), "en", "console:one")
    return replace(taken, mapping=replace(taken.mapping, fixed=FIXED, words={"sex": {"w": "2", "na": ""}}))


def load(node: Node, found: Import, name: str = "Ours") -> ColumnMapping:
    return mappings.load_mapping(node, found, name)


def test_a_mapping_is_kept_for_everybody_and_fits_by_headers(node: Node, found: Import) -> None:
    mappings.save_mapping(node, found, " Province  office ", "console:one")
    (saved,) = mappings.list_mappings(node)
    assert (saved.name, saved.actor, saved.saved_at) == ("Province office", "console:one", node.clock())
    turned = table([*reversed(row(1, Sex="W"))], headers=[*reversed(HEADERS)])
    other = intake.take_file(node, None, "cases.csv", turned, "en", "cli:two")
    mapping = load(node, other, "Province office")
    assert mapping.columns["names.full"] == 6
    assert mapping.words == {"sex": {"w": "2"}}
    with pytest.raises(NotFound):
        load(node, other, "no such")
    with pytest.raises(InvalidInput):
        mappings.save_mapping(node, found, "", "console:one")


def test_nothing_is_kept_but_headers_and_choices(node: Node, found: Import) -> None:
    columns = {name: place for name, place in found.mapping.columns.items() if name != "circumstances"}
    fixed = {
        **FIXED, "circumstances": "Ana went home.", "last_seen.country": "France", "nationalities": "Ana",
        "category": "Ana",
    }  # fmt: skip
    changed = replace(found, mapping=replace(found.mapping, columns=columns, fixed=fixed))
    mappings.save_mapping(node, changed, "Ours", "console:one")
    kept = load(node, found)
    assert kept.fixed == {
        "authority.kind": "police",
        "consent.basis": "police",
        "consent.scope": "network, public",
        "risk.level": "high",
        "last_seen.country": "France",
    }
    assert kept.words == {"sex": {"w": "2"}}
    (saved,) = mappings.list_mappings(node)
    assert "What happened" not in saved.content["columns"]


def test_a_name_stands_nowhere_in_the_clear(node: Node, found: Import) -> None:
    mappings.save_mapping(node, found, "Ours", "console:one")
    with reading(node.engine) as conn:
        (row,) = imports.list_mappings(conn)
        told = [str(entry) for entry in find_entries(conn, Wanted(), 50)]
    assert b"Ours" not in row.content
    assert not any("Ours" in entry for entry in told)


def test_the_same_name_takes_the_place_of_the_one_before(node: Node, found: Import) -> None:
    mappings.save_mapping(node, found, "Ours", "console:one")
    mappings.save_mapping(node, replace(found, mapping=ColumnMapping(height="ft")), "Ours", "console:two")
    (saved,) = mappings.list_mappings(node)
    assert (saved.actor, load(node, found).height) == ("console:two", "ft")


def test_there_are_no_more_than_fifty(node: Node, found: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mappings, "MAX_MAPPINGS", 2)
    for name in ("b", "a"):
        mappings.save_mapping(node, found, name, "console:one")
    with pytest.raises(InvalidInput):
        mappings.save_mapping(node, found, "c", "console:one")
    mappings.save_mapping(node, found, "b", "console:one")
    assert [saved.name for saved in mappings.list_mappings(node)] == ["a", "b"]


def test_one_is_deleted_by_whoever_may_and_the_journal_says_who(node: Node, found: Import) -> None:
    mappings.save_mapping(node, found, "Ours", "console:one")
    (saved,) = mappings.list_mappings(node)
    mappings.delete_mapping(node, saved.id, "console:two")
    assert mappings.list_mappings(node) == []
    with pytest.raises(NotFound):
        mappings.delete_mapping(node, saved.id, "console:two")
    with reading(node.engine) as conn:
        told = [
            (entry.entry.actor, entry.entry.action, entry.entry.purpose)
            for entry in find_entries(conn, Wanted(), 50)
        ]
    assert told.count(("console:two", "import.forget-mapping", saved.id)) == 1


def test_one_that_cannot_be_opened_keeps_nobody_from_the_others(node: Node, found: Import) -> None:
    mappings.save_mapping(node, found, "Old", "test")
    with node.engine.begin() as conn:
        conn.execute(imports.column_mapping.update().values(content=b"of another key folder"))
    mappings.save_mapping(node, found, "New", "test")
    assert [saved.name for saved in mappings.list_mappings(node)] == ["New"]


def test_one_that_nobody_uses_is_forgotten_after_a_year(
    node: Node, found: Import, federation: Federation
) -> None:
    for name in ("used", "left"):
        mappings.save_mapping(node, found, name, "console:one")
    federation.clock.advance(days=300)
    load(node, found, "used")
    mappings.forget_old(node)
    assert len(mappings.list_mappings(node)) == 2
    federation.clock.advance(days=65)
    mappings.forget_old(node)
    (saved,) = mappings.list_mappings(node)
    assert (saved.name, saved.ends_at) == ("used", node.clock() + timedelta(days=300))
