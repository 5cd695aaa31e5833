"""Searches that people keep under a name, to open them again: of the register, and over the federation.

Guarantees: what is kept is encrypted and for its owner alone; it is what was asked, never what was found, so
that opening it searches anew, in the journal like any search. It goes with its owner's account.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services.people.encryption import decrypt, encrypt
from node.store.database import reading, writing
from node.store.staff import saved_searches as store
from node.store.staff.people import Person
from node.store.staff.saved_searches import SavedRow
from protocol.signs import is_readable

REGISTER, FEDERATION = "register", "federation"
"""What a search is over."""

MAX_NAME = 100
MAX_SAVED = 50
"""The most that one person keeps."""

_MAX_BYTES = 1 << 14
_USE = "saved-search"

Asked = Sequence[tuple[str, str]]
"""The fields of the form that was asked with; what they mean is known to whoever shows it."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search that somebody keeps.

    Attributes:
        over: REGISTER or FEDERATION.
    """

    id: str
    name: str
    over: str
    asked: Asked
    created_at: datetime


def save(node: Node, person: Person, name: str, over: str, asked: Asked) -> SavedSearch:
    """Keep a search.

    Raises:
        InvalidInput: the name cannot be used, or it is too much.
        Conflict: its owner keeps too many.
    """
    made = SavedSearch(secrets.token_urlsafe(12), _check_name(name), over, asked, node.clock())
    sealed = _seal(node, person, made)
    with writing(node.engine) as conn:
        if len(store.list_searches(conn, person.id, MAX_SAVED)) >= MAX_SAVED:
            raise Conflict("You keep too many searches.", "Delete some of them.")
        store.add_search(conn, SavedRow(made.id, person.id, sealed, made.created_at))
    return made


def list_saved(node: Node, person: Person) -> list[SavedSearch]:
    """Return what somebody keeps, by name."""
    with reading(node.engine) as conn:
        rows = store.list_searches(conn, person.id, MAX_SAVED)
    return sorted((_open(node, row) for row in rows), key=lambda found: found.name.casefold())


def find_saved(node: Node, person: Person, search_id: str) -> SavedSearch:
    """Return what somebody keeps, by its id.

    Raises:
        NotFound: there is nothing of theirs under this id.
    """
    with reading(node.engine) as conn:
        row = store.find_search(conn, person.id, search_id)
    if row is None:
        raise _nothing()
    return _open(node, row)


def rename(node: Node, person: Person, search_id: str, name: str) -> None:
    """Give a search another name.

    Raises:
        NotFound: there is nothing of theirs under this id.
        InvalidInput: the name cannot be used.
    """
    found = find_saved(node, person, search_id)
    changed = SavedSearch(found.id, _check_name(name), found.over, found.asked, found.created_at)
    sealed = _seal(node, person, changed)
    with writing(node.engine) as conn:
        if not store.change_search(conn, person.id, search_id, sealed):
            raise _nothing()


def delete(node: Node, person: Person, search_id: str) -> None:
    """Forget a search.

    Raises:
        NotFound: there is nothing of theirs under this id.
    """
    with writing(node.engine) as conn:
        if not store.drop_search(conn, person.id, search_id):
            raise _nothing()


def _check_name(name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME or not is_readable(name):
        raise InvalidInput(
            "This name cannot be used.", "Write 1 to %(most)s characters on one line.", most=MAX_NAME
        )
    return name


def _seal(node: Node, person: Person, saved: SavedSearch) -> bytes:
    content = {"name": saved.name, "over": saved.over, "asked": list(saved.asked)}
    data = json.dumps(content).encode()
    if len(data) > _MAX_BYTES:
        raise InvalidInput("This is more than can be kept.", "Look for less.")
    return encrypt(node, _USE, f"{person.id} {saved.id}", data)


def _open(node: Node, row: SavedRow) -> SavedSearch:
    found = json.loads(decrypt(node, _USE, f"{row.person_id} {row.id}", row.content))
    asked = [(name, value) for name, value in found["asked"]]
    return SavedSearch(row.id, found["name"], found["over"], asked, row.created_at)


def _nothing() -> NotFound:
    return NotFound("There is no such search of yours here.", "It may be deleted.")
