"""The member's own identity provider (OpenID Connect), asked over HTTPS.

Guarantees: whatever the provider answers is read under a limit of bytes and of seconds, and no redirect is
followed; its addresses are its own configuration's and never a token's; a key that is not known makes its
keys be read again once a minute at the most; while it does not answer, it is left alone for a little, and no
more than two calls wait for it at a time, so that it cannot hold up the console. No token is kept.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, Generic, TypeVar
from urllib.parse import quote_plus, urlencode

from node.adapters.http import Answer, HttpClient
from node.adapters.keystore import read_private
from node.config import OidcConfig
from node.domain.openid import (
    BASIC,
    MAX_DOCUMENT,
    Demand,
    Identity,
    Key,
    Provider,
    UnknownKey,
    is_address,
    parse_keys,
    parse_provider,
    verify_identity,
)
from node.errors import NodeError, PeerUnavailable
from protocol.encoding import parse_object
from protocol.errors import Malformed, NotAuthorized, ProtocolError

_CONFIGURATION = "/.well-known/openid-configuration"
_UNKNOWN_CLIENT = ("invalid_client", "unauthorized_client")  # Keycloak says the second
_SECONDS = 10.0  # for one answer; a person waits, and a thread of the console with them
_WAIT_SECONDS = 1.0  # for others who are being signed in
_AT_ONCE = 2
_FRESH = timedelta(hours=1)
_KEYS_AGAIN = timedelta(minutes=1)
_LEFT_ALONE = timedelta(seconds=15)

Value = TypeVar("Value")


class _Busy(PeerUnavailable):
    """Nothing is wrong with the provider; others are waiting for it."""


class CodeRefused(NotAuthorized):
    """The provider does not take the code: it was used, is too old, or belongs to another sign-in."""


@dataclass(frozen=True, slots=True)
class _Kept(Generic[Value]):
    value: Value
    at: datetime


class OpenIdProvider:
    """One provider, as the settings name it. Safe to use from several threads.

    Args:
        plain_http: whether it may be reached without TLS: in a sandbox alone.
        connect_seconds: the most that making a connection may take.
    """

    def __init__(self, config: OidcConfig, *, plain_http: bool, connect_seconds: float) -> None:
        self._config = config
        self._plain = plain_http
        self._connect_seconds = connect_seconds
        self._provider: _Kept[Provider] | None = None
        self._keys: _Kept[tuple[Key, ...]] | None = None
        self._failed: _Kept[str] | None = None
        self._way = ""  # of showing the secret that is tried first: the last that was not refused
        self._waiting = BoundedSemaphore(_AT_ONCE)

    def configuration(self, now: datetime) -> Provider:
        """Return what the provider says of itself, not older than an hour.

        Raises:
            PeerUnavailable: it does not answer as it should.
            ProtocolError: what it says cannot be used.
        """
        kept = self._provider
        if kept is None or now - kept.at >= _FRESH:
            address = self._config.issuer.rstrip("/") + _CONFIGURATION
            with self._left_alone_after_failure(now):
                data = self._read(address, now)
                kept = _Kept(parse_provider(data, self._config.issuer, plain_http=self._plain), now)
            self._provider = kept
        return kept.value

    def redeem(self, code: str, verifier: str, redirect_uri: str, now: datetime) -> str:
        """Give the code of an answer for its ID token, not verified yet.

        Args:
            verifier: what the challenge of this sign-in was made of (PKCE, RFC 7636).

        Raises:
            CodeRefused: the provider does not take the code.
            PeerUnavailable: it does not answer, or does not know this console.
            ProtocolError: what it answers cannot be used.
        """
        provider, client = self.configuration(now), self._config.client_id
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
            "client_id": client,
        }
        secret = read_secret(self._config)
        # What a provider lists is for all its clients. One may be held to one way of them, and some read a
        # header otherwise than RFC 6749 has it.
        for way in sorted(provider.takes_secret, key=lambda way: way != self._way):
            headers, shown = _show_secret(way, client, secret)
            answer = self._ask("POST", provider.token, now, headers, urlencode({**fields, **shown}).encode())
            if _error_of(answer) not in _UNKNOWN_CLIENT:
                self._way = way
                break
        if answer.status != 200:
            raise _refusal(answer)
        token = parse_object(answer.body, "provider's answer", MAX_DOCUMENT).get("id_token")
        if not isinstance(token, str):
            raise Malformed("provider's answer: has no ID token")
        return token

    def identify(self, token: str, demand: Demand, now: datetime) -> Identity:
        """Verify an ID token by the provider's keys, and return whom it names.

        Raises:
            ProtocolError: see `verify_identity`.
            PeerUnavailable: its keys cannot be read.
        """
        kept = self._keys
        if kept is None or now - kept.at >= _FRESH:
            kept = self._read_keys(now)
        try:
            return verify_identity(token, kept.value, demand, now)
        except UnknownKey:  # it may have changed its keys
            if now - kept.at < _KEYS_AGAIN:
                raise
        return verify_identity(token, self._read_keys(now).value, demand, now)

    def _read_keys(self, now: datetime) -> _Kept[tuple[Key, ...]]:
        address = self.configuration(now).keys
        with self._left_alone_after_failure(now):
            self._keys = kept = _Kept(parse_keys(self._read(address, now)), now)
        return kept

    def _read(self, address: str, now: datetime) -> bytes:
        answer = self._ask("GET", address, now, {"Accept": "application/json"})
        if answer.status != 200:
            raise PeerUnavailable(f"The identity provider answers with status {answer.status}.")
        return answer.body

    def _ask(
        self, method: str, address: str, now: datetime, headers: Mapping[str, str], body: bytes = b""
    ) -> Answer:
        """Make one call on a connection of its own: sign-ins are too few to keep one open."""
        with self._left_alone_after_failure(now):
            if not self._waiting.acquire(timeout=_WAIT_SECONDS):
                raise _Busy("Too many people wait for the identity provider.")
            try:
                with closing(self._client()) as client:
                    return client.fetch(
                        method, address, limit=MAX_DOCUMENT, deadline=_SECONDS, headers=headers, body=body
                    )
            finally:
                self._waiting.release()

    @contextmanager
    def _left_alone_after_failure(self, now: datetime) -> Iterator[None]:
        """Do something with the provider, unless the same has failed just now: everybody can begin a sign-in,
        and each would make this machine call it."""
        failed = self._failed
        if failed is not None and timedelta(0) <= now - failed.at < _LEFT_ALONE:
            raise PeerUnavailable(failed.value)
        try:
            yield
        except _Busy:
            raise
        except (PeerUnavailable, ProtocolError) as error:
            self._failed = _Kept(str(error), now)
            raise

    def _client(self) -> HttpClient:
        # The member's own provider stands in its own network, as a rule; its address is the operator's word.
        return HttpClient(
            private_addresses=True,
            connect_seconds=self._connect_seconds,
            pool_size=1,
            only_tls=not self._plain,
            authorities=self._config.authorities_file,
        )


def read_secret(config: OidcConfig) -> str:
    """Read the client's secret from the first line of its file.

    Raises:
        NotFound: there is no such file.
        NotAllowed: others may read it.
    """
    return read_private(Path(config.secret_file)).decode("utf-8", "replace").partition("\n")[0].strip()


def problems_of(config: OidcConfig, *, plain_http: bool) -> list[str]:
    """Return what is wrong with the settings of a provider; nothing where there is none."""
    if not config.issuer:
        return [] if config.passwords else ["oidc.passwords: can be false only where oidc.issuer is set"]
    problems = []
    if not is_address(config.issuer, plain_http=plain_http) or "?" in config.issuer:
        problems.append("oidc.issuer: must be like https://login.police.example/realms/police")
    if not config.client_id:
        problems.append("oidc.client_id: is needed where oidc.issuer is set")
    if "openid" not in config.scopes.split():
        problems.append("oidc.scopes: must have openid among them")
    try:
        if not read_secret(config):
            problems.append("oidc.secret_file: is empty")
    except NodeError as error:
        problems.append(f"oidc.secret_file: {error.message} {error.next_step}")
    if config.authorities_file and not Path(config.authorities_file).is_file():
        problems.append("oidc.authorities_file: there is no such file")
    return problems


def _show_secret(way: str, client: str, secret: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the headers of a request, and what its form has more, to show a secret (RFC 6749, 2.3.1)."""
    headers = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"}
    if way != BASIC:
        return headers, {"client_secret": secret}
    pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
    return {**headers, "Authorization": f"Basic {base64.b64encode(pair).decode()}"}, {}


def _error_of(answer: Answer) -> Any:
    """Return what the provider calls an error, if it is one."""
    if answer.status == 200:
        return None
    with suppress(ProtocolError):  # a page for people, of something that stands in front of it
        return parse_object(answer.body, "provider's answer", MAX_DOCUMENT).get("error")
    return None


def _refusal(answer: Answer) -> Exception:
    """Say why the provider gave nothing for a code, in words of the specification alone (RFC 6749, 5.2)."""
    said = _error_of(answer)
    if answer.status == 400 and said == "invalid_grant":
        return CodeRefused("provider's answer: the code was used before, or is too old")
    if said in _UNKNOWN_CLIENT:
        return PeerUnavailable("The identity provider does not know this console, or its secret.")
    return PeerUnavailable(f"The identity provider answers with status {answer.status}.")
