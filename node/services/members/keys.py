"""The member's own keys: what there is of each kind, fresh ones, and the request by which the roster takes
them.

    rotate    a fresh key beside the present one, which stays in use until the roster lists the new
    succeed   a fresh key for the successor of a feed that the roster has frozen
    destroy   the private halves that count for nothing any more

Guarantees: a private key never leaves the keystore; which key is in use is what the roster says, so that a
key that was made and never listed signs nothing. How the coordinator takes a request is `network.rekey`.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, cast

from node.adapters.keystore import SIGNING, Purpose, key_id
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound
from node.runtime import FEED_KEYS, Node
from node.store.database import writing
from node.store.journal import JournalEntry, write_journal
from protocol.errors import NotAuthorized, ProtocolError
from protocol.feed_entry import Audience, FeedEntry, successor_origin
from protocol.joining import format_join_request
from protocol.member import AUDIENCES_OF, Kind, Member, format_member, parse_member
from protocol.member_keys import RetiredKey, SealingKey, TokenKey
from protocol.note import COSIGNATURE, ED25519, VerifierKey

SEALING = "sealing"
KINDS = (*SIGNING, SEALING)
"""What a member has keys for; each is replaced alone."""

KeyState = Literal["in use", "replaced", "waiting", "ended"]


@dataclass(frozen=True, slots=True)
class KeyView:
    """One key of this member.

    Attributes:
        state: "in use"; "replaced", and still counts before `until`; "waiting" for the roster to list it; or
            "ended", and counts for nothing any more.
    """

    kind: str
    public: bytes
    state: KeyState
    until: datetime | None = None

    @property
    def name(self) -> str:
        """A short name for people."""
        return key_id(self.public)


def list_keys(node: Node) -> list[KeyView]:
    """Return every key of this member that is here, by kind, newest first.

    Raises:
        NotFound, NotAllowed: no network was joined, or its roster does not list this member.
    """
    entry = node.entry()
    found = []
    for kind in kinds_of(entry.kind):
        ends, waits = _listed(entry, kind), True
        for public in node.keys.publics(kind):
            until = ends.get(public)
            if public in ends and (until is None or node.now() < until):
                found.append(KeyView(kind, public, "replaced" if until else "in use", until))
            else:  # one that is newer than all that count is not listed yet
                found.append(KeyView(kind, public, "waiting" if waits and public not in ends else "ended"))
            waits = waits and public not in ends
    return found


def make_keys(node: Node, kinds: Iterable[str], actor: str) -> None:
    """Make fresh keys beside the present ones, which stay in use until the roster lists the new.

    Args:
        kinds: of KINDS.
    """
    made = list(dict.fromkeys(kinds))
    for kind in made:
        if kind == SEALING:
            node.keys.add_sealing()
        else:
            node.keys.add(cast(Purpose, kind))
    with writing(node.engine) as conn:
        write_journal(conn, JournalEntry(node.clock(), actor, "member.renew-keys", fields=made))


def rotate(node: Node, kinds: Sequence[str], actor: str) -> str:
    """Make fresh keys, and write the request for them; whatever else the roster says of this member stays.

    Args:
        kinds: of KINDS; none writes the request anew for keys that wait already.

    Raises:
        NotAllowed: the roster does not list this member.
        InvalidInput: this member has no such key.
        Conflict: the key is of a feed that is frozen.
    """
    entry = node.entry()
    if unknown := set(kinds) - set(kinds_of(entry.kind)):
        raise InvalidInput(f"{node.member} has no {', '.join(sorted(unknown))} key.", "See `gmcn keys list`.")
    for audience in AUDIENCES_OF[entry.kind]:
        feed = entry.feed(audience)
        if FEED_KEYS[audience] in kinds and feed.frozen:
            raise Conflict(
                f"{feed.origin} is frozen, and takes no other key.",
                f"Ask for its successor: `gmcn keys succeed {audience}`.",
            )
    make_keys(node, kinds, actor)
    return sign_request(node, with_newest_keys(node, entry), node.network().roster.network)


def succeed(node: Node, audience: Audience, actor: str) -> str:
    """Make a fresh key for the successor of a frozen feed, and write the request for it.

    Raises:
        NotAllowed: the roster does not list this member.
        NotFound: it has no such feed.
        Conflict: the feed is not frozen.
    """
    entry = node.entry()
    try:
        feed = entry.feed(audience)
    except NotAuthorized as error:
        raise NotFound(f"{error}.", "An NGO has no police feed.") from None
    if feed.frozen is None:
        raise Conflict(
            f"{feed.origin} is not frozen, and needs no successor.",
            "Where its key was stolen or its leaves were lost the coordinator freezes it first: call it.",
        )
    make_keys(node, [FEED_KEYS[audience]], actor)
    successor = FeedEntry(audience, successor_origin(feed), (), succeeds=feed.origin)
    asked = with_newest_keys(node, replace(entry, feeds=(*entry.feeds, successor)))
    return sign_request(node, asked, node.network().roster.network)


def destroy_ended(node: Node, actor: str) -> list[KeyView]:
    """Delete the private halves that count for nothing any more, so that nobody can find them; what was
    sealed to one of them can never be opened again. Returns what was deleted."""
    ended = [key for key in list_keys(node) if key.state == "ended"]
    for key in ended:
        node.keys.destroy(key.kind, key.public)
    if ended:
        with writing(node.engine) as conn:
            kinds = sorted({key.kind for key in ended})
            write_journal(conn, JournalEntry(node.clock(), actor, "member.destroy-keys", fields=kinds))
    return ended


def with_newest_keys(node: Node, entry: Member) -> Member:
    """Return an entry with the newest keys of this node in the place of those that it has; frozen feeds stay
    as they are.

    Raises:
        InvalidInput: what else the entry says breaks a rule of the roster.
    """
    token, sealing = node.keys.public("token"), node.keys.sealing_public()
    # What a listed key has signed so far must go on counting: it keeps the day from which it is in force.
    since = {key.public: key.since for key in entry.token_keys}
    feeds = entry.feeds or tuple(
        FeedEntry(audience, f"{entry.id}/{audience}", ()) for audience in AUDIENCES_OF.get(entry.kind, ())
    )
    asked = replace(
        entry,
        state="active",
        removed_at=None,
        feeds=tuple(_with_newest_key(node, feed) for feed in feeds),
        token_keys=(TokenKey(key_id(token), token, since.get(token, node.now())),),
        cosigner=VerifierKey(entry.id, COSIGNATURE, node.keys.public("cosigner")),
        sealing_keys=(SealingKey(key_id(sealing), sealing),),
        retired_cosigners=(),
    )
    try:
        return parse_member(format_member(asked))
    except ProtocolError as error:
        raise InvalidInput(
            "The request to join is not right.", "Mend what is named here.", [str(error)]
        ) from None


def sign_request(node: Node, entry: Member, network: str) -> str:
    """Sign the request to be listed as `entry`. Where the roster lists the member already, its present token
    key vouches for it.

    Args:
        network: the network's name, so that the request serves for no other.
    """
    active = [feed for feed in entry.feeds if feed.frozen is None]
    proving = [node.keys.load(FEED_KEYS[feed.audience], feed.keys[-1].public) for feed in active]
    return format_join_request(
        entry,
        network,
        node.keys.load("token"),
        [*proving, node.keys.load("cosigner")],
        node.now(),
        secrets.token_urlsafe(16),
        node.token_signer() if listed_entry(node) else None,
    )


def listed_entry(node: Node) -> Member | None:
    """Return this member's own entry in the roster, or None where there is none."""
    try:
        return node.entry()
    except (NotAllowed, NotFound):
        return None


def kinds_of(kind: Kind) -> tuple[str, ...]:
    """Return the kinds of keys that a member of a kind has."""
    no_feed = {FEED_KEYS[audience] for audience in FEED_KEYS.keys() - set(AUDIENCES_OF[kind])}
    return tuple(name for name in KINDS if name not in no_feed)


def _with_newest_key(node: Node, feed: FeedEntry) -> FeedEntry:
    if feed.frozen is not None:
        return feed
    key = VerifierKey(feed.origin, ED25519, node.keys.public(FEED_KEYS[feed.audience]))
    return replace(feed, keys=(key,), retired=())


def _listed(entry: Member, kind: str) -> dict[bytes, datetime | None]:
    """Return the keys of a kind that the roster lists for this member, each with its end, if it has one."""
    if kind == "token":
        return {key.public: key.until for key in entry.token_keys}
    if kind == SEALING:
        return {key.public: key.until for key in entry.sealing_keys}
    if kind == "cosigner":
        return {**_ends(entry.retired_cosigners), entry.cosigner.public: None}
    feed = entry.feed(next(audience for audience, name in FEED_KEYS.items() if name == kind))
    return {**_ends(feed.retired), **{key.public: None for key in feed.keys}}


def _ends(retired: Iterable[RetiredKey]) -> dict[bytes, datetime | None]:
    return {old.key.public: old.until for old in retired}
