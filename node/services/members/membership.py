"""Becoming and staying a member: a new home, the request to join, the network's files, acceptance of others,
endorsements.

Guarantees: a home appears whole or not at all; a network is trusted from a root file on that the
administrator checked, never from what answers first; another member's keys are accepted by a person, by their
fingerprint.
"""

import hashlib
import secrets
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from node.adapters.keystore import Keystore
from node.config import FILE_NAME, parse_config
from node.errors import Conflict, InvalidInput, NotAllowed, NotFound
from node.runtime import Node
from node.services.disclosure import own_feeds
from node.services.members import keys, succession
from node.services.standing import exchanges, find_by_standing, other_member, see_members
from node.store.database import open_database, reading, writing
from node.store.federation import peers
from node.store.journal import JournalEntry, write_journal
from node.store.migrate import migrate
from protocol.endorsement import (
    Standing,
    format_endorsement,
    format_withdrawal,
    verify_endorsement,
    verify_withdrawal,
)
from protocol.errors import ProtocolError
from protocol.member import Duty, Kind, Member, fingerprint
from protocol.note import COSIGNATURE, VerifierKey

_SOURCES = "sources.txt"


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who wants to join: what the roster is to say of the member beside its keys.

    Attributes:
        names: by language tag.
        address: https address under which peers reach the node.
        duty: phone, email, languages and hours of the contact that answers day and night.
        endorsement: of an NGO, as a law-enforcement member of its country has signed it.
        site: https address of its public site, if it has one.
    """

    member: str
    country: str
    kind: str
    names: Mapping[str, str]
    address: str
    duty: Mapping[str, Any]
    endorsement: str | None = None
    site: str | None = None


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as this node's administrator sees it."""

    member: Member
    standing: Standing
    fingerprint: str
    accepted: bool
    audiences: tuple[str, ...]
    leaves: tuple[str, ...]
    reason: str
    seen_at: datetime | None


def init_home(home: Path, member: str, settings: str = "", passphrase_file: Path | None = None) -> None:
    """Make a new node in a folder: settings, keys, an empty database.

    Args:
        settings: further lines of node.toml.

    Raises:
        Conflict: there is something in the folder already.
        InvalidInput: the member's id or the settings are wrong.
    """
    if home.exists() and any(home.iterdir()):
        raise Conflict(
            "%(home)s is not empty.", "Choose another folder with --home; nothing was changed.", home=home
        )
    text = f'member = "{member}"\n{settings}'
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise InvalidInput(
            "%(member)s is not a member id.", "It is a domain such as police.fr.example.", member=repr(member)
        ) from None
    config = parse_config(home, values, {})
    made = not home.exists()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.chmod(0o700)
    try:
        Keystore.create(home / "keys", passphrase_file)
        engine = open_database(config.database_url)
        try:
            migrate(engine)
        finally:
            engine.dispose()
        (home / FILE_NAME).write_text(text, "utf-8")  # last: without it the folder is no node
    except BaseException:
        for path in home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if made:
            home.rmdir()
        raise


def join_request(node: Node, applicant: Applicant, network: str) -> str:
    """Write the request with which the coordinator admits this member, or replaces its entry: what the roster
    is to say, and proof that it holds the keys.

    Where the roster lists the member already, its present token key vouches for the request.

    Args:
        network: the network's name, so that the request serves for no other.

    Raises:
        InvalidInput: what is said of the member breaks a rule of the roster.
    """
    return keys.sign_request(node, keys.with_newest_keys(node, _entry(node, applicant)), network)


def root_fingerprint(root: bytes) -> str:
    """Name a root file by its bytes: SHA-256 in hexadecimal, in groups of four, to be compared over the
    telephone."""
    text = hashlib.sha256(root).hexdigest()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def join(node: Node, root: bytes, urls: list[str]) -> None:
    """Trust a network from its root file on, and read its roster.

    Args:
        root: the root file, checked by the administrator through another channel.
        urls: where the coordinator serves the network's files.

    Raises:
        Conflict: a network is trusted already.
        InvalidInput, PeerUnavailable, ProtocolError: see `TrustStore.bootstrap`.
    """
    node.trust.bootstrap(root, urls, node.http)
    (node.config.home / _SOURCES).write_text("\n".join(urls) + "\n", "utf-8")
    _follow_roster(node)


def refresh(node: Node) -> None:
    """Read the network's files anew: from the coordinator, or from any member that has them.

    Raises:
        NotFound: no network was joined.
        PeerUnavailable: every source is down.
        ProtocolError: a source lied and none was good.
    """
    known = node.network().roster
    mirrors = [f"{member.address.rstrip('/')}/tuf" for member in known.members if member.id != node.member]
    try:
        node.trust.refresh([*_sources(node), *mirrors], node.http)
    finally:
        _follow_roster(node)  # standing also changes with time alone, whoever is down


def list_members(node: Node) -> list[MemberView]:
    """Return every other member with its standing and whether this node accepted it.

    Raises:
        NotAllowed: the roster does not list this node's own member, with whom nobody exchanges anything.
    """
    node.entry()
    with reading(node.engine) as conn:
        seen = {peer.member: peer.seen_at for peer in peers.list_peers(conn)}
        return [
            MemberView(
                exchange.member,
                exchange.standing,
                fingerprint(exchange.member),
                exchange.accepted,
                exchange.audiences,
                exchange.leaves,
                exchange.reason,
                seen.get(exchange.member.id),
            )
            for exchange in exchanges(conn, node)
        ]


def accept_member(node: Node, member_id: str, shown: str, actor: str) -> None:
    """Accept a member's present keys: from now on it is given, and asked for, what it may have.

    Args:
        shown: the fingerprint that the administrator compared with the member by telephone or in person.

    Raises:
        NotFound, NotAllowed: the roster lists no such member, or it is this node's own.
        Conflict: its keys have another fingerprint.
    """
    if fingerprint(other_member(node, member_id)) != shown:
        raise Conflict(
            "The keys of %(member)s have another fingerprint than the one given.",
            "Compare it with the member again, by a line that you trust: see `gmcn member list`.",
            member=member_id,
        )
    now = node.clock()
    with writing(node.engine) as conn:
        see_members(conn, node)
        peers.accept_peer(conn, member_id, shown, now)
        write_journal(conn, JournalEntry(now, actor, "member.accept", purpose=f"{member_id} {shown}"))
    _follow_roster(node)


def endorse(node: Node, ngo: str, agreement: str, days: int, actor: str) -> str:
    """Endorse an NGO of this country; the coordinator puts the token into the roster.

    The roster need not list the NGO yet: it is admitted by a request that carries the endorsement, and the
    coordinator then holds its kind and country against it.

    Raises:
        NotAllowed: this member is not law enforcement, or the other is not an NGO of this country.
    """
    now, roster = node.now(), node.network().roster
    if node.entry().kind != "law_enforcement":
        raise NotAllowed("Only a law-enforcement member endorses.", "Ask the police of your country.")
    token = format_endorsement(
        node.token_signer(), ngo, agreement, now + timedelta(days=days), now, secrets.token_urlsafe(16)
    )
    if any(member.id == ngo for member in roster.members):
        try:
            verify_endorsement(token, roster, now)
        except ProtocolError as error:
            raise NotAllowed(
                "This endorsement would not be valid: %(reason)s.",
                "See `gmcn member list`.",
                reason=str(error),
            ) from None
    with writing(node.engine) as conn:
        write_journal(conn, JournalEntry(now, actor, "member.endorse", purpose=f"{ngo} {agreement}"))
    return token


def withdraw_endorsement(node: Node, ngo: str, actor: str) -> None:
    """Take back the endorsement that the roster has of an NGO; peers honour it when they next ask this node.

    Raises:
        NotFound: the roster has no endorsement of it by this member.
    """
    roster, now = node.network().roster, node.now()
    try:
        member = roster.member(ngo)
        endorsement = verify_endorsement(member.endorsement or "", roster, now)
    except ProtocolError:
        endorsement = None
    if endorsement is None or endorsement.issuer != node.member:
        raise NotFound(
            "The roster has no valid endorsement of %(ngo)s by this member.",
            "See `gmcn member list`.",
            ngo=ngo,
        )
    token = format_withdrawal(node.token_signer(), endorsement.token_id, now)
    with writing(node.engine) as conn:
        peers.keep_withdrawal(conn, verify_withdrawal(token, roster), token)
        write_journal(conn, JournalEntry(now, actor, "member.withdraw-endorsement", purpose=ngo))
    _follow_roster(node)


def _follow_roster(node: Node) -> None:
    """Act on what the roster says now: note new members and keys, open the own feeds, hide replicas of
    whoever has no standing."""
    with writing(node.engine) as conn:
        see_members(conn, node)
        find_by_standing(conn, node)
    succession.follow_successors(node)
    try:
        entry = node.entry()
    except NotAllowed:
        return
    if entry.state == "active":
        own_feeds.open_feeds(node)


def _sources(node: Node) -> list[str]:
    try:
        return (node.config.home / _SOURCES).read_text("utf-8").split()
    except FileNotFoundError:
        return []


def _entry(node: Node, applicant: Applicant) -> Member:
    """Return what the roster is to say of this member; its keys are those that are listed now, if any."""
    listed = keys.listed_entry(node)
    return Member(
        id=applicant.member,
        country=applicant.country,
        kind=cast(Kind, applicant.kind),
        state="active",
        names=applicant.names,
        address=applicant.address,
        duty=Duty(**applicant.duty),
        feeds=listed.feeds if listed else (),
        token_keys=listed.token_keys if listed else (),
        cosigner=VerifierKey(applicant.member, COSIGNATURE, node.keys.public("cosigner")),
        sealing_keys=(),
        endorsement=applicant.endorsement,
        joined=node.now(),
        site=applicant.site,
    )
