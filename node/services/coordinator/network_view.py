"""What a network is and what a staged change does, in plain words: for the coordinator, and for a key holder
before signing.

Guarantees: every sentence is derived from the very content that would be signed. What was published before is
the coordinator's word in a copy of a change; a careful key holder compares it with what the own node trusts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from node.adapters.repository import Change, Repository, Role, Signatures, holder_name
from node.adapters.trust import POLICY, ROSTER
from node.errors import InvalidInput
from node.services.coordinator.signing import RENEW_ONLINE
from protocol.endorsement import standing
from protocol.errors import ProtocolError
from protocol.member import Member, fingerprint
from protocol.policy import parse_policy
from protocol.roster import Roster, parse_roster

WARN_OFFLINE = timedelta(days=60)
"""How long before root or targets run out the coordinator is warned: the key holders have to find time."""


@dataclass(frozen=True, slots=True)
class MemberLine:
    """A member, as the coordinator sees it."""

    id: str
    country: str
    kind: str
    standing: str
    reason: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class FileLine:
    """A signed file that is published: its version, when it runs out, and who may sign the next."""

    role: str
    version: int
    expires: datetime
    holders: tuple[str, ...]
    threshold: int


@dataclass(frozen=True, slots=True)
class NetworkView:
    """A network's state, for people.

    Attributes:
        members: of the roster as it will be once the staged change is published.
        published: the signed files; empty before the first publication.
        changes: what the staged change does, one plain sentence each; empty when nothing is staged.
        signatures: how far each staged file is.
        warnings: what should be done soon.
    """

    name: str
    exercise: bool
    members: tuple[MemberLine, ...]
    published: tuple[FileLine, ...]
    changes: tuple[str, ...]
    signatures: Mapping[Role, Signatures]
    warnings: tuple[str, ...]


def describe(path: Path, now: datetime) -> NetworkView:
    """Tell the state of a network.

    Args:
        path: the network's folder, or a copy of its change.json, which a key holder reads before signing.

    Raises:
        NotFound, InvalidInput: there is no such thing, or it is not what it should be.
    """
    if path.is_dir():
        repository = Repository.open(path)
        change, files, published = repository.change(), repository.files(), _published(repository)
    else:
        change = Change.read(path)
        files, published = {**change.files_before, **change.files}, ()
    try:
        return _view(change, files, published, now)
    except (KeyError, ProtocolError):
        raise InvalidInput(
            f"{path} holds no roster and policy that a node would take.",
            "Do not sign it; ask the coordinator.",
        ) from None


def _view(
    change: Change | None, files: Mapping[str, bytes], published: tuple[FileLine, ...], now: datetime
) -> NetworkView:
    roster, policy = parse_roster(files[ROSTER]), parse_policy(files[POLICY])
    roles: tuple[Role, ...] = ("root", "targets")
    found = {role: change.signatures(role) for role in roles} if change else {}
    return NetworkView(
        name=roster.network,
        exercise=policy.exercise,
        members=_member_lines(roster, now),
        published=published,
        changes=tuple(_describe_change(change)) if change else (),
        signatures={role: signatures for role, signatures in found.items() if signatures},
        warnings=tuple(_warnings(published, now)),
    )


def _member_lines(roster: Roster, now: datetime) -> tuple[MemberLine, ...]:
    lines = []
    for member in roster.members:
        stands = standing(member, roster, (), now)
        lines.append(
            MemberLine(
                member.id, member.country, member.kind, stands.state, stands.reason, fingerprint(member)
            )
        )
    return tuple(lines)


def _published(repository: Repository) -> tuple[FileLine, ...]:
    root, targets = repository.published_root(), repository.published_targets()
    snapshot, timestamp = repository.published_snapshot(), repository.published_timestamp()
    if not (root and targets and snapshot and timestamp):
        return ()
    lines = []
    for signed in (root.signed, targets.signed, snapshot.signed, timestamp.signed):
        role = root.signed.roles[signed.type]
        holders = tuple(holder_name(root.signed.keys[key_id]) for key_id in role.keyids)
        lines.append(FileLine(signed.type, signed.version, signed.expires, holders, role.threshold))
    return tuple(lines)


def _warnings(published: tuple[FileLine, ...], now: datetime) -> list[str]:
    warnings = []
    for line in published:
        offline = line.role in ("root", "targets")
        if line.expires - now <= (WARN_OFFLINE if offline else RENEW_ONLINE):
            command = f"gmcn network rotate DIR {line.role}" if offline else "gmcn network refresh DIR"
            verb = "has run out" if line.expires <= now else "runs out"
            warnings.append(f"The {line.role} file {verb} on {line.expires:%Y-%m-%d}: run `{command}`.")
    return warnings


def _describe_change(change: Change) -> list[str]:
    """Say what a change does, in plain sentences."""
    sentences = _describe_root(change)
    if POLICY in change.files:
        before = orjson.loads(change.files_before.get(POLICY, b"{}"))
        after = orjson.loads(change.files[POLICY])
        sentences += [
            f"Policy: {name} becomes {_shown(value)}"
            + (f", was {_shown(before[name])}." if name in before else ".")
            for name, value in after.items()
            if before.get(name) != value and name != "schema"
        ]
    if ROSTER in change.files:
        old = parse_roster(change.files_before[ROSTER]).members if ROSTER in change.files_before else ()
        known = {member.id: member for member in old}
        roster = parse_roster(change.files[ROSTER])
        if not change.files_before:
            sentences.append(f"Begins the network “{roster.network}”.")
        for member in roster.members:
            sentences += _describe_member(known.pop(member.id, None), member)
        sentences += [f"Strikes {member_id} from the list." for member_id in known]
    schemas = [path.removeprefix("schemas/") for path in sorted(change.files) if path.startswith("schemas/")]
    if schemas:
        sentences.append(f"Schemas: {', '.join(schemas)} are added or replaced.")
    if change.targets and not change.files:
        sentences.append("Renews the term of roster and policy as they are.")
    return sentences


def _describe_root(change: Change) -> list[str]:
    if change.root is None:
        return []
    after = change.root.signed
    before = change.root_before.signed if change.root_before else None
    sentences = [f"Root: version {after.version}, good until {after.expires:%Y-%m-%d}."]
    for name in ("root", "targets", "snapshot", "timestamp"):
        role = after.roles[name]
        old = before.roles[name] if before else None
        for key_id in role.keyids:
            if old is None or key_id not in old.keyids:
                sentences.append(
                    f"{name.capitalize()}: the key of {holder_name(after.keys[key_id])} is added."
                )
        for key_id in old.keyids if before and old else ():
            if before and key_id not in role.keyids:
                sentences.append(
                    f"{name.capitalize()}: the key of {holder_name(before.keys[key_id])} is removed."
                )
        if old is None or old.threshold != role.threshold:
            sentences.append(f"{name.capitalize()}: {role.threshold} of {len(role.keyids)} keys must sign.")
    return sentences


def _describe_member(old: Member | None, new: Member) -> list[str]:
    if old is None:
        kind = new.kind.replace("_", " ")
        return [f"Admits {new.id} ({new.country}, {kind}); its keys: {fingerprint(new)}."]
    sentences = []
    if old.state != new.state:
        verbs = {"active": "Brings back", "suspended": "Suspends", "removed": "Removes for good"}
        sentences.append(f"{verbs[new.state]} {new.id}.")
    if fingerprint(old) != fingerprint(new):
        sentences.append(f"Gives {new.id} new keys: {fingerprint(new)}, were {fingerprint(old)}.")
    for feed in new.feeds:
        if feed.frozen and feed not in old.feeds:
            sentences.append(f"Freezes {feed.origin} at {feed.frozen.size} leaves.")
    known = {feed.origin for feed in old.feeds}
    sentences += [
        f"Lets {feed.origin} go on for {feed.succeeds}, which is frozen."
        for feed in new.feeds
        if feed.origin not in known
    ]
    if old.endorsement != new.endorsement:
        sentences.append(f"Gives {new.id} another endorsement.")
    if (old.address, old.names, old.duty) != (new.address, new.names, new.duty):
        sentences.append(
            f"Changes the address, names or duty desk of {new.id}; its node is at {new.address}."
        )
    if old.site != new.site:
        sentences.append(f"Says that the public site of {new.id} is at {new.site or 'no address'}.")
    return sentences


def _shown(value: Any) -> str:
    return orjson.dumps(value).decode()
