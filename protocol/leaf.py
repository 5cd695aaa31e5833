"""Leaves: the entries of a feed, and the rules by which they follow each other.

Guarantees: a leaf that was read has every member in its one form; `follow` accepts a leaf exactly when it
continues the history of its case. The writing and the reading side use the same `follow`, so that an owner
never signs what its peers must refuse. Specification: README, "Leaves".
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from protocol.encoding import (
    format_base64,
    format_json,
    format_time,
    parse_base64,
    parse_date,
    parse_hash,
    parse_object,
    parse_time,
)
from protocol.errors import Malformed, NotAuthorized, Rollback
from protocol.member import MEMBER_ID

PUT = "put"
ERASE = "erase"
NONCE_SIZE = 16
MAX_LEAF_BYTES = 1024
MAX_LIFE = timedelta(days=731)
"""No policy can make a summary live longer than this from its publication."""

_CASE = re.compile(rf"({MEMBER_ID})/[a-z2-7]{{26}}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One entry of a feed. It says nothing of who the child is, or how a case ended.

    Attributes:
        kind: PUT or ERASE.
        case: `<member id>/<26 characters of base32>`.
        version: rises by one for each leaf of the case in this feed, from 1.
        digest: SHA-256 digest of the document (32 bytes); None on ERASE.
        expires: the last day of the document's life.
        at: when the leaf was made.
        nonce: 16 random bytes, so that equal leaves do not hash alike.
    """

    kind: str
    case: str
    version: int
    digest: bytes | None
    expires: date
    at: datetime
    nonce: bytes

    def format(self) -> bytes:
        """Write the entry's bytes."""
        members: dict[str, Any] = {"kind": self.kind, "case": self.case, "version": self.version}
        if self.digest is not None:
            members["digest"] = self.digest.hex()
        members["expires"] = self.expires.isoformat()
        members["at"] = format_time(self.at)
        members["nonce"] = format_base64(self.nonce)
        return format_json(members)


@dataclass(frozen=True, slots=True)
class CaseState:
    """Where the history of one case in one feed stands.

    Attributes:
        version: of its newest leaf.
        digest: of the live document; None once erased.
        expires: the last day of its life; it never moves backwards.
        index: of its newest leaf in the feed; negative where that stands in the feed which this one succeeds.
    """

    version: int
    digest: bytes | None
    expires: date
    index: int

    @property
    def erased(self) -> bool:
        """Whether the case was erased, for good."""
        return self.digest is None

    @property
    def inherited(self) -> bool:
        """Whether this feed has not spoken of the case yet: the one before it has."""
        return self.index < 0


def check_case_id(case: Any, member: str) -> None:
    """Check that a case id has its form and belongs to a member.

    Raises:
        Malformed: not a case id.
        NotAuthorized: the id of another member's case.
    """
    match = _CASE.fullmatch(case) if isinstance(case, str) else None
    if not match:
        raise Malformed("case id: not of the form <member domain>/<26 characters of a-z and 2-7>")
    if match[1] != member:
        raise NotAuthorized("case id: belongs to another member")


def parse_leaf(entry: bytes, member: str) -> Leaf | None:
    """Read one entry of a member's feed.

    Returns:
        The leaf; None for a kind that is not known here, which is kept and passed over (README, "Forward
        rule").

    Raises:
        Malformed: not of the form above.
        NotAuthorized: a case of another member.
    """
    members = parse_object(entry, "leaf", MAX_LEAF_BYTES)
    kind = members.get("kind")
    if kind not in (PUT, ERASE):
        if not isinstance(kind, str) or not kind:
            raise Malformed("leaf: has no kind")
        return None
    case, version = members.get("case"), members.get("version")
    check_case_id(case, member)
    if type(version) is not int or not 1 <= version < 1 << 53:
        raise Malformed("leaf: version must be a whole number from 1")
    if (kind == ERASE) != ("digest" not in members):
        raise Malformed("leaf: a put has a digest and an erase has none")
    leaf = Leaf(
        kind=kind,
        case=str(case),
        version=version,
        digest=parse_hash(members["digest"], "leaf digest") if kind == PUT else None,
        expires=parse_date(members.get("expires"), "leaf expires"),
        at=parse_time(members.get("at"), "leaf time"),
        nonce=parse_base64(members.get("nonce", ""), "leaf nonce", NONCE_SIZE),
    )
    if not timedelta(0) <= leaf.expires - leaf.at.date() <= MAX_LIFE:
        raise Malformed("leaf: expires before it begins, or later than any policy allows")
    return leaf


def follow(current: CaseState | None, leaf: Leaf, index: int, *, complete: bool = True) -> CaseState:
    """Let a leaf follow the history of its case.

    Args:
        current: where that history stands; None for a case that the feed has not had.
        index: the leaf's place in the feed.
        complete: whether all leaves of the feed are known. Of one that was pruned, or that goes on for
            another, the first leaf of a case that is seen may be any, and some between two may be missing.

    Returns:
        Where it stands then.

    Raises:
        NotAuthorized: content for an erased case, or an erasure of a case that never was.
        Rollback: the version does not rise by one, or the life is shortened.
    """
    if current is None:
        if complete and leaf.kind == ERASE:
            raise NotAuthorized("leaf: erases a case that was never published")
        if complete and leaf.version != 1:
            raise Rollback("leaf: the first version of a case must be 1")
    else:
        # A successor says once more what was erased, for those who have not read the feed before it.
        if current.erased and not (current.inherited and leaf.kind == ERASE):
            raise NotAuthorized("leaf: an erased case never returns")
        if leaf.version != current.version + 1 and (complete or leaf.version <= current.version):
            raise Rollback("leaf: versions of a case must rise by one")
        if leaf.expires < current.expires:
            raise Rollback("leaf: shortens the life of a case")
    return CaseState(leaf.version, leaf.digest, leaf.expires, index)
