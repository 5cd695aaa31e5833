"""The roster, the signed list of members.

Guarantees: whatever is in a `Roster` obeys the structural rules of the specification: each member does
(`protocol.member`), and no two share an id, a key's id or a key. Who signed the files is left to TUF
(`node/adapters/trust.py`), and whether a member may take part today to `protocol.endorsement`.
Specification: README, "Roster and endorsements".
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from protocol.encoding import format_json, format_time, parse_object
from protocol.errors import NotAuthorized
from protocol.fields import Fields, check_unique
from protocol.member import Member, check_keys_separate, format_member, parse_member

ROSTER_SCHEMA = "roster/1.0"
MAX_ROSTER_BYTES = 4 << 20
MAX_MEMBERS = 1000


@dataclass(frozen=True, slots=True)
class Roster:
    """The members of a network as its coordinator's keys signed them."""

    network: str
    issued_at: datetime
    members: tuple[Member, ...]

    def member(self, member_id: str) -> Member:
        """Return a member in whatever state.

        Raises:
            NotAuthorized: no member has this id.
        """
        for member in self.members:
            if member.id == member_id:
                return member
        raise NotAuthorized("no member of this network has this id")

    def token_key(self, member_id: str, kid: str, at: datetime) -> bytes:
        """Return a member's token key (32 bytes) by its id, if it may sign at that moment.

        Raises:
            NotAuthorized: no such member, no such key, or not at that moment.
        """
        for key in self.member(member_id).token_keys:
            if key.kid == kid and key.valid_at(at):
                return key.public
        raise NotAuthorized(f"{member_id} had no such token key at that time")

    def token_key_now(self, now: datetime) -> Callable[[str, str, datetime], bytes]:
        """Return a `token_key` for statements that arrive now: their key must also be in force at this
        moment, so that whoever finds one that has ended cannot date back.

        Raises (when it is called):
            NotAuthorized: see `token_key`; or its key has ended.
        """

        def find(member_id: str, kid: str, at: datetime) -> bytes:
            self.token_key(member_id, kid, now)
            return self.token_key(member_id, kid, at)

        return find


def parse_roster(data: bytes) -> Roster:
    """Read roster.json.

    Members of an object that are not known here are ignored, so that a later minor version can add some.

    Raises:
        Malformed: not of the form, or a structural rule is broken; the text names the place and the rule.
    """
    top = Fields(parse_object(data, "roster", MAX_ROSTER_BYTES), "roster")
    top.choice("schema", (ROSTER_SCHEMA,))
    roster = Roster(
        top.text("network", most=100),
        top.time("issued_at"),
        top.list("members", parse_member, most=MAX_MEMBERS),
    )
    check_unique((member.id for member in roster.members), "roster: two members share an id")
    keys = [key for member in roster.members for key in member.token_keys]
    check_unique((key.kid for key in keys), "roster: two token keys share a kid")
    sealing = [key for member in roster.members for key in member.sealing_keys]
    check_unique((key.kid for key in sealing), "roster: two sealing keys share a kid")
    check_keys_separate(roster.members)
    return roster


def format_roster(roster: Roster) -> bytes:
    """Write roster.json."""
    return format_json(
        {
            "schema": ROSTER_SCHEMA,
            "network": roster.network,
            "issued_at": format_time(roster.issued_at),
            "members": [format_member(member) for member in roster.members],
        }
    )
