"""How the keys of a member's request take the place of those that the roster lists.

Guarantees: each kind of key is replaced alone; a replaced key counts until a stated moment, or not at all
when it was stolen, and never returns; nothing but keys, address, names and duty desk can be changed by a
request. That the request is genuine, and who vouches for it, is left to `node.services.coordinator.network`.
Pure functions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from node.errors import Conflict, InvalidInput
from protocol.feed_entry import FeedEntry
from protocol.member import MAX_SEALING_KEYS, MAX_TOKEN_KEYS, Member
from protocol.member_keys import MAX_RETIRED, RetiredKey, SealingKey, TokenKey
from protocol.note import VerifierKey

KEY_OVERLAP = timedelta(days=7)
"""How long a replaced key still counts where nothing else is said: members who have not seen the new roster
are not cut off, and what is underway arrives."""

_BACKDATED = timedelta(days=1)
"""How long before a request its new token key may begin."""


def check_new_token_key(asked: Member) -> None:
    """Check that the token key of a request did not sign anything before it was asked for.

    Raises:
        InvalidInput: it would be in force from an earlier day on, and could date back.
    """
    (key,) = asked.token_keys
    if key.since < asked.joined - _BACKDATED:
        raise InvalidInput(
            "The new token key would be in force from before the request was made.",
            "Ask for another request; the key is in force from the moment when it was made.",
        )


def merge_keys(old: Member, asked: Member, now: datetime, overlap: timedelta | None) -> Member:
    """Put the keys of a request into a member's entry, beside the old ones or instead of them.

    Args:
        asked: the entry of a verified request; it joined when the request was made.
        overlap: how long the replaced keys still count; None strikes them at once, for they were stolen.

    Raises:
        InvalidInput: the request changes what no request may change, or brings back a key that was replaced.
        Conflict: the member was removed.
    """
    if (old.kind, old.country) != (asked.kind, asked.country):
        raise InvalidInput(
            f"The request changes the kind or country of {old.id}.", "That takes a new member."
        )
    if old.state == "removed":
        raise Conflict(f"{old.id} was removed.", "It can ask to join again under another id.")
    _check_feeds(old, asked)
    _check_fresh(old, asked)
    ends = None if overlap is None else now + overlap
    known = {feed.origin: feed for feed in old.feeds}
    return replace(
        asked,
        state=old.state,
        joined=old.joined,
        removed_at=old.removed_at,
        endorsement=asked.endorsement or old.endorsement,
        feeds=tuple(_merge_feed(known.get(feed.origin), feed, now, ends) for feed in asked.feeds),
        token_keys=_merge_token_keys(old, asked, ends),
        sealing_keys=_merge_sealing_keys(old, asked, now, ends),
        retired_cosigners=_retire(old.retired_cosigners, [old.cosigner], [asked.cosigner], now, ends),
    )


def _check_feeds(old: Member, asked: Member) -> None:
    known = {feed.origin: feed for feed in old.feeds}
    missing = known.keys() - {feed.origin for feed in asked.feeds}
    altered = [
        feed.origin for feed in asked.feeds if (was := known.get(feed.origin)) and was.frozen and feed != was
    ]
    if missing or altered:
        raise InvalidInput(
            f"The request leaves out or alters {', '.join(sorted({*missing, *altered}))}.",
            "A feed stays on the list, and a frozen one as it is; ask for another request.",
        )


def _check_fresh(old: Member, asked: Member) -> None:
    """Check that no key comes back that was replaced: its private half may be anywhere by now."""
    ended = {key.public for key in old.token_keys if key.until is not None}
    ended |= {key.public for key in old.sealing_keys if key.until is not None}
    ended |= {retired.key.public for retired in old.retired_cosigners}
    ended |= {retired.key.public for feed in old.feeds for retired in feed.retired}
    present = {asked.cosigner.public}
    present |= {key.public for key in asked.token_keys} | {key.public for key in asked.sealing_keys}
    present |= {key.public for feed in asked.feeds for key in feed.keys}
    if ended & present:
        raise InvalidInput(
            "The request brings back a key that was replaced.", "Make a fresh one: `gmcn keys rotate`."
        )
    if asked.token_keys[0].public not in {key.public for key in old.token_keys}:
        check_new_token_key(asked)


def _merge_feed(old: FeedEntry | None, asked: FeedEntry, now: datetime, ends: datetime | None) -> FeedEntry:
    if old is None or asked.frozen:
        return asked
    return replace(asked, retired=_retire(old.retired, old.keys, asked.keys, now, ends))


def _retire(
    retired: Sequence[RetiredKey],
    before: Iterable[VerifierKey],
    after: Iterable[VerifierKey],
    now: datetime,
    ends: datetime | None,
) -> tuple[RetiredKey, ...]:
    """Return the replaced keys that go on counting; those that have ended leave the list."""
    if ends is None:
        return ()
    kept = [old for old in retired if now < old.until]
    kept += [RetiredKey(key, ends) for key in before if key not in set(after)]
    return tuple(kept[-MAX_RETIRED:])


def _merge_token_keys(old: Member, asked: Member, ends: datetime | None) -> tuple[TokenKey, ...]:
    """A token key that has ended stays on the list: endorsements that it signed in its time still hold."""
    (wanted,) = asked.token_keys
    listed = {key.public: key for key in old.token_keys}
    present = listed.get(wanted.public, wanted)  # with the day from which the roster has it
    if ends is None:
        return (present,)
    earlier = [key for key in old.token_keys if key.public != wanted.public]
    ended = [key if key.until is not None else replace(key, until=ends) for key in earlier]
    return (*ended, present)[-MAX_TOKEN_KEYS:]


def _merge_sealing_keys(
    old: Member, asked: Member, now: datetime, ends: datetime | None
) -> tuple[SealingKey, ...]:
    if ends is None:
        return asked.sealing_keys
    wanted = {key.public for key in asked.sealing_keys}
    earlier = [key for key in old.sealing_keys if key.public not in wanted]
    ended = [key if key.until is not None else replace(key, until=ends) for key in earlier]
    kept = [key for key in ended if key.until is not None and now < key.until]
    return (*kept, *asked.sealing_keys)[-MAX_SEALING_KEYS:]
