"""An identity provider over real sockets: what is asked of it, and what it may not do."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest

from node.adapters import openid
from node.adapters.openid import CodeRefused, OpenIdProvider, problems_of
from node.config import OidcConfig
from node.domain.openid import Demand, UnknownKey
from node.errors import PeerUnavailable
from protocol.errors import Malformed, NotAuthorized
from tests.federation import Clock
from tests.machines import Machine, drip, head
from tests.providers import (
    CLIENT,
    PRIVATE_KEYS,
    SECRET,
    IdentityProvider,
    make_certificate,
    public_jwk,
    query_of,
)

BACK = "http://127.0.0.1:8441/sign-in/provider/answer"
CONFIGURATION = "/realms/police/.well-known/openid-configuration"
KEYS = "/realms/police/keys"
VERIFIER = "v" * 43
ASKED = {
    "client_id": CLIENT,
    "response_type": "code",
    "redirect_uri": BACK,
    "state": "s",
    "nonce": "n",
    "code_challenge_method": "S256",
    "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:43],
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(clock: Clock) -> Iterator[IdentityProvider]:
    made = IdentityProvider(clock, redirect_uri=BACK)
    yield made
    made.close()


@pytest.fixture
def settings(tmp_path: Path, provider: IdentityProvider) -> OidcConfig:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n", "utf-8")
    secret.chmod(0o600)
    return OidcConfig(issuer=provider.issuer, client_id=CLIENT, secret_file=str(secret))


def caller(settings: OidcConfig, *, plain_http: bool = True) -> OpenIdProvider:
    return OpenIdProvider(settings, plain_http=plain_http, connect_seconds=2)


def code(provider: IdentityProvider, **changes: str) -> str:
    return query_of(provider._let_in({**ASKED, **changes})[1]["Location"])["code"]


def demand(provider: IdentityProvider) -> Demand:
    return Demand(provider.issuer, CLIENT, "n")


def test_a_code_becomes_an_identity(provider: IdentityProvider, settings: OidcConfig, clock: Clock) -> None:
    line, now = caller(settings), clock()
    token = line.redeem(code(provider), VERIFIER, BACK, now)
    assert line.identify(token, demand(provider), now).subject == provider.subject
    # What is known already is not asked for again.
    line.identify(line.redeem(code(provider), VERIFIER, BACK, now), demand(provider), now)
    assert provider.asked.count(CONFIGURATION) == provider.asked.count(KEYS) == 1
    clock.advance(minutes=61)
    line.configuration(clock())
    assert provider.asked.count(CONFIGURATION) == 2


def test_a_secret_goes_where_the_provider_takes_it(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock
) -> None:
    provider.configuration["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert caller(settings).redeem(code(provider), VERIFIER, BACK, clock())


@pytest.mark.parametrize("error", ["invalid_client", "unauthorized_client"])
@pytest.mark.parametrize("takes", ["client_secret_basic", "client_secret_post"])
def test_a_client_that_is_held_to_one_way_gets_its_token(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock, takes: str, error: str
) -> None:
    provider.unknown_client = error
    provider.configuration["token_endpoint_auth_methods_supported"] = [
        "client_secret_basic",
        "client_secret_post",
    ]
    provider.takes, line = takes, caller(settings)
    for _time in range(3):
        assert line.redeem(code(provider), VERIFIER, BACK, clock())
    wrong = int(takes == "client_secret_post")  # the way that was taken is the first to be tried again
    assert provider.asked.count("/realms/police/token") == 3 + wrong
    provider.takes = "nothing that is shown here"
    with pytest.raises(PeerUnavailable, match="does not know this console"):
        line.redeem(code(provider), VERIFIER, BACK, clock())


@pytest.mark.parametrize("verifier", ["w" * 43, ""])
def test_a_code_is_worth_nothing_without_its_verifier(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock, verifier: str
) -> None:
    with pytest.raises(CodeRefused):
        caller(settings).redeem(code(provider), verifier, BACK, clock())


def test_a_code_is_taken_once(provider: IdentityProvider, settings: OidcConfig, clock: Clock) -> None:
    line, given = caller(settings), code(provider)
    line.redeem(given, VERIFIER, BACK, clock())
    with pytest.raises(CodeRefused):
        line.redeem(given, VERIFIER, BACK, clock())


def test_a_wrong_secret_is_the_operators_to_mend(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock
) -> None:
    Path(settings.secret_file).write_text("another", "utf-8")
    with pytest.raises(PeerUnavailable, match="does not know this console"):
        caller(settings).redeem(code(provider), VERIFIER, BACK, clock())


def test_new_keys_are_read_once_a_minute_at_the_most(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock
) -> None:
    line = caller(settings)
    provider.keys = [public_jwk(PRIVATE_KEYS["RS256"], "old")]

    def signed(kid: str) -> str:
        provider.sign = lambda claims: jwt.encode(claims, PRIVATE_KEYS["ES256"], "ES256", {"kid": kid})
        return provider.token_for(ASKED)

    for _ in range(20):
        with pytest.raises(UnknownKey):
            line.identify(signed("new"), demand(provider), clock())
    assert provider.asked.count(KEYS) == 1
    provider.keys.append(public_jwk(PRIVATE_KEYS["ES256"], "new"))
    clock.advance(seconds=61)
    assert line.identify(signed("new"), demand(provider), clock()).subject == provider.subject
    for kid in ("x", "y", "z"):
        with pytest.raises(UnknownKey):
            line.identify(signed(kid), demand(provider), clock())
    assert provider.asked.count(KEYS) == 2


def test_a_key_that_is_taken_off_the_list_ends_within_an_hour(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock
) -> None:
    line = caller(settings)
    line.identify(provider.token_for(ASKED), demand(provider), clock())
    provider.keys = [public_jwk(PRIVATE_KEYS["ES256"], "other")]
    clock.advance(minutes=61)
    with pytest.raises(UnknownKey):
        line.identify(provider.token_for(ASKED), demand(provider), clock())


@pytest.mark.parametrize("path", [CONFIGURATION, KEYS])
@pytest.mark.parametrize(
    "answer",
    [
        (302, {"Location": "http://127.0.0.1:1/"}, b""),
        (200, {}, b" " * 10_000_000),
        (404, {}, b"{}"),
        (500, {}, b"{}"),
        (200, {"Content-Encoding": "br"}, b"{}"),
    ],
    ids=["redirect", "huge", "missing", "broken", "encoding"],
)
def test_an_answer_that_is_none_is_not_taken(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock, path: str, answer: Any
) -> None:
    provider.answers[path] = lambda: answer
    line, token = caller(settings), provider.token_for(ASKED)
    for _ in range(5):  # and it is asked for once: whoever begins a sign-in makes this machine ask
        with pytest.raises(PeerUnavailable):
            line.identify(token, demand(provider), clock())
    assert provider.asked.count(path) == 1
    assert provider.asked[-1] == path


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"keys": 7}', b"\xff"])
def test_an_answer_that_cannot_be_read_is_refused(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock, body: bytes
) -> None:
    provider.answers[KEYS] = lambda: (200, {}, body)
    with pytest.raises(Malformed):
        caller(settings).identify(provider.token_for(ASKED), demand(provider), clock())
    provider.answers = {"/realms/police/token": lambda: (200, {}, body)}
    with pytest.raises(Malformed):
        caller(settings).redeem("x", VERIFIER, BACK, clock())


def test_the_configuration_of_another_issuer_is_refused(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock
) -> None:
    provider.configuration["issuer"] = "https://evil.example"
    with pytest.raises(NotAuthorized):
        caller(settings).configuration(clock())


def test_it_is_asked_again_after_a_little(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock
) -> None:
    provider.configuration["issuer"] = "https://evil.example"
    line = caller(settings)
    with pytest.raises(NotAuthorized):
        line.configuration(clock())
    provider.configuration = {}
    with pytest.raises(PeerUnavailable, match="another issuer"):
        line.configuration(clock())
    clock.advance(seconds=15)
    assert line.configuration(clock()).issuer == provider.issuer
    with pytest.raises(CodeRefused):  # which is nobody's failure
        line.redeem("x", VERIFIER, BACK, clock())
    assert line.redeem(code(provider), VERIFIER, BACK, clock())


def test_a_provider_that_drips_is_given_up(
    settings: OidcConfig, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openid, "_SECONDS", 0.3)
    machine = Machine()
    machine.talk = drip(head("Content-Length: 1000"))
    line = caller(replace(settings, issuer=machine.url))
    try:
        with pytest.raises(PeerUnavailable):
            line.configuration(clock())
        machine.heard.clear()
        with pytest.raises(PeerUnavailable, match="did not answer in time"):  # it is left alone for a little
            line.configuration(clock())
        assert machine.heard == []
        clock.advance(seconds=16)
        with pytest.raises(PeerUnavailable):
            line.configuration(clock())
        assert len(machine.heard) == 1
    finally:
        machine.close()


def test_no_more_than_two_wait_for_a_provider(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openid, "_WAIT_SECONDS", 0.05)
    here, go_on = threading.Semaphore(0), threading.Event()

    def slowly() -> Any:
        here.release()
        go_on.wait()
        return 200, {}, b"{}"

    provider.answers[CONFIGURATION] = slowly
    line = caller(settings)

    def wait() -> None:
        with pytest.raises(NotAuthorized):
            line.configuration(clock())

    waiting = [threading.Thread(target=wait) for _ in range(2)]
    for thread in waiting:
        thread.start()
        here.acquire()
    with pytest.raises(PeerUnavailable, match="Too many"):
        line.configuration(clock())
    go_on.set()
    for thread in waiting:
        thread.join()


def test_outside_of_a_sandbox_nothing_is_asked_without_tls(
    provider: IdentityProvider, settings: OidcConfig, clock: Clock
) -> None:
    with pytest.raises(PeerUnavailable):
        caller(settings, plain_http=False).configuration(clock())
    assert provider.asked == []


def test_a_certificate_of_the_members_own_authority_counts_where_it_is_named(
    settings: OidcConfig, clock: Clock, tmp_path: Path
) -> None:
    certificate, context = make_certificate(tmp_path, "localhost")
    secure = IdentityProvider(clock, redirect_uri=BACK, host="localhost", tls=context)
    named = replace(settings, issuer=secure.issuer, authorities_file=str(certificate))
    try:
        line = caller(named, plain_http=False)
        token = line.redeem(code(secure), VERIFIER, BACK, clock())
        assert line.identify(token, demand(secure), clock()).subject == secure.subject
        with pytest.raises(PeerUnavailable, match="certificate"):
            caller(replace(named, authorities_file=""), plain_http=False).configuration(clock())
    finally:
        secure.close()


def test_settings_that_do_not_fit_are_named(settings: OidcConfig, tmp_path: Path) -> None:
    assert problems_of(settings, plain_http=True) == []
    assert problems_of(OidcConfig(), plain_http=False) == []
    wrong = replace(settings, client_id="", scopes="email", secret_file="/no/such", authorities_file="/no")
    found = problems_of(wrong, plain_http=False)
    assert [text.partition(":")[0] for text in found] == [
        "oidc.issuer",
        "oidc.client_id",
        "oidc.scopes",
        "oidc.secret_file",
        "oidc.authorities_file",
    ]
    Path(settings.secret_file).chmod(0o644)
    (problem,) = problems_of(settings, plain_http=True)
    assert "other users" in problem
    assert "passwords" in problems_of(OidcConfig(passwords=False), plain_http=False)[0]


def test_an_empty_secret_is_none(settings: OidcConfig) -> None:
    Path(settings.secret_file).write_text("\n", "utf-8")
    assert problems_of(settings, plain_http=True) == ["oidc.secret_file: is empty"]
