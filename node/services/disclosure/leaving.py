"""What would leave the house of a case, beside what peers have of it.

Guarantees: what is shown, asked for, approved and published is made here, by the same code, and told apart by
one digest. Whether it may leave is for `gate`, that it does for `publishing`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from node.domain.changes import FieldChange, adds_nothing, compare, digest
from node.domain.disclosure import DECIDED, DisclosurePolicy, disclose
from node.errors import Conflict
from node.runtime import Node
from node.services.disclosure.own_feeds import PARTS_OF, Parts, own_audiences
from node.services.search.finding import read_parts
from node.store.database import writing
from node.store.journal import JournalEntry, write_journal
from node.store.published import documents
from node.store.register import cases
from node.store.register.cases import CaseFile
from protocol.feed_entry import Audience


@dataclass(frozen=True, slots=True)
class Leaving:
    """What leaves the house of a case now.

    Attributes:
        parts: that own feeds take of what the policy lets out; "head" is what the owner decides of it.
        kept_from: members that get nothing of it.
        digest: of both.
    """

    parts: Parts
    kept_from: Sequence[str]
    digest: bytes

    def by(self, audience: Audience) -> Parts:
        """Return the parts that a feed takes, without the head."""
        return {name: self.parts[name] for name in PARTS_OF[audience] if name in self.parts}


@dataclass(frozen=True, slots=True)
class Preview:
    """What would leave of a case, beside what peers have of it.

    Attributes:
        revision: of the record.
        parts: that would leave: "head" (where it may be shown), "public", "network" and "police".
        fields: of them, and of what peers have.
        published: whether peers have anything of it now.
        adds: whether something would leave that has not left already, which a second person approves.
        kept_from: members that get nothing of it.
        stays: fields of the record of which nothing leaves.
        digest: of all that leaves.
    """

    case_id: str
    revision: int
    parts: Parts
    fields: Sequence[FieldChange]
    published: bool
    adds: bool
    kept_from: Sequence[str]
    stays: Sequence[str]
    digest: bytes


def preview(node: Node, case_id: str, who: str) -> Preview:
    """Show field by field what peers would see of a case, and what of that is new to them.

    Raises:
        NotFound: it is not in the register.
        Conflict: it is erased.
    """
    with writing(node.engine) as conn:
        shown = preview_within(conn, node, get_living(conn, case_id))
        fields = sorted({change.part for change in shown.fields})
        write_journal(conn, JournalEntry(node.clock(), who, "case.preview", case_id, fields))
    return shown


def preview_within(conn: Connection, node: Node, case: CaseFile) -> Preview:
    """Show what would leave of a case; the caller writes down who looks."""
    (leaving,) = leaving_within(conn, node, [case])
    before = published_parts(conn, case.case_id)
    named = {field for part in leaving.parts.values() for field in part}
    return Preview(
        case.case_id,
        case.revision,
        leaving.parts,
        compare(before, leaving.parts),
        bool(before),
        not adds_nothing(before, leaving.parts),
        leaving.kept_from,
        sorted(case.record.keys() - named),
        leaving.digest,
    )


def leaving_within(conn: Connection, node: Node, found: Sequence[CaseFile]) -> list[Leaving]:
    """Tell what would leave of each of some cases, were it published now."""
    policy, made = node.disclosure(), []
    for case in found:
        parts, kept_from = parts_by(node, case.record, policy), cases.excluded_members(conn, case.case_id)
        made.append(Leaving(parts, kept_from, digest(parts, kept_from)))
    return made


def parts_by(node: Node, record: Mapping[str, Any], policy: DisclosurePolicy) -> Parts:
    """Choose the parts that own feeds take of what a policy lets out of a record."""
    disclosed = disclose(record, policy, schemas=node.network().schemas, now=node.now())
    taken = {name for audience in own_audiences(node) for name in PARTS_OF[audience]}
    let_out = {"public": disclosed.public, "network": disclosed.network, "police": disclosed.police}
    chosen = {name: part for name, part in let_out.items() if part is not None and name in taken}
    return {"head": disclosed.head, **chosen}


def published_parts(conn: Connection, case_id: str) -> Parts:
    """Return what peers have of an own case now, of the head what its owner decides."""
    parts: Parts = {}
    for held in documents.find_documents(conn, case_id):
        parts |= read_parts(held)
    if parts:
        parts["head"] = {name: value for name, value in parts["head"].items() if name in DECIDED}
    return parts


def get_living(conn: Connection, case_id: str) -> CaseFile:
    """Return a case of the register that is not erased.

    Raises:
        NotFound: it is not in the register.
        Conflict: it is erased.
    """
    case = cases.get_case(conn, case_id)
    if case.status == cases.ERASED:
        raise Conflict("The case is erased, and nothing is left of it.", "Add it as a new case.")
    return case
