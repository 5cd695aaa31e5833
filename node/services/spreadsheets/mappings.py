"""Mappings that are kept under a name, for everybody of this node and further files with the same headers.

Guarantees: of a file nothing is kept but the headers of mapped columns, and what was chosen from lists; a
mapping stands encrypted with its name; there are at most `MAX_MAPPINGS`, and one goes a year after it served
last.
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection

from node.domain.spreadsheets import conversion
from node.domain.spreadsheets.columns import CHOSEN, TARGETS, ColumnMapping, parse_mapping
from node.errors import InvalidInput, NotFound
from node.runtime import Node
from node.services.people.encryption import decrypt, encrypt
from node.services.spreadsheets.intake import Import
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.register import imports
from node.store.register.imports import MappingRow
from protocol.signs import is_readable

log = structlog.get_logger()

LIFE = timedelta(days=365)
"""How long a mapping is kept after it served last."""

MAX_MAPPINGS = 50
MAX_NAME = 60

_USE = "column-mapping"


@dataclass(frozen=True, slots=True)
class SavedMapping:
    """A mapping that somebody saved.

    Attributes:
        actor: who did, as the journal calls them.
        content: what `ColumnMapping.to_json` wrote.
        ends_at: when it is forgotten unless it serves again.
    """

    id: str
    name: str
    actor: str
    saved_at: datetime
    ends_at: datetime
    content: Any = field(repr=False)


def save_mapping(node: Node, found: Import, name: str, actor: str) -> None:
    """Keep the mapping of a file under a name, in the place of one that has it.

    Raises:
        InvalidInput: the name is none, or there are too many.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= MAX_NAME or not is_readable(name):
        raise InvalidInput("This is no name for a mapping.", "Use at most 60 letters and digits.")
    now, made = node.clock(), secrets.token_hex(8)
    content = {"name": name, "mapping": _choices(node, found.mapping).to_json(found.headers)}
    sealed = encrypt(node, _USE, made, json.dumps(content).encode())
    with writing(node.engine) as conn:
        known = _all(node, conn)
        for saved in known:
            if saved.name == name:
                imports.drop_mapping(conn, saved.id)
        if name not in {saved.name for saved in known} and len(known) >= MAX_MAPPINGS:
            raise InvalidInput("There are 50 mappings already.", "Save it under the name of one of them.")
        imports.add_mapping(conn, MappingRow(made, sealed, actor, now, now))
        write_journal(conn, JournalEntry(now, actor, "import.mapping", purpose=made))


def list_mappings(node: Node) -> Sequence[SavedMapping]:
    """Return the mappings that are kept, by name."""
    with reading(node.engine) as conn:
        return _all(node, conn)


def find_mapping(node: Node, mapping_id: str) -> SavedMapping:
    """Return a mapping by its id.

    Raises:
        NotFound: there is none.
    """
    return _one(list_mappings(node), mapping_id)


def load_mapping(node: Node, found: Import, name: str) -> ColumnMapping:
    """Return a kept mapping as it fits the columns of a file.

    Raises:
        NotFound: there is none of this name.
    """
    with writing(node.engine) as conn:
        saved = next((saved for saved in _all(node, conn) if saved.name == name), None)
        if saved is None:
            raise _nothing()
        imports.note_use(conn, saved.id, node.clock())
    return parse_mapping(saved.content, found.headers)


def delete_mapping(node: Node, mapping_id: str, actor: str) -> None:
    """Forget a mapping; what was imported with it stays as it is.

    Raises:
        NotFound: there is none.
    """
    with writing(node.engine) as conn:
        if not imports.drop_mapping(conn, mapping_id):
            raise _nothing()
        write_journal(conn, JournalEntry(node.clock(), actor, "import.forget-mapping", purpose=mapping_id))


def forget_old(node: Node) -> None:
    """Forget mappings that nobody uses any more."""
    with writing(node.engine) as conn:
        imports.drop_old_mappings(conn, node.clock() - LIFE)


def _choices(node: Node, mapping: ColumnMapping) -> ColumnMapping:
    """Leave out whatever may be a text of the file or about a child: values that are typed, and words that
    nobody gave a meaning."""
    zone = ZoneInfo(node.config.console.timezone)
    fixed = {
        name: text
        for name, text in mapping.fixed.items()
        if TARGETS[name].kind in CHOSEN and conversion.is_readable(TARGETS[name], text, mapping, zone)
    }
    words = {
        name: {word: code for word, code in known.items() if code} for name, known in mapping.words.items()
    }
    return replace(mapping, fixed=fixed, words=words)


def _all(node: Node, conn: Connection) -> list[SavedMapping]:
    opened = (_open(node, row) for row in imports.list_mappings(conn))
    return sorted(filter(None, opened), key=lambda saved: saved.name.casefold())


def _open(node: Node, row: MappingRow) -> SavedMapping | None:
    """Open one; one of a key folder that is gone serves nobody, and must not keep the others from it."""
    try:
        content = json.loads(decrypt(node, _USE, row.id, row.content))
    except InvalidInput:
        log.warning("a saved mapping cannot be opened with this key folder")
        return None
    ends = row.used_at + LIFE
    return SavedMapping(row.id, content["name"], row.actor, row.saved_at, ends, content["mapping"])


def _one(saved: Sequence[SavedMapping], mapping_id: str) -> SavedMapping:
    for one in saved:
        if one.id == mapping_id:
            return one
    raise _nothing()


def _nothing() -> NotFound:
    return NotFound(
        "There is no mapping of this name.", "Choose one of the list, or map the columns yourself."
    )
