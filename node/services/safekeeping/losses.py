"""What a recovery could not bring back, and what people have to do about it.

Guarantees: it is listed from the transaction that found it until a person has noted it; of every own case
that is published the register has a record again, if only of what left the house. Bringing back is
`recovery`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import orjson
from sqlalchemy import Connection

from node.domain.disclosure import disclose
from node.domain.renditions import hashes_in
from node.errors import NodeError
from node.runtime import Node
from node.services.register.cases import index_cases
from node.store import marks
from node.store.database import writing
from node.store.federation import peers
from node.store.journal import JournalEntry, write_journal
from node.store.published import documents, feed_cases, photographs
from node.store.published.documents import HeldDocument
from node.store.register import cases
from protocol.document import verify_document
from protocol.leaf import PUT, Leaf

ACTOR = "recovery"
"""Who did it, for the journal."""

_ROUND = 200
_SHOWN = 5
_WORDS = {
    "erased": (
        "Erased from the register, because it was erased, closed or withdrawn after the backup",
        "If the private record is still needed, add it anew from your files.",
    ),
    "rebuilt": (
        "The private record is lost, and was made anew from what was published",
        "Complete it with `gmcn case change`, and name again the members that it is kept from.",
    ),
    "older": (
        "The record is older than what was published",
        "Compare it with your files and change it before it is published or renewed.",
    ),
    "undocumented": (
        "Published, but no member has the document any more",
        "Publish it again, or erase it.",
    ),
    "unpictured": ("A photograph is lost", "Add it again with `gmcn case change`, and publish."),
}


@dataclass
class Losses:
    """What a person has to look at after a recovery; case ids.

    Attributes:
        erased: erased from the register, because they were erased from the feed after what this node knew.
        rebuilt: records that are only what was published, because the private record is lost.
        older: records that may be older than what was published last.
        undocumented: published, and no member that was asked has the document any more.
        unpictured: a photograph of theirs is lost.
        changed: published after what this node knew, and not sorted into the others yet.
    """

    erased: list[str] = field(default_factory=list)
    rebuilt: list[str] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    undocumented: list[str] = field(default_factory=list)
    unpictured: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def find_losses(conn: Connection) -> Losses:
    """Return what could not be brought back, as far as nobody has noted it."""
    mark = marks.find_mark(conn, marks.RECOVERED)
    told: dict[str, Any] = orjson.loads(mark.about) if mark else {}
    return Losses(**{item.name: told.get(item.name, []) for item in fields(Losses)})


def warnings(conn: Connection) -> list[str]:
    """Say in plain words how a recovery stands, and what people have to look at after it."""
    found, lines = find_losses(conn), list[str]()
    restored = marks.find_mark(conn, marks.RESTORED)
    if restored is not None:
        lines.append(
            f"This node was restored from a backup of {restored.about}: it shows and signs nothing before "
            "its peers have told what happened since. Let `gmcn serve` run."
        )
    for member in unheard(conn):
        lines.append(
            f"Nothing of {member} is shown until it was pulled, or a bundle that it has made since then was "
            "taken in: it may have erased since the backup."
        )
    for name, (what, step) in _WORDS.items():
        some: list[str] = getattr(found, name)
        if some:
            shown = ", ".join(some[:_SHOWN]) + (f" and {len(some) - _SHOWN} more" if some[_SHOWN:] else "")
            lines.append(f"{what}: {shown}. {step} `gmcn recover --noted` ends this remark.")
    return lines


def note_losses(node: Node, actor: str) -> None:
    """Write down that a person has looked at what could not be brought back."""
    with writing(node.engine) as conn:
        marks.clear_mark(conn, marks.RECOVERED)
        write_journal(conn, JournalEntry(node.clock(), actor, "node.note-losses"))


def unheard(conn: Connection) -> list[str]:
    """Return the members that were not pulled since this node was restored."""
    return [peer.member for peer in peers.list_peers(conn) if peer.unheard]


def add_losses(conn: Connection, node: Node, **told: list[str]) -> None:
    """Add to what a person has to look at."""
    found = find_losses(conn)
    for name, some in told.items():
        setattr(found, name, list(dict.fromkeys([*getattr(found, name), *some])))
    _keep(conn, node, found)


def sort_losses(node: Node) -> int:
    """Give the register a record of own cases that were published meanwhile, and list what people must look
    at. Returns how many were looked at: some at a time, so that others can write in between."""
    with writing(node.engine) as conn:
        found = find_losses(conn)
        looked_at, found.changed = found.changed[:_ROUND], found.changed[_ROUND:]
        for case_id in looked_at:
            _sort_loss(conn, node, case_id, found)
        if looked_at:
            _keep(conn, node, found)
    return len(looked_at)


def _sort_loss(conn: Connection, node: Node, case_id: str, found: Losses) -> None:
    docs = documents.find_documents(conn, case_id)
    parts = {name: part for doc in docs for name, part in _parts_of(doc).items()}
    case = cases.get_cases(conn, [case_id]).get(case_id)
    if case is not None and case.status == cases.ERASED:
        return
    if case is None:
        record = _with_pictures(node, _record_of(parts))
        case = cases.add_case(conn, case_id, record, ACTOR, node.clock())
        cases.keep_photographs(conn, case_id, hashes_in(case.record))
        write_journal(conn, JournalEntry(node.clock(), ACTOR, "case.rebuild", case_id, sorted(record)))
        index_cases(conn, node, [case])
        found.rebuilt.append(case_id)
    elif docs and not _is_of(node, case.record, parts):
        found.older.append(case_id)
    if case.status != cases.PUBLISHED:
        cases.set_status(conn, case_id, cases.PUBLISHED, node.clock())
    pictures = [photo for doc in docs for photo in photographs.photographs_of_case(conn, doc.case_key)]
    if any(photo.state != feed_cases.HELD for photo in pictures):
        found.unpictured.append(case_id)


def _parts_of(doc: HeldDocument) -> dict[str, dict[str, Any]]:
    """Read the parts of an own document without their salts, and without the head, which no record has."""
    leaf = Leaf(PUT, doc.case_id, doc.version, doc.digest, doc.expires, doc.leaf_at, b"")
    parts = verify_document(doc.body, leaf, doc.audience).parts
    return {
        name: {key: value for key, value in part.items() if key != "salt"}
        for name, part in parts.items()
        if name != "head"
    }


def _record_of(parts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Make a private record of what was published: all of it that ever left the house."""
    record = {key: value for part in parts.values() for key, value in part.items()}
    if "last_seen_exact" in record:
        record["last_seen"] = record.pop("last_seen_exact")
    return record


def _with_pictures(node: Node, value: Any) -> Any:
    """Leave out of a record the photographs whose bytes are lost, so that it can be published again."""
    match value:
        case {"renditions": [*renditions]}:
            here = [item for item in renditions if node.blobs.has(node.member, item["sha256"])]
            return {**value, "renditions": here} if here else None
        case dict():
            return {name: _with_pictures(node, item) for name, item in value.items()}
        case list():
            return [kept for item in value if (kept := _with_pictures(node, item)) is not None]
    return value


def _is_of(node: Node, record: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> bool:
    """Tell whether a record leaves the house as what was published: then it was only renewed."""
    try:
        leaving = disclose(record, node.disclosure(), schemas=node.network().schemas, now=node.now())
    except NodeError:
        return False
    now = {"public": leaving.public, "network": leaving.network, "police": leaving.police}
    return all(part == now[name] for name, part in parts.items())


def _keep(conn: Connection, node: Node, found: Losses) -> None:
    marks.set_mark(conn, marks.RECOVERED, node.clock(), orjson.dumps(asdict(found)).decode())
