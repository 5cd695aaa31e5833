"""Signing in through the member's own identity provider (OpenID Connect: authorization code with PKCE).

Guarantees: an answer counts only in the browser in which this very sign-in was begun, within ten minutes;
what proves that is derived from its state under a key of this node, so that nothing is stored for strangers.
Nobody gets an account by signing in: whom the provider names must be linked to one already. The provider's
second factor counts only where the settings say how its word shows it; else the console asks for its own.
No token is kept, written down or shown. Every success and refusal of somebody whom the provider named is in
the journal.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from types import MappingProxyType
from urllib.parse import urlencode, urlsplit

import structlog

from node.adapters.openid import CodeRefused, problems_of
from node.domain.openid import Demand, Identity, WeakSignIn, WrongClock
from node.errors import InvalidInput, NodeError, NotAllowed
from node.runtime import Node
from node.services.people import references
from node.services.people.encryption import keyed_hash
from node.services.people.sessions import actor_of, begin_session
from node.services.people.sign_in import Caller, count_attempt, open_session
from node.store.database import writing
from node.store.journal import JournalEntry, write_journal
from node.store.staff import people
from protocol.errors import NotAuthorized, ProtocolError

BEGUN = timedelta(minutes=10)
"""How long somebody may take at the provider."""

_NOBODY = "console:unknown"

log = structlog.get_logger()


class Why(Enum):
    """Why somebody was not signed in."""

    NO_ANSWER = auto()
    LOST = auto()
    DECLINED = auto()
    NOT_TRUSTED = auto()
    CLOCK = auto()
    TOO_WEAK = auto()
    NOT_LINKED = auto()
    DISABLED = auto()


# What is told apart for the person; of all other rules, one text says enough.
_RULES: Mapping[type[ProtocolError], Why] = MappingProxyType(
    {CodeRefused: Why.LOST, WrongClock: Why.CLOCK, WeakSignIn: Why.TOO_WEAK}
)


class _NoAnswer(NotAuthorized):
    """What the browser brought along is no answer of the provider; anybody can bring that along."""


class Refused(NotAllowed):
    """Somebody was not signed in.

    Args:
        why: what a page says about it.
        reference: what the person reads out to an administrator, where that is the next step.
    """

    def __init__(self, why: Why, reference: str = "") -> None:
        super().__init__("The sign-in through the identity provider did not work.", "Try again.")
        self.why = why
        self.reference = reference


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that was begun.

    Attributes:
        address: where the browser goes.
        state: what the browser keeps meanwhile, and the answer has to name.
    """

    address: str
    state: str


def check_settings(node: Node) -> None:
    """Check that the settings of the identity provider fit together.

    Raises:
        InvalidInput: they do not, with all that is wrong.
    """
    config = node.config
    problems = problems_of(config.oidc, plain_http=config.pull.private_addresses)
    if config.oidc.issuer and not (config.console.address or config.console.port):
        problems.append("console.port: must be a fixed one, since the provider has to know it")
    if problems:
        raise InvalidInput("The identity provider's settings do not fit.", "See docs/settings.md.", problems)


def is_offered(node: Node) -> bool:
    """Tell whether people can sign in through an identity provider."""
    return bool(node.config.oidc.issuer)


def name_of(node: Node) -> str:
    """Return what people know the provider as."""
    return node.config.oidc.label or urlsplit(node.config.oidc.issuer).hostname or ""


def counts_second_factor(node: Node) -> bool:
    """Tell whether the provider's second factor is demanded, and counts instead of the console's own."""
    return bool(node.config.oidc.acr or node.config.oidc.amr)


def begin(node: Node, back: str, language: str, *, anew: bool) -> Begun:
    """Begin a sign-in.

    Args:
        back: where the provider sends the browser afterwards; it knows this address.
        language: of the person, for the provider's own pages.
        anew: whether the person must prove who they are even if they are signed in there.

    Raises:
        Refused: the provider does not answer.
    """
    config, state = node.config.oidc, secrets.token_urlsafe(32)
    asked = {
        "response_type": "code",
        "client_id": config.client_id,
        "redirect_uri": back,
        "scope": config.scopes,
        "state": state,
        "nonce": _derive(node, "nonce", state),
        "code_challenge": _base64url(hashlib.sha256(_derive(node, "verifier", state).encode()).digest()),
        "code_challenge_method": "S256",
        "ui_locales": language,
    }
    if config.acr:
        asked["acr_values"] = config.acr
    if config.max_age_minutes:
        asked["max_age"] = str(config.max_age_minutes * 60)
    if anew:
        asked["prompt"] = "login"
    return Begun(_with_query(_configured(node), asked), state)


def finish(
    node: Node, state: str, begun_at: datetime, answer: Mapping[str, str], back: str, caller: Caller
) -> str:
    """Take the provider's answer: return the token of a session, which waits for the second factor where the
    provider's does not count.

    Args:
        state, begun_at: of the sign-in that was begun in this browser, and that the answer names.
        answer: what the browser brings along.
        back: as it was given to `begin`.

    Raises:
        Refused: nobody is signed in.
        TooOften: this address has tried too often.
    """
    now = node.clock()
    if not begun_at <= now < begun_at + BEGUN:
        raise Refused(Why.LOST)
    if "error" in answer:
        raise Refused(Why.DECLINED)
    number = count_attempt(node, None, None, caller)
    try:
        identity = _ask(node, state, answer, back, now)
    except NodeError as error:
        with writing(node.engine) as conn:
            people.take_back_attempt(conn, number)  # nobody has guessed
        raise _unavailable(error) from None
    except ProtocolError as error:
        raise _refuse(node, error, now) from None
    return _let_in(node, identity, number, caller, now)


def sign_out_address(node: Node, back: str) -> str:
    """Return where somebody ends their session at the provider, too; empty where it does not offer that.

    The provider asks them whether they want to: without a token, it cannot know that it is they who ask.
    """
    try:
        address = node.identity_provider.configuration(node.clock()).end_session
    except (NodeError, ProtocolError):
        return ""
    asked = {"client_id": node.config.oidc.client_id, "post_logout_redirect_uri": back}
    return _with_query(address, asked) if address else ""


def _ask(node: Node, state: str, answer: Mapping[str, str], back: str, now: datetime) -> Identity:
    """Exchange the answer's code for whom the provider names."""
    config, provider = node.config.oidc, node.identity_provider
    named = provider.configuration(now).names_itself
    if answer.get("iss", "" if named else config.issuer) != config.issuer:  # RFC 9207
        raise _NoAnswer("provider's answer: from another issuer")
    if not answer.get("code"):
        raise _NoAnswer("provider's answer: has no code")
    token = provider.redeem(answer["code"], _derive(node, "verifier", state), back, now)
    demand = Demand(
        config.issuer,
        config.client_id,
        _derive(node, "nonce", state),
        config.acr.split(),
        config.amr.split(),
        timedelta(minutes=config.max_age_minutes) if config.max_age_minutes else None,
    )
    return provider.identify(token, demand, now)


def _let_in(node: Node, identity: Identity, number: int, caller: Caller, now: datetime) -> str:
    """Begin the session of whoever is linked to an identity."""
    with writing(node.engine) as conn:
        person = people.find_person_by_identity(conn, identity.issuer, identity.subject)
        if person is not None and person.disabled_at is None:
            people.take_back_attempt(conn, number)
            if counts_second_factor(node):
                return open_session(conn, person, caller.device, now, by_provider=True)
            return begin_session(conn, person, caller.device, now, complete=False, by_provider=True)
        reference = "" if person else references.keep(conn, node, identity)
        actor = actor_of(person) if person else _NOBODY
        what = "disabled" if person else f"not linked, {reference}"
        write_journal(conn, JournalEntry(now, actor, "sign-in.failed", purpose=f"provider: {what}"))
    raise Refused(Why.DISABLED if person else Why.NOT_LINKED, reference)


def _configured(node: Node) -> str:
    """Return where the provider lets people in."""
    try:
        return node.identity_provider.configuration(node.clock()).authorization
    except (NodeError, ProtocolError) as error:
        raise _unavailable(error) from None


def _unavailable(error: Exception) -> Refused:
    log.warning("the identity provider cannot be used", error=_as_word(error))
    return Refused(Why.NO_ANSWER)


def _refuse(node: Node, error: ProtocolError, now: datetime) -> Refused:
    """Write down that an answer was not taken, and by which rule; nobody is known by name yet.

    The journal, which is for ever, hears only of what the provider itself has said.
    """
    log.warning("an answer of the identity provider is not taken", error=_as_word(error))
    if not isinstance(error, CodeRefused | _NoAnswer):
        with writing(node.engine) as conn:
            write_journal(conn, JournalEntry(now, _NOBODY, "sign-in.failed", purpose=f"provider: {error}"))
    return Refused(_RULES.get(type(error), Why.NOT_TRUSTED))


def _as_word(error: Exception) -> str:
    """Write an error of this program as the log takes it, which has no room for sentences."""
    return re.sub(r"[^A-Za-z0-9]+", "-", str(error)).strip("-")


def _derive(node: Node, use: str, state: str) -> str:
    """Derive one more secret of a sign-in from its state: 43 characters."""
    return _base64url(keyed_hash(node, f"oidc-{use}", state))


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _with_query(address: str, asked: Mapping[str, str]) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"
