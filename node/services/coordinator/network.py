"""The coordinator's work: who is a member, by which keys, under which policy.

Guarantees: whatever is staged obeys the rules that every node will hold it to, so that no published roster is
ever refused for its form; a member's keys enter only by a request that proves them. Nothing here publishes:
that takes the signatures of the key holders (`signing`). Whether an organisation is what it says is for
people to find out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.resources import files as resource_files
from pathlib import Path
from typing import Any, TypeVar

import orjson
from tuf.api.metadata import Root

from node.adapters.repository import Holder, Repository, Role, add_holder, remove_holder
from node.adapters.trust import POLICY, ROSTER
from node.domain.rekeying import KEY_OVERLAP, check_new_token_key, merge_keys
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound
from protocol.endorsement import ENDORSEMENT_TYPE, State, standing, verify_endorsement
from protocol.errors import ProtocolError
from protocol.feed_entry import Audience, FrozenHead
from protocol.joining import JoinRequest, verify_join_request
from protocol.member import MAX_ENDORSEMENT, Member, MemberState
from protocol.policy import Policy, check_policy, format_policy, parse_policy
from protocol.roster import Roster, format_roster, parse_roster
from protocol.token import verify_claims

T = TypeVar("T")


def create_network(
    folder: Path,
    name: str,
    root: Sequence[Holder],
    targets: Sequence[Holder],
    threshold: int,
    now: datetime,
    policy: Policy | None = None,
) -> None:
    """Make a network without members, whose first files wait for their signatures.

    Args:
        root: who keeps the keys that say which keys count.
        targets: who keeps the keys that sign roster and policy; may be the same people.
        threshold: how many of them must sign.

    Raises:
        Conflict: the folder is not empty.
        InvalidInput: a threshold that one person could meet outside an exercise, or with too few keys; a bad
        name.
    """
    policy = policy or Policy()
    if threshold < 2 and not policy.exercise:
        raise InvalidInput(
            "With a threshold of 1 a single stolen key could invent a police force.",
            "Use at least two keys and a threshold of 2; only a sandbox may have less.",
        )
    files = {ROSTER: _format_checked(Roster(name, now, ()), policy), POLICY: format_policy(policy)}
    Repository.create(folder, root, targets, threshold, {**files, **_packaged_schemas()}, now)


def admit(folder: Path, request: str, now: datetime) -> Member:
    """Stage a new member from its join request.

    Raises:
        InvalidInput: the request does not verify, or its entry cannot stand beside the others.
        Conflict: it is listed already, or asks for another network.
    """

    def add(roster: Roster) -> tuple[Roster, Member]:
        asked = _verify_request(request, roster, now).member
        member = replace(asked, joined=now)
        if any(member.id == other.id for other in roster.members):
            raise Conflict(
                f"{member.id} is listed already.",
                "For new keys use `gmcn network rekey`; an id that was removed is not used again.",
            )
        if any(feed.state == "frozen" for feed in member.feeds):
            raise InvalidInput("A new member cannot begin with a frozen feed.", "Ask it for another request.")
        check_new_token_key(asked)
        changed = replace(roster, members=(*roster.members, member))
        _check_endorsed(member, changed, now)
        if member.endorsement is not None:
            _check_endorser_key(member.endorsement, changed, now)
        return changed, member

    return _change_roster(folder, add, now)


def rekey(
    folder: Path,
    request: str,
    now: datetime,
    *,
    old_key_lost: bool = False,
    overlap: timedelta | None = KEY_OVERLAP,
) -> Member:
    """Stage new keys for a member from its signed request.

    Its old keys count beside the new ones until the overlap has passed. Every other member's administrator
    has to accept the new keys.

    Args:
        old_key_lost: take the request although no listed key vouches for it; the coordinator has asked by
            other means.
        overlap: None strikes the old keys at once, for they were stolen; what they signed does not verify any
            more.

    Raises:
        InvalidInput: the request does not verify, or changes what no request may change.
        NotAllowed: no listed key vouches for it.
        NotFound: it is not listed.
    """

    def change(roster: Roster) -> tuple[Roster, Member]:
        asked = _verify_request(request, roster, now)
        old = _find(roster, asked.member.id)
        if asked.previous_kid is None and not old_key_lost:
            raise NotAllowed(
                f"No key that {old.id} has now vouches for the new ones.",
                "Ask its duty officer by telephone, then say --old-key-lost.",
            )
        new = merge_keys(old, asked.member, now, overlap)
        changed = _replace_member(roster, new)
        _check_endorsed(new, changed, now)
        if asked.member.endorsement not in (None, old.endorsement):
            _check_endorser_key(asked.member.endorsement or "", changed, now)
        return changed, new

    return _change_roster(folder, change, now)


def set_state(folder: Path, member_id: str, state: MemberState, now: datetime) -> Member:
    """Stage that a member is suspended, active again, or removed for good.

    Raises:
        NotFound: it is not listed.
        Conflict: it is in that state already, or was removed.
    """

    def change(roster: Roster) -> tuple[Roster, Member]:
        old = _find(roster, member_id)
        if old.state == "removed":
            raise Conflict(f"{member_id} was removed.", "It can ask to join again under another id.")
        if old.state == state:
            raise Conflict(f"{member_id} is {state} already.", "See `gmcn network show`.")
        new = replace(old, state=state, removed_at=now if state == "removed" else None)
        return _replace_member(roster, new), new

    return _change_roster(folder, change, now)


def endorse(folder: Path, endorsement: str, now: datetime) -> Member:
    """Stage a new endorsement of an NGO that is listed.

    Raises:
        InvalidInput: the endorsement does not verify.
    """

    def change(roster: Roster) -> tuple[Roster, Member]:
        subject = _verified(lambda: verify_endorsement(endorsement, roster, now)).subject
        _check_endorser_key(endorsement, roster, now)
        new = replace(_find(roster, subject), endorsement=endorsement)
        return _replace_member(roster, new), new

    return _change_roster(folder, change, now)


def freeze(folder: Path, member_id: str, audience: Audience, head: FrozenHead, now: datetime) -> Member:
    """Stage that nothing in a member's feed counts after a head: for a stolen key, or leaves that were lost.

    Raises:
        NotFound: it is not listed, or has no such feed.
        Conflict: the feed is frozen already.
    """

    def change(roster: Roster) -> tuple[Roster, Member]:
        old = _find(roster, member_id)
        try:
            feed = old.feed(audience)
        except ProtocolError as error:
            raise NotFound(f"{error}.", "An NGO has no police feed.") from None
        if feed.state == "frozen":
            raise Conflict(
                f"{feed.origin} is frozen already.", "The member asks for its successor by `rekey`."
            )
        frozen = replace(feed, state="frozen", frozen=head)
        new = replace(old, feeds=tuple(frozen if other is feed else other for other in old.feeds))
        return _replace_member(roster, new), new

    return _change_roster(folder, change, now)


def set_policy(folder: Path, settings: Mapping[str, str], now: datetime) -> Policy:
    """Stage changes of the policy.

    Args:
        settings: new values by name, such as `notice_days` or `quorum.network`; witnesses as ids with commas.

    Raises:
        InvalidInput: there is no such setting, or a value is not allowed; every wrong name at once.
    """
    repository = Repository.open(folder)
    with repository.turn():
        files = repository.files()
        value = orjson.loads(files[POLICY])
        exercise = value["exercise"]
        problems = [problem for name, text in settings.items() if (problem := _set(value, name, text))]
        if problems:
            raise InvalidInput(
                "The policy was not changed.", "Their names are in schemas/policy.v1.json.", problems
            )
        if value["exercise"] != exercise and repository.published_root() is not None:
            raise InvalidInput(
                "A network stays what it began as: an exercise, or not. Its members would not follow.",
                "Make another network with `gmcn network init`.",
            )
        advice = "Choose another value; `gmcn network show --json` tells the members."
        policy = _verified(lambda: parse_policy(orjson.dumps(value)), advice)
        _verified(lambda: check_policy(policy, parse_roster(files[ROSTER])), advice)
        repository.stage_files({POLICY: format_policy(policy)}, now)
        return policy


def update_schemas(folder: Path, now: datetime) -> list[str]:
    """Stage the JSON Schemas that came with this program where they differ, and name them."""
    repository = Repository.open(folder)
    with repository.turn():
        present = repository.files()
        newer = {path: data for path, data in _packaged_schemas().items() if present.get(path) != data}
        if newer:
            repository.stage_files(newer, now)
        return sorted(newer)


def rotate(
    folder: Path,
    role: Role,
    now: datetime,
    *,
    add: Sequence[Holder] = (),
    remove: Sequence[str] = (),
    threshold: int | None = None,
) -> None:
    """Stage other keys for root or targets, or the same ones for another term.

    Args:
        remove: holders' names, or beginnings of key ids.
        threshold: how many must sign from now on; as before when None.

    Raises:
        InvalidInput: a name is not known, too few keys would be left, or one person would be enough outside
        an exercise.
    """
    repository = Repository.open(folder)
    with repository.turn():
        policy = parse_policy(repository.files()[POLICY])

        def edit(root: Root) -> None:
            for holder in add:
                add_holder(root, role, holder)
            for name in remove:
                remove_holder(root, role, name)
            root.roles[role].threshold = threshold or root.roles[role].threshold
            if root.roles[role].threshold < 2 and not policy.exercise:
                raise InvalidInput("The threshold must be at least 2.", "Only a sandbox may have less.")

        if role == "targets" and not add and not remove and threshold is None:
            repository.stage_files({}, now)  # its expiry is its own: root need not be signed again
        else:
            repository.stage_root(edit, now)


def rotate_online(folder: Path, now: datetime) -> None:
    """Stage a fresh online key; the old one stops counting with the publication."""
    repository = Repository.open(folder)
    with repository.turn():
        repository.stage_root(repository.add_online_key, now)


def _change_roster(folder: Path, change: Callable[[Roster], tuple[Roster, Member]], now: datetime) -> Member:
    """Stage what `change` makes of the roster as it will be, and return the member concerned."""
    repository = Repository.open(folder)
    with repository.turn():
        files = repository.files()
        roster, member = change(parse_roster(files[ROSTER]))
        data = _format_checked(replace(roster, issued_at=now), parse_policy(files[POLICY]))
        repository.stage_files({ROSTER: data}, now)
        return member


def _format_checked(roster: Roster, policy: Policy) -> bytes:
    """Write the roster, read it as every node will, and hold the policy to it."""
    data = format_roster(roster)
    _verified(
        lambda: check_policy(policy, parse_roster(data)),
        "Mend that first; for witnesses, `gmcn network policy`.",
    )
    return data


def _verify_request(request: str, roster: Roster, now: datetime) -> JoinRequest:
    asked = _verified(lambda: verify_join_request(request.strip(), now, roster))
    if asked.network != roster.network:
        raise Conflict("The request is for another network.", f"Ask for one made for “{roster.network}”.")
    return asked


def _check_endorsed(member: Member, roster: Roster, now: datetime) -> None:
    if member.kind == "law_enforcement":
        return
    stands = standing(member, roster, (), now)
    if stands.state is State.LAPSED:
        raise InvalidInput(
            f"{member.id} is an NGO and cannot take part: {stands.reason}.",
            "It needs `gmcn endorse` by a law-enforcement member of its country, put into its request.",
        )


def _check_endorser_key(endorsement: str, roster: Roster, now: datetime) -> None:
    """Check that a new endorsement was not dated back with a token key that has ended."""
    _verified(
        lambda: verify_claims(
            endorsement, ENDORSEMENT_TYPE, "endorsement", roster.token_key_now(now), MAX_ENDORSEMENT
        ),
        "Ask the endorser for another: `gmcn endorse`.",
    )


def _find(roster: Roster, member_id: str) -> Member:
    for member in roster.members:
        if member.id == member_id:
            return member
    raise NotFound(f"{member_id} is not on the list.", "See the members with `gmcn network show`.")


def _replace_member(roster: Roster, new: Member) -> Roster:
    return replace(roster, members=tuple(new if member.id == new.id else member for member in roster.members))


def _set(policy: dict[str, Any], name: str, text: str) -> str:
    """Set one value in the policy's JSON, and say what is wrong with it, or nothing."""
    *way, last = name.split(".")
    place: Any = policy
    for step in way:
        place = place.get(step) if isinstance(place, dict) else None
    if not isinstance(place, dict) or last not in place or name == "schema" or isinstance(place[last], dict):
        return f"{name}: there is no such setting"
    match place[last]:
        case bool():
            if text not in ("true", "false"):
                return f"{name}: must be true or false"
            place[last] = text == "true"
        case list():
            place[last] = [member for member in text.split(",") if member]
        case _:
            if not (text.isascii() and text.isdigit()):
                return f"{name}: must be a whole number"
            place[last] = int(text)
    return ""


def _packaged_schemas() -> dict[str, bytes]:
    return {
        f"schemas/{entry.name}": entry.read_bytes()
        for entry in resource_files("schemas").iterdir()
        if entry.name.endswith(".json")
    }


def _verified(action: Callable[[], T], next_step: str = "Ask whoever sent it for a correct one.") -> T:
    """Do something that verifies; what breaks the protocol is the coordinator's input here."""
    try:
        return action()
    except ProtocolError as error:
        raise InvalidInput(f"{error}.", next_step) from None
