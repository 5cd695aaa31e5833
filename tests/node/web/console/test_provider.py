"""The way in through the identity provider, page by page: cookies, addresses, words, and kept forms."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from node.config import OidcConfig, PullConfig
from node.domain.permissions import Role
from node.errors import InvalidInput
from node.services.people import accounts
from node.store import journal
from node.store.database import reading
from node.web.console import make_console_app
from tests.node.web.console.conftest import PASSWORD, Console, csrf_token, send
from tests.providers import CLIENT, SECRET, IdentityProvider, query_of

ADDRESS = "https://console.police.example"
ANSWER = "/sign-in/provider/answer"
BACK = f"http://127.0.0.1:8441{ANSWER}"


@dataclass
class Entrance:
    """A console with an identity provider, to which its operator is linked."""

    console: Console
    provider: IdentityProvider

    def configured(self, address: str = "", failures: int = 30, **changes: object) -> "Entrance":
        node = self.console.node
        config = replace(
            node.config,
            oidc=replace(node.config.oidc, **changes),  # type: ignore[arg-type]
            console=replace(node.config.console, address=address, address_failures=failures),
        )
        node = replace(node, config=config)
        return replace(self, console=replace(self.console, node=node, app=make_console_app(node)))

    def browser(self) -> FlaskClient:
        return self.console.app.test_client()

    def come_back(self, client: FlaskClient) -> TestResponse:
        """Go to the provider, sign in there, and bring its answer along."""
        return client.get(self.answer(client))

    def answer(self, client: FlaskClient) -> str:
        """Go to the provider and sign in there; give the address that it sends the browser to."""
        gone = client.get("/sign-in/provider")
        assert gone.status_code == 303
        back = urlsplit(self.provider.give_code(gone.headers["Location"]))
        return f"{back.path}?{back.query}"

    def refusal(self, client: FlaskClient, address: str) -> str:
        """Bring an answer along that is refused, and give what the page says about it."""
        answer = client.get(address)
        assert (answer.status_code, answer.location) == (303, "/sign-in")
        assert client.get("/account").location == "/sign-in"
        page = client.get("/sign-in").text
        found = re.search(r'class="message error"><p><strong>Not done:</strong> ([^<]+)<', page)
        assert found, page
        return found[1]


@pytest.fixture
def entrance(console: Console, tmp_path: Path) -> Iterator[Entrance]:
    there = IdentityProvider(console.node.clock, redirect_uri=BACK, claims={"amr": ["pwd", "mfa"]})
    secret = tmp_path / "client-secret"
    secret.write_text(SECRET, "utf-8")
    secret.chmod(0o600)
    oidc = OidcConfig(
        issuer=there.issuer, client_id=CLIENT, secret_file=str(secret), label="Police account", amr="mfa"
    )
    config = replace(console.node.config, oidc=oidc, pull=PullConfig(private_addresses=True))
    node = replace(console.node, config=config)
    accounts.link(node, console.people[Role.OPERATOR].id, there.subject, "test")
    yield Entrance(replace(console, node=node, app=make_console_app(node)), there)
    there.close()


def test_an_officer_comes_in_through_the_provider(entrance: Entrance) -> None:
    client = entrance.browser()
    page = client.get("/sign-in").text
    assert 'href="/sign-in/provider">Sign in with Police account</a>' in page
    answer = entrance.come_back(client)
    assert (answer.status_code, answer.location) == (303, "/")
    assert "operator" in client.get("/account").text
    # Brought along once more, by the button that goes back, it changes nothing and says nothing.
    assert client.get(f"{ANSWER}?code=x&state=y").location == "/"


def test_the_provider_is_asked_to_send_people_to_the_address_that_they_type(entrance: Entrance) -> None:
    there = entrance.configured(address=ADDRESS)
    gone = there.browser().get("/sign-in/provider", base_url=ADDRESS, headers={"X-Forwarded-Host": "evil"})
    asked = query_of(gone.headers["Location"])
    assert asked["redirect_uri"] == f"{ADDRESS}{ANSWER}"
    assert "Secure" in gone.headers["Set-Cookie"]
    assert query_of(entrance.browser().get("/sign-in/provider").headers["Location"])["redirect_uri"] == BACK


def test_nothing_of_the_answer_stays_in_an_address_or_a_page(entrance: Entrance) -> None:
    client = entrance.browser()
    address = entrance.answer(client)
    code = query_of(address)["code"]
    answer = client.get(address)
    assert code not in answer.text + str(answer.headers)
    assert (answer.headers["Referrer-Policy"], answer.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "form-action 'self'" in answer.headers["Content-Security-Policy"]


def test_a_form_outlives_its_session(entrance: Entrance) -> None:
    node, who = entrance.console.node, entrance.console.people[Role.ADMINISTRATOR]
    accounts.link(node, who.id, "the-administrator", "test")
    entrance.provider.subject = "the-administrator"
    client = entrance.browser()
    assert entrance.come_back(client).location == "/"
    token = csrf_token(client.get("/people/new"))
    entrance.console.federation.clock.advance(minutes=31)
    fields = {"name": "leila", "full_name": "Leïla <b>", "subject": "leila-there", "roles": ["operator"]}
    answer = client.post("/people/new", data={"csrf_token": token, **fields})
    assert answer.location == "/sign-in"
    assert "What you had entered is kept" in client.get("/sign-in").text
    assert entrance.come_back(client).location == "/people/new"
    page = client.get("/people/new")
    assert "It is as you left it" in page.text
    assert 'value="Leïla &lt;b&gt;"' in page.text
    answer = client.post("/people/new", data={"csrf_token": csrf_token(page), **fields})
    made = accounts.find_person_by_name(node, "leila")
    assert (made.subject, made.password_hash) == ("leila-there", None)
    assert answer.location == f"/people/{made.id}"


@pytest.mark.parametrize(
    "path", ["//evil.example/x", "/%5Cevil.example", "https://evil.example/", "/people?next=//evil.example"]
)
def test_nobody_is_led_elsewhere_afterwards(entrance: Entrance, path: str) -> None:
    client = entrance.browser()
    client.get(f"/sign-in?next={path}&back={path}")
    client.get(path)
    client.get(f"/sign-in/provider?next={path}&redirect_uri={path}")
    assert query_of(client.get("/sign-in/provider").headers["Location"])["redirect_uri"] == BACK
    back = urlsplit(entrance.come_back(client).location)
    assert (back.scheme, back.netloc) == ("", "")
    assert back.path.startswith("/")
    assert not back.path.startswith(("//", "/\\"))


def test_a_sign_in_that_somebody_else_began_is_not_finished_here(entrance: Entrance) -> None:
    """Somebody sends a victim the address that ends their own sign-in, to have the victim work under their
    name."""
    attacker, victim = entrance.browser(), entrance.browser()
    address = entrance.answer(attacker)
    assert "not begun in this browser" in entrance.refusal(victim, address)
    entrance.answer(victim)  # one of the victim's own is under way
    assert "not begun in this browser" in entrance.refusal(victim, address)
    assert attacker.get(address).location == "/"


def test_an_answer_counts_once_in_one_browser(entrance: Entrance) -> None:
    client = entrance.browser()
    address = entrance.answer(client)
    client.get(address)
    client.post("/sign-out", data={"csrf_token": csrf_token(client.get("/account"))})
    assert "used already" in entrance.refusal(client, address)


def test_an_answer_is_late_after_ten_minutes(entrance: Entrance) -> None:
    client = entrance.browser()
    address = entrance.answer(client)
    entrance.console.federation.clock.advance(minutes=10)
    assert "took too long" in entrance.refusal(client, address)


def test_two_tabs_do_not_stand_in_each_others_way(entrance: Entrance) -> None:
    client = entrance.browser()
    first = entrance.answer(client)
    for _ in range(2):
        entrance.answer(client)
    assert client.get(first).location == "/"
    other = entrance.browser()
    oldest = entrance.answer(other)
    for _ in range(3):
        entrance.answer(other)
    assert "not begun in this browser" in entrance.refusal(other, oldest)


@pytest.mark.parametrize("query", ["", "state=", "code=x", "state=a&state=b&code=x", "error=%3Cscript%3E"])
def test_an_answer_that_is_none_is_refused(entrance: Entrance, query: str) -> None:
    assert "Begin again" in entrance.refusal(entrance.browser(), f"{ANSWER}?{query}")


def test_a_page_of_somebody_else_begins_nothing(entrance: Entrance) -> None:
    client = entrance.browser()
    for site in ("cross-site", "same-site"):
        answer = client.get("/sign-in/provider", headers={"Sec-Fetch-Site": site})
        assert answer.location == "/sign-in"
    assert client.get("/sign-in/provider", headers={"Sec-Fetch-Site": "same-origin"}).location != "/sign-in"


def test_every_refusal_says_what_to_do(entrance: Entrance) -> None:
    there = entrance.provider
    said = set()
    for claims, words in (
        ({"amr": ["pwd"]}, "without the second factor"),
        ({"amr": ["mfa"], "iat": 4_000_000_000, "exp": 4_000_000_100}, "clocks"),
        ({"amr": ["mfa"], "aud": "another"}, "cannot be trusted"),
        ({"amr": ["mfa"], "sub": "a stranger"}, "Read this reference out to your administrator"),
    ):
        there.claims = claims
        client = entrance.browser()
        text = entrance.refusal(client, entrance.answer(client))
        assert words in text
        assert "a stranger" not in text
        said.add(text)
    there.claims = {"amr": ["mfa"]}
    node = entrance.console.node
    accounts.disable(node, entrance.console.people[Role.OPERATOR].id, "test")
    client = entrance.browser()
    said.add(entrance.refusal(client, entrance.answer(client)))
    state = query_of(entrance.answer(client))["state"]
    said.add(entrance.refusal(client, f"{ANSWER}?error=access_denied&state={state}"))
    there.answers["/realms/police/token"] = lambda: (500, {}, b"")
    text = entrance.refusal(client, entrance.answer(client))
    assert "does not answer" in text
    assert len(said | {text}) == 7


def test_the_way_in_says_so_when_the_provider_is_down(entrance: Entrance) -> None:
    entrance.provider.answers["/realms/police/.well-known/openid-configuration"] = lambda: (502, {}, b"")
    client = entrance.browser()
    assert "does not answer" in entrance.refusal(client, "/sign-in/provider")


def test_whoever_tries_too_often_is_told_how_long_to_wait(entrance: Entrance) -> None:
    there = entrance.configured(failures=1)
    client = there.browser()
    state = query_of(there.answer(client))["state"]
    there.refusal(client, f"{ANSWER}?code=guess&state={state}")
    answer = there.come_back(client)
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert "too many attempts. Wait 16 minutes" in client.get("/sign-in").text
    assert client.get("/account").location == "/sign-in"


def test_without_the_providers_second_factor_the_console_asks_for_its_own(entrance: Entrance) -> None:
    plain = entrance.configured(amr="")
    client = plain.browser()
    client.get("/account")
    assert plain.come_back(client).location == "/sign-in/code"
    assert client.get("/people").location == "/sign-in"
    assert send(client, "/sign-in/code", code=plain.console.code()).location == "/people"


def test_whoever_signs_out_may_sign_out_there_too(entrance: Entrance) -> None:
    client = entrance.browser()
    entrance.come_back(client)
    client.post("/sign-out", data={"csrf_token": csrf_token(client.get("/account"))})
    page = client.get("/sign-in").text
    assert "still open" in page
    assert 'href="/sign-out/provider"' in page
    address = client.get("/sign-out/provider").headers["Location"]
    assert query_of(address) == {
        "client_id": CLIENT,
        "post_logout_redirect_uri": "http://127.0.0.1:8441/sign-in",
    }
    # The next one at this computer must prove who they are.
    assert query_of(client.get("/sign-in/provider").headers["Location"])["prompt"] == "login"
    entrance.come_back(client)
    assert "prompt" not in query_of(entrance.browser().get("/sign-in/provider").headers["Location"])
    with_password = entrance.browser()
    send(with_password, "/sign-in", name="auditor", password=PASSWORD)
    send(with_password, "/sign-in/code", code=entrance.console.code())
    with_password.post("/sign-out", data={"csrf_token": csrf_token(with_password.get("/account"))})
    assert "still open" not in with_password.get("/sign-in").text


def test_a_provider_that_ends_no_sessions_is_no_dead_end(entrance: Entrance) -> None:
    entrance.provider.configuration["end_session_endpoint"] = "http://user@evil.example/"
    there = entrance.configured(label="as if started anew")
    client = there.browser()
    assert client.get("/sign-out/provider").location == "/sign-in"
    assert "Close the browser" in client.get("/sign-in").text


def test_where_passwords_do_not_count_nobody_is_asked_for_one(entrance: Entrance) -> None:
    shut = entrance.configured(passwords=False)
    client = shut.browser()
    page = client.get("/sign-in")
    assert 'type="password"' not in page.text
    fields = {"csrf_token": csrf_token(page), "name": "operator", "password": PASSWORD}
    assert client.post("/sign-in", data=fields).status_code == 200
    assert client.get("/account").location == "/sign-in"
    shut.come_back(client)
    assert "Change the password" not in client.get("/account").text


def test_whoever_must_choose_a_password_need_not_if_they_came_in_without(entrance: Entrance) -> None:
    node, who = entrance.console.node, entrance.console.people[Role.OPERATOR]
    accounts.reset_password(node, who.id, "test")
    client = entrance.browser()
    assert entrance.come_back(client).location == "/"
    assert client.get("/").status_code == 200


def test_an_administrator_links_an_account_and_ends_the_link(entrance: Entrance) -> None:
    entrance.provider.subject = "new-officer"
    stranger = entrance.browser()
    text = entrance.refusal(stranger, entrance.answer(stranger))
    reference = text.rpartition(" ")[2]
    client = entrance.console.browser(Role.ADMINISTRATOR)
    other = entrance.console.people[Role.ANALYST]
    address = f"/people/{other.id}/link"
    assert "within the last days" in send(client, address, subject="aaaaa-bbbbb").text
    assert "Another account is linked" in send(client, address, subject="c0ffee-officer").text
    assert send(client, address, subject=reference.upper()).location == f"/people/{other.id}"
    assert f"linked, reference {reference}" in client.get(f"/people/{other.id}").text
    assert entrance.come_back(stranger).location == "/account"
    assert send(client, f"/people/{other.id}/unlink").location == f"/people/{other.id}"
    assert "not linked" in client.get(f"/people/{other.id}").text
    assert stranger.get("/account").location == "/sign-in"
    with reading(entrance.console.node.engine) as conn:
        found = [(line.action, line.purpose) for line in journal.read_journal(conn)]
    assert ("person.link", f"analyst {reference}") in found
    assert ("person.unlink", "analyst") in found


def test_a_new_person_is_linked_at_once_or_the_form_says_why_not(entrance: Entrance) -> None:
    client = entrance.console.browser(Role.ADMINISTRATOR)
    fields = {"name": "leila", "full_name": "Leïla", "roles": ["operator"]}
    assert "Another account" in send(client, "/people/new", subject="c0ffee-officer", **fields).text
    assert (
        "There is somebody of this name"
        in send(client, "/people/new", subject="x", **{**fields, "name": "auditor"}).text
    )
    assert "shown only now" in send(client, "/people/new", subject="", **fields).text


def test_without_a_provider_there_is_no_trace_of_one(console: Console) -> None:
    client = console.browser()
    assert "provider" not in client.get("/sign-in").text
    for path in ("/sign-in/provider", "/sign-out/provider"):
        assert client.get(path).location == "/sign-in"
    assert client.get(f"{ANSWER}?code=x&state=y").location == "/"
    other = console.people[Role.ANALYST].id
    administrator = console.browser(Role.ADMINISTRATOR)
    assert administrator.get(f"/people/{other}/link").location == f"/people/{other}"
    assert "dentity provider" not in administrator.get(f"/people/{other}").text
    assert 'name="subject"' not in administrator.get("/people/new").text


def test_a_console_whose_provider_does_not_fit_does_not_start(entrance: Entrance) -> None:
    for changes in ({"client_id": ""}, {"issuer": "not an address"}, {"secret_file": "/no/such/file"}):
        with pytest.raises(InvalidInput):
            entrance.configured(**changes)
