"""Signing in through the member's own identity provider: who gets in, who does not, and what is written."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.config import ConsoleConfig, OidcConfig, PullConfig
from node.domain.permissions import Role
from node.errors import Conflict, InvalidInput, NotAllowed
from node.runtime import Node
from node.services.people import accounts, provider, references, sessions, sign_in
from node.services.people.provider import Refused, Why
from node.services.people.sessions import Visit
from node.services.people.sign_in import Caller
from node.services.serving import TooOften
from node.store.database import reading
from node.store.staff import people
from node.store.staff.people import Person
from tests.node.services.people.conftest import HERE, PASSWORD, Desk, open_desk
from tests.providers import CLIENT, PRIVATE_KEYS, SECRET, IdentityProvider, query_of

BACK = "http://127.0.0.1:8441/sign-in/provider/answer"
TOKENS = "/realms/police/token"


@dataclass
class Door:
    """A node whose people may sign in through a provider, and Ana, who is linked to it."""

    desk: Desk
    node: Node
    provider: IdentityProvider

    def begin(self, **changes: Any) -> tuple[str, dict[str, str]]:
        """Go to the provider and come back: the state, and what the browser brings along."""
        begun = provider.begin(self.node, BACK, "en", anew=False, **changes)
        return begun.state, query_of(self.provider.give_code(begun.address))

    def finish(self, state: str, answer: dict[str, str], caller: Caller = HERE) -> Visit:
        begun_at = self.node.clock() - timedelta(seconds=20)
        return self.desk.visit(provider.finish(self.node, state, begun_at, answer, BACK, caller))

    def sign_in(self) -> Visit:
        return self.finish(*self.begin())

    def refusal(self, *answer: Any) -> Refused:
        with pytest.raises(Refused) as caught:
            self.finish(*(answer or self.begin()))
        return caught.value

    def with_settings(self, **changes: Any) -> "Door":
        oidc = replace(self.node.config.oidc, **changes)
        return replace(self, node=replace(self.node, config=replace(self.node.config, oidc=oidc)))

    def person(self) -> Person:
        return self.desk.again()


@contextmanager
def open_door(desk: Desk, folder: Path) -> Iterator[Door]:
    there = IdentityProvider(desk.clock, redirect_uri=BACK)
    secret = folder / "client-secret"
    secret.write_text(SECRET, "utf-8")
    secret.chmod(0o600)
    config = replace(
        desk.node.config,
        oidc=OidcConfig(issuer=there.issuer, client_id=CLIENT, secret_file=str(secret), acr="gold"),
        pull=PullConfig(private_addresses=True),
    )
    there.claims["acr"] = "gold"
    node = replace(desk.node, config=config)
    accounts.link(node, desk.ana.id, there.subject, "test")
    yield Door(replace(desk, node=node), node, there)
    there.close()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with open_desk(tmp_path) as desk, open_door(desk, tmp_path) as made:
        yield made


@pytest.fixture
def either_door(desk: Desk, tmp_path: Path) -> Iterator[Door]:
    """The same on each kind of database, for what is new there."""
    with open_door(desk, tmp_path) as made:
        yield made


def test_whom_the_provider_names_is_signed_in(door: Door) -> None:
    visit = door.sign_in()
    assert (visit.person.name, visit.session.device, visit.session.complete) == ("ana", HERE.device, True)
    assert visit.session.by_provider
    assert door.person().signed_in_at == door.node.clock()
    assert door.desk.journal()[0] == ("console:ana", "sign-in", "provider")
    assert door.desk.attempts() == 0


def test_what_is_asked_of_the_provider_says_no_more_than_it_must(door: Door) -> None:
    begun = provider.begin(door.node, BACK, "fr", anew=False)
    asked = query_of(begun.address)
    assert set(asked) == {
        "response_type", "client_id", "redirect_uri", "scope", "state", "nonce",
        "code_challenge", "code_challenge_method", "ui_locales", "acr_values",
    }  # fmt: skip
    assert (asked["scope"], asked["redirect_uri"], asked["ui_locales"]) == ("openid", BACK, "fr")
    assert (asked["code_challenge_method"], asked["state"]) == ("S256", begun.state)
    assert begun.state != provider.begin(door.node, BACK, "fr", anew=False).state
    anew = door.with_settings(max_age_minutes=60, acr="")
    asked = query_of(provider.begin(anew.node, BACK, "fr", anew=True).address)
    assert (asked["prompt"], asked["max_age"], "acr_values" in asked) == ("login", "3600", False)


def test_without_a_second_factor_of_the_provider_the_console_asks_for_its_own(door: Door) -> None:
    plain = door.with_settings(acr="")
    half = plain.sign_in()
    assert (half.session.complete, half.session.by_provider) == (False, True)
    assert ("console:ana", "sign-in", "provider") not in door.desk.journal()
    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    code = shown(secret, plain)
    token, codes = sign_in.confirm_enrolment(plain.node, half, secret, code)
    whole = door.desk.visit(token)
    assert (whole.session.complete, whole.session.by_provider, len(codes)) == (True, True, 10)
    assert door.desk.journal()[0] == ("console:ana", "sign-in", "provider")
    again = plain.sign_in()
    door.desk.clock.advance(seconds=30)
    assert door.desk.visit(sign_in.check_code(plain.node, again, shown(secret, plain), HERE))


def shown(secret: str, door: Door) -> str:
    return pyotp.TOTP(secret).at(int(door.node.clock().timestamp()))


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"acr": "bronze"}, Why.TOO_WEAK),
        ({"acr": None}, Why.TOO_WEAK),
        ({"aud": "another"}, Why.NOT_TRUSTED),
        ({"aud": [CLIENT, "another"]}, Why.NOT_TRUSTED),
        ({"azp": "another"}, Why.NOT_TRUSTED),
        ({"iss": "https://evil.example"}, Why.NOT_TRUSTED),
        ({"nonce": "of another sign-in"}, Why.NOT_TRUSTED),
        ({"nonce": None}, Why.NOT_TRUSTED),
        ({"sub": None}, Why.NOT_TRUSTED),
        ({"exp": 1}, Why.CLOCK),
        ({"iat": 4_000_000_000, "exp": 4_000_000_300}, Why.CLOCK),
    ],
)
def test_a_token_that_says_something_else_lets_nobody_in(
    door: Door, claims: dict[str, Any], why: Why
) -> None:
    door.provider.claims |= claims
    assert door.refusal().why is why
    actor, action, purpose = door.desk.journal()[0]
    assert (actor, action) == ("console:unknown", "sign-in.failed")
    assert purpose.startswith("provider: id token:")
    assert door.desk.attempts() == 1


def unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def signed_with_the_public_key(claims: dict[str, Any]) -> str:
    public = PRIVATE_KEYS["RS256"].public_key()
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = ({"alg": "HS256", "kid": "RS256"}, claims)
    signed = ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    mac = hmac.digest(secret, signed.encode(), hashlib.sha256)
    return f"{signed}.{urlsafe_b64encode(mac).decode().rstrip('=')}"


def signed_by_a_stranger(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, rsa.generate_private_key(65537, 2048), "RS256", {"kid": "RS256"})


@pytest.mark.parametrize("sign", [unsigned, signed_with_the_public_key, signed_by_a_stranger])
def test_a_token_that_the_provider_has_not_signed_lets_nobody_in(
    door: Door, sign: Callable[[dict[str, Any]], str]
) -> None:
    door.provider.sign = sign
    assert door.refusal().why is Why.NOT_TRUSTED


@pytest.mark.parametrize("algorithm", list(PRIVATE_KEYS))
def test_every_algorithm_of_the_list_does(door: Door, algorithm: str) -> None:
    door.provider.algorithm = algorithm
    assert door.sign_in().person.name == "ana"


def test_an_answer_counts_once(door: Door) -> None:
    state, answer = door.begin()
    door.finish(state, answer)
    assert door.refusal(state, answer).why is Why.LOST


def test_an_answer_of_another_sign_in_is_worth_nothing(door: Door) -> None:
    """Somebody else's code in one's own sign-in: its verifier is not the one that the provider was shown."""
    _, theirs = door.begin()
    state, own = door.begin()
    assert door.refusal(state, {**own, "code": theirs["code"]}).why is Why.LOST


def test_a_code_without_its_own_verifier_lets_nobody_in_even_if_the_provider_does_not_look(
    door: Door,
) -> None:
    """Where PKCE is not held to, the nonce is."""
    _, theirs = door.begin()
    door.provider.answers[TOKENS] = lambda: (
        200,
        {},
        json.dumps({"id_token": door.provider.token_for(door.provider._codes[theirs["code"]])}).encode(),
    )
    state, own = door.begin()
    assert door.refusal(state, {**own, "code": theirs["code"]}).why is Why.NOT_TRUSTED


def test_a_sign_in_that_took_too_long_is_begun_anew(door: Door) -> None:
    state, answer = door.begin()
    begun_at = door.node.clock()
    door.desk.clock.advance(minutes=10)
    for at in (begun_at, door.node.clock() + timedelta(seconds=1)):
        with pytest.raises(Refused) as caught:
            provider.finish(door.node, state, at, answer, BACK, HERE)
        assert caught.value.why is Why.LOST
    assert TOKENS not in door.provider.asked


def test_whoever_says_no_at_the_provider_is_not_signed_in(door: Door) -> None:
    state, _ = door.begin()
    refused = door.refusal(state, {"error": "access_denied", "error_description": "<b>", "state": state})
    assert refused.why is Why.DECLINED
    assert TOKENS not in door.provider.asked


def test_an_answer_names_its_issuer_where_the_provider_says_so(door: Door) -> None:
    door.provider.configuration["authorization_response_iss_parameter_supported"] = True
    state, answer = door.begin()
    assert answer["iss"] == door.provider.issuer
    for changed in ({"iss": "https://evil.example"}, {"iss": ""}):
        assert door.refusal(state, {**answer, **changed}).why is Why.NOT_TRUSTED
    assert door.refusal(state, {"code": answer["code"], "state": state}).why is Why.NOT_TRUSTED
    assert TOKENS not in door.provider.asked
    assert door.finish(state, answer).person.name == "ana"


def test_an_issuer_that_is_not_announced_is_looked_at_all_the_same(door: Door) -> None:
    state, answer = door.begin()
    assert door.refusal(state, {**answer, "iss": "https://evil.example"}).why is Why.NOT_TRUSTED


def test_whom_nobody_is_linked_to_is_refused_and_reads_out_a_reference(either_door: Door) -> None:
    door = either_door
    door.provider.subject = "somebody@police.example"
    refused = door.refusal()
    assert refused.why is Why.NOT_LINKED
    assert references.is_reference(refused.reference)
    line = ("console:unknown", "sign-in.failed", f"provider: not linked, {refused.reference}")
    assert door.desk.journal()[0] == line
    assert door.refusal().reference == refused.reference
    assert len(accounts.list_people(door.node)) == 1
    with reading(door.node.engine) as conn:
        (kept,) = conn.execute(people.unlinked_identity.select()).all()
    assert b"somebody" not in kept.identity
    assert "somebody" not in repr(door.desk.journal())


def test_an_administrator_links_an_account_by_the_reference(either_door: Door) -> None:
    door = either_door
    door.provider.subject = "new-officer"
    reference = door.refusal().reference
    new, password = accounts.add_person(door.node, "leila", "Leïla", [Role.OPERATOR], "test", None, reference)
    assert (new.subject, new.password_hash, new.must_change, password) == ("new-officer", None, False, "")
    assert ("test", "person.link", f"leila {reference}") in door.desk.journal()
    assert door.sign_in().person.name == "leila"
    with pytest.raises(InvalidInput):  # it has served
        accounts.link(door.node, door.desk.ana.id, reference, "test")


def test_a_reference_ends_after_a_week(either_door: Door) -> None:
    door = either_door
    door.provider.subject = "new-officer"
    reference = door.refusal().reference
    door.desk.clock.advance(days=7)
    with pytest.raises(InvalidInput, match="Nobody was refused"):
        accounts.link(door.node, door.desk.ana.id, reference, "test")
    sessions.forget_old(door.node)
    with reading(door.node.engine) as conn:
        assert conn.execute(people.unlinked_identity.select()).all() == []


@pytest.mark.parametrize("subject", ["", " ", "a" * 256, "a\x00b", "ليلى", "abcde-fghjk"])
def test_what_no_provider_calls_anybody_cannot_be_linked(door: Door, subject: str) -> None:
    with pytest.raises(InvalidInput):
        accounts.link(door.node, door.desk.ana.id, subject, "test")


def test_two_accounts_are_not_linked_to_one_person(either_door: Door) -> None:
    door = either_door
    for add in (
        lambda: accounts.add_person(door.node, "b", "B", [Role.ANALYST], "test", None, door.provider.subject),
        lambda: accounts.add_person(door.node, "bo", "B", [Role.ANALYST], "t", None, door.provider.subject),
    ):
        with pytest.raises((Conflict, InvalidInput)):
            add()
    other, _ = accounts.add_person(door.node, "bo", "B", [Role.ANALYST], "test", PASSWORD)
    with pytest.raises(Conflict):
        accounts.link(door.node, other.id, door.provider.subject, "test")
    accounts.link(door.node, door.desk.ana.id, door.provider.subject, "test")  # as it was


def test_the_same_subject_of_another_issuer_is_somebody_else(door: Door) -> None:
    other = IdentityProvider(door.desk.clock, redirect_uri=BACK, claims={"acr": "gold"})
    try:
        assert other.subject == door.provider.subject
        there = replace(door.with_settings(issuer=other.issuer), provider=other)
        assert there.refusal().why is Why.NOT_LINKED
    finally:
        other.close()


def test_somebody_who_is_disabled_is_refused(door: Door) -> None:
    accounts.add_person(door.node, "boss", "Boss", [Role.ADMINISTRATOR], "test", PASSWORD)
    accounts.disable(door.node, door.desk.ana.id, "test")
    refused = door.refusal()
    assert (refused.why, refused.reference) == (Why.DISABLED, "")
    assert door.desk.journal()[0] == ("console:ana", "sign-in.failed", "provider: disabled")


def test_a_link_that_is_made_or_ended_ends_the_sessions(door: Door) -> None:
    for change in (
        lambda: accounts.link(door.node, door.desk.ana.id, door.provider.subject, "test"),
        lambda: accounts.unlink(door.node, door.desk.ana.id, "test"),
    ):
        token = provider.finish(door.node, *_begun(door))
        change()
        assert sessions.find_visit(door.node, token) is None
    assert door.desk.journal()[0][:2] == ("test", "person.unlink")
    assert door.refusal().why is Why.NOT_LINKED


def _begun(door: Door) -> Any:
    state, answer = door.begin()
    return state, door.node.clock(), answer, BACK, HERE


def test_a_provider_that_is_down_is_nobodys_failure(door: Door) -> None:
    state, answer = door.begin()
    door.provider.answers[TOKENS] = lambda: (503, {}, b"")
    assert door.refusal(state, answer).why is Why.NO_ANSWER
    assert door.desk.attempts() == 0
    door.provider.close()
    fresh = door.with_settings(label="as if started anew")
    with pytest.raises(Refused) as caught:
        provider.begin(fresh.node, BACK, "en", anew=False)
    assert caught.value.why is Why.NO_ANSWER
    assert provider.sign_out_address(fresh.node, BACK) == ""
    door.provider = IdentityProvider(door.desk.clock)  # for the fixture to close
    door.provider.close()


def test_an_address_that_guesses_codes_is_stopped(door: Door) -> None:
    config = replace(door.node.config, console=ConsoleConfig(address_failures=3))
    limited = replace(door, node=replace(door.node, config=config))
    state, _ = limited.begin()
    for _ in range(3):
        assert limited.refusal(state, {"code": "guess"}).why is Why.LOST
    with pytest.raises(TooOften):
        limited.finish(state, {"code": "guess"})
    asked = len(door.provider.asked)
    with pytest.raises(TooOften):
        limited.finish(*limited.begin())
    assert door.provider.asked[asked:] == []
    elsewhere = Caller("198.51.100.9", "Firefox")
    assert limited.finish(*limited.begin(), elsewhere).person.name == "ana"


def test_a_password_opens_nothing_where_passwords_do_not_count(door: Door) -> None:
    shut = door.with_settings(passwords=False)
    with pytest.raises(NotAllowed):
        sign_in.check_password(shut.node, "ana", PASSWORD, HERE)
    made, password = accounts.add_person(shut.node, "bo", "Bo", [Role.ANALYST], "test")
    assert (password, made.password_hash) == ("", None)


def test_somebody_without_a_password_does_not_sign_in_with_one(door: Door) -> None:
    made, _ = accounts.add_person(door.node, "bo", "Bo", [Role.ANALYST], "test", None, "bo-there")
    for guess in ("", "None", PASSWORD):
        with pytest.raises(NotAllowed):
            sign_in.check_password(door.node, "bo", guess, HERE)
    given = accounts.reset_password(door.node, made.id, "test")
    assert sign_in.check_password(door.node, "bo", given, HERE)


def test_the_way_out_of_the_provider_names_nobody(door: Door) -> None:
    address = provider.sign_out_address(door.node, "http://127.0.0.1:8441/sign-in")
    assert query_of(address) == {
        "client_id": CLIENT,
        "post_logout_redirect_uri": "http://127.0.0.1:8441/sign-in",
    }
    door.provider.configuration["end_session_endpoint"] = "javascript:alert(1)"
    broken = door.with_settings(label="as if started anew")
    assert provider.sign_out_address(broken.node, BACK) == ""


def test_settings_that_do_not_fit_are_refused(door: Door) -> None:
    provider.check_settings(door.node)
    with pytest.raises(InvalidInput):
        provider.check_settings(door.with_settings(client_id="").node)
    free = replace(door.node.config, console=ConsoleConfig(port=0))
    with pytest.raises(InvalidInput):
        provider.check_settings(replace(door.node, config=free))
