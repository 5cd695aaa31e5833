"""The policy: the rules in force among the members of a network.

Guarantees: a `Policy` that was read is within the bounds of the specification. Who signed it is left to TUF
(`node/adapters/trust.py`). Specification: README, "Roster and endorsements".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from protocol.encoding import format_json, parse_object
from protocol.errors import Malformed, NotAuthorized
from protocol.feed_entry import Audience
from protocol.fields import Fields, check_unique
from protocol.member import AUDIENCES_OF, parse_member_id
from protocol.roster import Roster

POLICY_SCHEMA = "policy/1.0"
MAX_POLICY_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes of each kind of thing that members exchange."""

    document_bytes: int = 65536
    small_photo_bytes: int = 12288
    photo_bytes: int = 3_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force.

    Attributes:
        exercise: a sandbox: every page says so, and network feeds are readable without a token.
        summary_life_days: from publication to expiry.
        notice_days: after which a new or re-keyed member counts as accepted in the network audience.
        removal_days: after which a removed member's replicas are purged.
        receipt_hours: within which peers owe a receipt.
        witnesses: the members asked to cosign, by audience.
        quorum: how many of them must, by audience.
    """

    exercise: bool = False
    summary_life_days: int = 180
    notice_days: int = 7
    removal_days: int = 30
    receipt_hours: int = 24
    witnesses: Mapping[Audience, tuple[str, ...]] = field(
        default_factory=lambda: {"network": (), "police": ()}
    )
    quorum: Mapping[Audience, int] = field(default_factory=lambda: {"network": 0, "police": 0})
    limits: Limits = Limits()


def parse_policy(data: bytes) -> Policy:
    """Read policy.json.

    Raises:
        Malformed: not of the form, or out of bounds; the text names the place and the rule.
    """
    top = Fields(parse_object(data, "policy", MAX_POLICY_BYTES), "policy")
    top.choice("schema", (POLICY_SCHEMA,))
    limits = top.object("limits")
    witnesses, quorum = top.object("witnesses"), top.object("quorum")
    policy = Policy(
        exercise=top.boolean("exercise"),
        summary_life_days=top.integer("summary_life_days", 1, 730),
        notice_days=top.integer("notice_days", 0, 90),
        removal_days=top.integer("removal_days", 0, 365),
        receipt_hours=top.integer("receipt_hours", 1, 720),
        witnesses={
            "network": witnesses.list("network", parse_member_id, most=16),
            "police": witnesses.list("police", parse_member_id, most=16),
        },
        quorum={"network": quorum.integer("network", 0, 16), "police": quorum.integer("police", 0, 16)},
        limits=Limits(
            document_bytes=limits.integer("document_bytes", 4096, 65536),
            small_photo_bytes=limits.integer("small_photo_bytes", 1024, 12288),
            photo_bytes=limits.integer("photo_bytes", 12288, 20_000_000),
        ),
    )
    for audience, members in policy.witnesses.items():
        check_unique(members, f"policy.witnesses.{audience}: a member stands twice")
        if policy.quorum[audience] > len(members):
            raise Malformed(f"policy.quorum.{audience}: more than there are witnesses")
    return policy


def format_policy(policy: Policy) -> bytes:
    """Write policy.json."""
    limits = policy.limits
    return format_json(
        {
            "schema": POLICY_SCHEMA,
            "exercise": policy.exercise,
            "summary_life_days": policy.summary_life_days,
            "notice_days": policy.notice_days,
            "removal_days": policy.removal_days,
            "receipt_hours": policy.receipt_hours,
            "witnesses": {audience: list(members) for audience, members in policy.witnesses.items()},
            "quorum": dict(policy.quorum),
            "limits": {
                "document_bytes": limits.document_bytes,
                "small_photo_bytes": limits.small_photo_bytes,
                "photo_bytes": limits.photo_bytes,
            },
        }
    )


def check_policy(policy: Policy, roster: Roster) -> None:
    """Check that every witness is an active member that may see the feeds it is to sign.

    Raises:
        NotAuthorized: a witness is unknown, not active, or an NGO among the witnesses of police feeds.
    """
    for audience, ids in policy.witnesses.items():
        for member in map(roster.member, ids):
            if member.state != "active" or audience not in AUDIENCES_OF[member.kind]:
                raise NotAuthorized(f"{member.id} cannot be a witness of {audience} feeds")
