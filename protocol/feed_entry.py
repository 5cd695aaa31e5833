"""A feed as its member's entry of the roster names it: its origin, its keys, and where it ends.

Specification: README, "Roster and endorsements".
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from protocol.encoding import parse_hash
from protocol.errors import Malformed
from protocol.fields import Fields
from protocol.member_keys import RetiredKey, format_retired, not_ended, parse_retired, parse_vkey
from protocol.note import ED25519, VerifierKey

Audience = Literal["network", "police"]
FeedState = Literal["active", "frozen"]

MAX_FEED_KEYS = 4


@dataclass(frozen=True, slots=True)
class FrozenHead:
    """Where a frozen feed ends: the number of leaves that count, and the tree's root (32 bytes) over them."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One feed of a member.

    Attributes:
        origin: `<member>/<audience>`, or `<member>/<audience>/N` (N from 2) for a successor; names the keys
            too.
        keys: those that may sign its checkpoints; the last one is in use.
        frozen: where it ends; None while it is active.
        succeeds: the frozen feed that this one goes on for.
        retired: keys that were replaced; see `keys_at`.
    """

    audience: Audience
    origin: str
    keys: tuple[VerifierKey, ...]
    state: FeedState = "active"
    frozen: FrozenHead | None = None
    succeeds: str | None = None
    retired: tuple[RetiredKey, ...] = ()

    def keys_at(self, now: datetime) -> tuple[VerifierKey, ...]:
        """Return the keys under which a checkpoint is taken now."""
        return (*not_ended(self.retired, now), *self.keys)

    @property
    def every_key(self) -> tuple[VerifierKey, ...]:
        """The keys under which a checkpoint may have been taken so far: for what is stored already, and for
        evidence."""
        return (*(retired.key for retired in self.retired), *self.keys)


def successor_origin(feed: FeedEntry) -> str:
    """Return the origin of what goes on for a feed: `id/audience/2` for a first one, `id/audience/N+1` for
    the Nth."""
    base, _, number = feed.origin.partition(f"/{feed.audience}")
    return f"{base}/{feed.audience}/{int(number[1:] or 1) + 1}"


def parse_feed(value: Any, what: str) -> FeedEntry:
    """Read one entry of `feeds`; whether it continues the one before it is for `parse_member` to check.

    Raises:
        Malformed: not of the form, or a key of its cannot be used.
    """
    fields = Fields(value, what)
    state = cast(FeedState, fields.choice("state", ("active", "frozen")))
    if fields.has("frozen") != (state == "frozen"):
        raise Malformed(f"{what}: frozen stands exactly in a frozen feed")
    return FeedEntry(
        audience=cast(Audience, fields.choice("audience", ("network", "police"))),
        origin=fields.text("origin"),
        keys=fields.list(
            "vkeys", lambda vkey, where: parse_vkey(vkey, where, ED25519), least=1, most=MAX_FEED_KEYS
        ),
        state=state,
        frozen=_parse_frozen(fields.object("frozen")) if state == "frozen" else None,
        succeeds=fields.text("succeeds") if fields.has("succeeds") else None,
        retired=parse_retired(fields, "retired", ED25519),
    )


def format_feed(feed: FeedEntry) -> dict[str, Any]:
    """Write one entry of `feeds`."""
    value: dict[str, Any] = {
        "audience": feed.audience,
        "origin": feed.origin,
        "vkeys": [key.format() for key in feed.keys],
        "state": feed.state,
    }
    if feed.frozen:
        value["frozen"] = {"size": feed.frozen.size, "root": feed.frozen.root.hex()}
    if feed.succeeds:
        value["succeeds"] = feed.succeeds
    if feed.retired:
        value["retired"] = format_retired(feed.retired)
    return value


def _parse_frozen(fields: Fields) -> FrozenHead:
    return FrozenHead(
        fields.integer("size", 0, (1 << 53) - 1), parse_hash(fields.get("root"), f"{fields.what}.root")
    )
