"""Tokens with which a member's own staff and programs use the search API.

Guarantees: a token is shown once and kept as a hash; it has a name, a scope, an end, and a number of requests
a minute; every creation and revocation is in the journal.
"""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta

from node.errors import InvalidInput, NotAllowed, NotFound
from node.runtime import Node
from node.services.serving import TooOften
from node.store.database import reading, writing
from node.store.journal import JournalEntry, write_journal
from node.store.staff import access
from node.store.staff.access import StaffToken

SCOPES = ("search", "open")
"""`search` finds cases and reads public parts; `open` also opens network and police parts, for a purpose."""

MAX_DAYS = 366
MAX_REQUESTS = 120
"""How often one token may search and open cases in a minute: more than people do, and too little to carry off
all that is here."""

_MINUTE = timedelta(minutes=1)
_PREFIX = "gmcn"
_ID = re.compile("[0-9a-f]{12}")


def create_token(node: Node, name: str, scope: str, days: int, actor: str) -> str:
    """Make a staff token and return it; it cannot be shown again.

    Args:
        name: whose it is, such as "border desk 3".

    Raises:
        InvalidInput: no name, no such scope, or too long a life.
    """
    problems = []
    if not 1 <= len(name.strip()) <= 80:
        problems.append("name: must have 1 to 80 characters")
    if scope not in SCOPES:
        problems.append(f"scope: must be one of {', '.join(SCOPES)}")
    if not 1 <= days <= MAX_DAYS:
        problems.append(f"days: must be 1 to {MAX_DAYS}")
    if problems:
        raise InvalidInput("The token cannot be made.", "See `gmcn token create --help`.", problems)
    now, token_id, secret = node.clock(), secrets.token_hex(6), secrets.token_urlsafe(32)
    token = StaffToken(token_id, name.strip(), scope, _hash(secret), now, now + timedelta(days=days), None)
    with writing(node.engine) as conn:
        access.add_staff_token(conn, token)
        write_journal(conn, JournalEntry(now, actor, "token.create", purpose=f"{token_id} {scope}"))
    return f"{_PREFIX}_{token_id}_{secret}"


def check_token(node: Node, presented: str) -> StaffToken:
    """Return whose a presented token is.

    Raises:
        NotAllowed: it is not one of ours, has ended, or was revoked.
    """
    prefix, _, rest = presented.partition("_")
    token_id, _, secret = rest.partition("_")
    with reading(node.engine) as conn:
        token = (
            access.find_staff_token(conn, token_id) if prefix == _PREFIX and _ID.fullmatch(token_id) else None
        )
    good = token is not None and hmac.compare_digest(token.hash, _hash(secret))
    if not good or token is None or token.revoked_at is not None or token.expires_at <= node.clock():
        raise NotAllowed(
            "This token does not work here.", "Ask your administrator for one: `gmcn token create`."
        )
    return token


def take_turn(node: Node, token: StaffToken) -> None:
    """Count a request of a token.

    Raises:
        TooOften: it has made MAX_REQUESTS within a minute.
    """
    limits = {f"token {token.id}": MAX_REQUESTS}
    with writing(node.engine) as conn:
        if access.take_turn(conn, "staff", limits, node.clock(), _MINUTE):
            raise TooOften(
                "This token has asked too often.", f"{MAX_REQUESTS} times a minute are enough.", 60
            )


def list_tokens(node: Node) -> list[StaffToken]:
    """Return every token that was made, the newest first."""
    with reading(node.engine) as conn:
        return access.list_staff_tokens(conn)


def revoke_token(node: Node, token_id: str, actor: str) -> None:
    """End a token now.

    Raises:
        NotFound: there is no such token, or it has ended already.
    """
    now = node.clock()
    with writing(node.engine) as conn:
        if not access.revoke_staff_token(conn, token_id, now):
            raise NotFound("There is no such token, or it was revoked before.", "See `gmcn token list`.")
        write_journal(conn, JournalEntry(now, actor, "token.revoke", purpose=token_id))


def _hash(secret: str) -> bytes:
    """Hash a secret of 256 random bits; no stretching is needed for what cannot be guessed."""
    return hashlib.sha256(secret.encode()).digest()
