"""What holds requests to the rules: cookies, hosts, sessions that end, and forms that outlive them."""

import re
from dataclasses import replace
from html import unescape
from unittest.mock import patch

import pytest
from flask.testing import FlaskClient
from werkzeug.formparser import FormDataParser
from werkzeug.test import TestResponse

from node.config import ConsoleConfig
from node.domain.permissions import Role
from node.errors import InvalidInput, NotFound
from node.services.people import accounts, sessions
from node.services.register import cases as register
from node.store import journal, marks
from node.store.database import reading, writing
from node.web.console import make_console_app
from node.web.console.base.guard import MAX_FIELDS, MAX_STRANGERS_BYTES
from node.web.console.base.paging import PAGE_SIZE
from node.web.console.base.refusals import say_refusal
from tests.factories import sample_record
from tests.node.web.console.conftest import PASSWORD, Console, csrf_token, send

ADDRESS = "https://console.police.example"


def configured(console: Console, **settings: object) -> Console:
    config = replace(console.node.config, console=ConsoleConfig(**settings))  # type: ignore[arg-type]
    node = replace(console.node, config=config)
    return replace(console, node=node, app=make_console_app(node))


def test_the_cookie_cannot_be_read_or_changed_and_goes_to_this_host_alone(console: Console) -> None:
    there = configured(console, address=ADDRESS)
    client = there.app.test_client()
    answer = client.get("/sign-in", base_url=ADDRESS)
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-gmcn-police.fr.example=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert "Expires" not in cookie
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
    quiet = configured(console, address=ADDRESS, hsts=False)
    assert "Strict-Transport-Security" not in quiet.app.test_client().get("/", base_url=ADDRESS).headers


def test_on_loopback_the_cookie_is_plain_and_named_after_the_member(console: Console) -> None:
    (cookie,) = console.app.test_client().get("/sign-in").headers.getlist("Set-Cookie")
    assert cookie.startswith("gmcn-police.fr.example=")
    assert "Secure" not in cookie


@pytest.mark.parametrize("value", ["", "x", "é", "AAAA", "A" * 4_000, "=" * 50])
def test_a_cookie_that_does_not_open_is_as_good_as_none(console: Console, value: str) -> None:
    client = console.app.test_client()
    client.set_cookie(console.app.config["SESSION_COOKIE_NAME"], value)
    assert client.get("/account").location == "/sign-in"


def test_a_changed_cookie_does_not_open(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    assert client.get("/account").status_code == 200
    name = console.app.config["SESSION_COOKIE_NAME"]
    cookie = client.get_cookie(name)
    assert cookie is not None
    assert "token" not in cookie.value
    client.set_cookie(name, cookie.value[:-8] + "AAAAAAA=")
    assert client.get("/account").location == "/sign-in"


@pytest.mark.parametrize(
    "host", ["evil.example", "console.police.example", "127.0.0.1.evil.example", "[", ""]
)
def test_no_other_name_is_answered(console: Console, host: str) -> None:
    answer = console.app.test_client().get("/sign-in", headers={"Host": host})
    assert answer.status_code == 400


def test_the_name_that_people_type_is_answered_and_no_other(console: Console) -> None:
    client = configured(console, address=ADDRESS).app.test_client()
    assert client.get("/sign-in", base_url=ADDRESS).status_code == 200
    assert client.get("/sign-in", base_url="https://127.0.0.1").status_code == 400


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "0.0.0.0"},
        {"address": "http://console.police.example"},
        {"address": "console.police.example"},
        {"address": "https://"},
        {"address": "https://console.police.example/console"},
        {"timezone": "Paris"},
    ],
)
def test_settings_that_do_not_fit_are_refused(console: Console, settings: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        configured(console, **settings)


def test_behind_a_proxy_the_caller_is_who_asked_the_proxy(console: Console) -> None:
    there = configured(console, address=ADDRESS, address_failures=1)
    client = there.app.test_client()
    token = csrf_token(client.get("/sign-in", base_url=ADDRESS))
    data = {"csrf_token": token, "name": "nobody", "password": "x"}
    statuses = [
        client.post("/sign-in", base_url=ADDRESS, data=data, headers={"X-Forwarded-For": chain}).status_code
        for chain in ("192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3, 192.0.2.2")
    ]
    assert statuses == [200, 429, 200, 429]


def test_a_form_outlives_its_session_without_any_script(console: Console) -> None:
    client = console.browser(Role.ADMINISTRATOR)
    page = client.get("/people/new")
    console.federation.clock.advance(minutes=31)
    fields = {"name": "leila", "full_name": "Leïla <b>", "roles": ["operator", "approver"]}
    answer = client.post("/people/new", data={"csrf_token": csrf_token(page), **fields})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert "What you had entered is kept" in client.get("/sign-in").text
    send(client, "/sign-in", name="administrator", password=PASSWORD)
    answer = send(client, "/sign-in/code", code=console.code())
    assert answer.location == "/people/new"
    page = client.get("/people/new")
    assert "It is as you left it" in page.text
    assert 'value="Leïla &lt;b&gt;"' in page.text
    assert page.text.count(" checked") == 2
    client.post("/people/new", data={"csrf_token": csrf_token(page), **fields})
    assert accounts.find_person_by_name(console.node, "leila").full_name == "Leïla <b>"
    assert "It is as you left it" not in client.get("/people/new").text


def test_somebody_else_who_signs_in_does_not_get_the_form(console: Console) -> None:
    client = console.browser(Role.ADMINISTRATOR)
    token = csrf_token(client.get("/people/new"))
    console.federation.clock.advance(minutes=31)
    client.post("/people/new", data={"csrf_token": token, "name": "leila"})
    accounts.set_roles(
        console.node, console.people[Role.AUDITOR].id, [Role.AUDITOR, Role.ADMINISTRATOR], "test"
    )
    send(client, "/sign-in", name="auditor", password=PASSWORD)
    send(client, "/sign-in/code", code=console.code())
    assert "leila" not in client.get("/people/new").text


def test_a_forged_form_is_not_kept(console: Console) -> None:
    client = console.browser(Role.ADMINISTRATOR)
    client.get("/people/new")
    console.federation.clock.advance(minutes=31)
    assert client.post("/people/new", data={"name": "leila"}).status_code == 400
    assert sessions.find_form(console.node, console.people[Role.ADMINISTRATOR], "/people/new") is None


def test_passwords_are_not_kept(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    token = csrf_token(client.get("/account/password"))
    console.federation.clock.advance(minutes=31)
    client.post("/account/password", data={"csrf_token": token, "old_password": PASSWORD})
    kept = sessions.find_form(console.node, console.people[Role.OPERATOR], "/account/password")
    assert PASSWORD not in repr(kept)


def test_a_button_without_a_page_says_that_nothing_was_done(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    token = csrf_token(client.get("/account"))
    console.federation.clock.advance(minutes=31)
    client.post("/account/sessions/end-others", data={"csrf_token": token})
    assert "nothing was changed" in client.get("/sign-in").text
    send(client, "/sign-in", name="operator", password=PASSWORD)
    assert send(client, "/sign-in/code", code=console.code()).location == "/"


def test_a_part_of_a_page_says_so_in_its_messages(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    console.federation.clock.advance(minutes=31)
    answer = client.get("/account", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (401, "#messages")
    assert "<html" not in answer.text
    answer = console.browser(Role.OPERATOR).get("/people", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (403, "#messages")


def test_somebody_comes_back_to_the_page_they_wanted(console: Console) -> None:
    client = console.app.test_client()
    client.get("/people?page=1")
    send(client, "/sign-in", name="administrator", password=PASSWORD)
    assert send(client, "/sign-in/code", code=console.code()).location == "/people?page=1"


@pytest.mark.parametrize(
    "back",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "evil", "/a\r\nX: y"],
)
def test_nobody_is_led_elsewhere(console: Console, back: str) -> None:
    client = console.app.test_client()
    token = csrf_token(client.get("/sign-in"))
    answer = client.post("/language", data={"csrf_token": token, "language": "fr", "back": back})
    assert answer.location == "/"


def test_a_zero_byte_in_an_address_leads_nowhere(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    for address in ("/cases/a%00b", "/cases/import/%00", "/searches/%00/rename", "/cases?status=%00"):
        assert client.get(address).status_code == 404


def test_a_link_without_end_leaves_the_cookie_small(console: Console) -> None:
    client = console.browser()
    answer = client.get(f"/cases?x={'A' * 6_000}")
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert len(answer.headers["Set-Cookie"]) < 1_000


def test_the_language_is_the_persons_then_the_browsers(console: Console) -> None:
    client = console.app.test_client()
    assert 'lang="ru"' in client.get("/sign-in", headers={"Accept-Language": "de, ru-RU"}).text
    assert 'lang="en" dir' in client.get("/sign-in", headers={"Accept-Language": "de"}).text
    operator = console.browser(Role.OPERATOR)
    token = csrf_token(operator.get("/account"))
    for language in ("ar", "xx", ""):
        operator.post("/language", data={"csrf_token": token, "language": language, "back": "/account"})
    assert 'lang="ar" dir="rtl"' in console.browser(Role.OPERATOR).get("/account").text


def test_a_password_that_somebody_else_made_is_changed_first(console: Console) -> None:
    other = console.people[Role.ANALYST]
    password = accounts.reset_password(console.node, other.id, "test")
    client = console.browser(Role.ANALYST)
    for path in ("/", "/account", "/account/recovery-codes"):
        assert client.get(path).location == "/account/password"
    data = {"old_password": password, "new_password": "four words on paper"}
    send(client, "/account/password", **data, repeated_password="four words on paper")
    assert client.get("/account").status_code == 200


def test_too_much_is_refused_before_it_is_read(console: Console) -> None:
    client = console.browser(Role.ADMINISTRATOR)
    token = csrf_token(client.get("/people/new"))
    answer = client.post("/people/new", data={"csrf_token": token, "name": "x" * (3 << 20)})
    assert answer.status_code == 413
    assert "too large" in answer.text


def test_a_form_of_countless_fields_is_refused_before_it_is_taken_apart(console: Console) -> None:
    """A field of five bytes costs a hundred times as much once it is an object."""
    client = console.browser(Role.ADMINISTRATOR)
    token = csrf_token(client.get("/people/new"))
    fields = {"csrf_token": token, **{f"field{number}": "" for number in range(MAX_FIELDS - 1)}}
    assert client.post("/people/new", data=fields).status_code == 200
    few, many = "a&" * 30_000, "a&" * 900_000
    with patch.object(FormDataParser, "parse") as parse:
        for sender, path, body in (
            (client, "/people/new", many),
            (console.browser(), "/sign-in", few),
            (console.browser(), "/sign-in", many),
        ):
            answer = sender.post(path, data=body, content_type="application/x-www-form-urlencoded")
            assert answer.status_code == 413
    assert not parse.called


def test_of_somebody_who_has_not_signed_in_little_is_read(console: Console) -> None:
    client = console.browser()
    send(client, "/sign-in", name="operator", password=PASSWORD)  # the first step is not enough
    for sender in (client, console.browser()):
        with patch.object(FormDataParser, "parse") as parse:
            assert sender.post("/sign-in", data={"name": "x" * MAX_STRANGERS_BYTES}).status_code == 413
            answer = sender.post("/people/new", data={"name": "x" * MAX_STRANGERS_BYTES})
        assert not parse.called
        assert (answer.status_code, answer.location) == (303, "/sign-in")
        assert "nothing was changed" in sender.get("/sign-in").text


def test_a_restored_node_shows_nothing_until_it_has_asked_its_peers(console: Console) -> None:
    with writing(console.node.engine) as conn:
        marks.set_mark(conn, marks.RESTORED, console.node.clock(), "")
    assert console.browser(Role.OPERATOR).get("/").status_code == 409


def test_script_in_a_name_is_text(console: Console) -> None:
    made, _ = accounts.add_person(
        console.node, "eve", "<script>alert(1)</script>", [Role.OPERATOR], "test", PASSWORD
    )
    client = console.browser(Role.ADMINISTRATOR)
    for path in ("/people", f"/people/{made.id}", f"/people/{made.id}/disable", "/"):
        assert "<script>alert" not in client.get(path).text


@pytest.mark.parametrize("person_id", ["0", "x" * 500, "..%2f..", "%00", "1' OR '1'='1"])
def test_a_forged_id_leads_nowhere(console: Console, person_id: str) -> None:
    client = console.browser(Role.ADMINISTRATOR)
    for what in ("", "/roles", "/disable", "/reset-password"):
        assert client.get(f"/people/{person_id}{what}").status_code in (404, 400)


def test_roles_that_there_are_not_are_refused(console: Console) -> None:
    other = console.people[Role.ANALYST]
    client = console.browser(Role.ADMINISTRATOR)
    answer = send(client, f"/people/{other.id}/roles", roles=["owner"])
    assert answer.status_code == 200
    assert accounts.find_person(console.node, other.id).roles == {Role.ANALYST}


def test_the_journal_names_who_did_it(console: Console) -> None:
    other = console.people[Role.ANALYST]
    client = console.browser(Role.ADMINISTRATOR)
    send(client, f"/people/{other.id}/disable")
    with reading(console.node.engine) as conn:
        line = journal.read_journal(conn)[0]
    assert (line.actor, line.action, line.purpose) == ("console:administrator", "person.disable", "analyst")


def test_what_stands_in_a_link_gives_no_orders(console: Console) -> None:
    """Names that Flask's builder of addresses takes for orders to itself stay what the reader's link said."""
    records = [sample_record("pt", photos=None) for _ in range(PAGE_SIZE + 1)]
    register.add_cases(console.node, records, "test", console.node.scratch())
    client = console.browser(Role.OPERATOR)
    for asked in ("endpoint=x", "_external=1&_anchor=a", "_external=1&_scheme=x", "_method=POST", "a=1&a=2"):
        found = re.search(r'rel="next" href="([^"]*)"', client.get(f"/cases?{asked}&page=1").text)
        assert found, asked
        assert unescape(found[1]) == f"/cases?{asked}&page=2"


def test_a_secret_is_shown_to_the_person_that_it_was_drawn_for(console: Console) -> None:
    """Two who sign in for the first time, one after the other, in the same browser."""
    client, shown = console.app.test_client(), []
    for name in ("eve", "leila"):
        accounts.add_person(console.node, name, name, [Role.OPERATOR], "test", PASSWORD)
        send(client, "/sign-in", name=name, password=PASSWORD)
        for _ in range(2):
            page = client.get("/sign-in/second-factor").text
            shown.append(re.findall(r"(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}", page))
    assert shown[0] == shown[1]
    assert shown[2] == shown[3]
    assert shown[0] != shown[2]


def test_nothing_of_one_person_is_left_for_the_next_to_sign_in(console: Console) -> None:
    client = console.app.test_client()
    with client.session_transaction() as cookie:
        cookie.update(language="fr", back="/account", enrolling=("", "SECRET"), csrf_token="of before")
    send(client, "/sign-in", name="operator", password=PASSWORD)
    with client.session_transaction() as cookie:
        assert set(cookie) == {"language", "back", "token"}


def test_strangers_who_guess_do_not_keep_an_owner_out_of_their_browser(console: Console) -> None:
    there = configured(console, address=ADDRESS)
    own, stranger = (there.app.test_client() for _ in range(2))

    def send_there(client: FlaskClient, path: str, **fields: str) -> TestResponse:
        token = csrf_token(client.get(path, base_url=ADDRESS))
        return client.post(path, base_url=ADDRESS, data={"csrf_token": token, **fields})

    send_there(own, "/sign-in", name="operator", password=PASSWORD)
    answer = send_there(own, "/sign-in/code", code=console.code())
    (cookie,) = (line for line in answer.headers.getlist("Set-Cookie") if "-known=" in line)
    assert cookie.startswith("__Host-gmcn-police.fr.example-known=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=34560000"} <= set(cookie.split("; "))
    assert console.people[Role.OPERATOR].id not in cookie
    token = csrf_token(own.get("/account", base_url=ADDRESS))
    own.post("/sign-out", base_url=ADDRESS, data={"csrf_token": token})
    for _ in range(5):
        send_there(stranger, "/sign-in", name="operator", password="a wrong guess")
    fields = {"name": "operator", "password": PASSWORD}
    assert send_there(stranger, "/sign-in", **fields).status_code == 429
    assert send_there(own, "/sign-in", **fields).status_code == 303


def test_an_open_session_is_no_place_to_guess_passwords(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    page = "/account/recovery-codes"
    statuses = [send(client, page, password=f"wrong {number}").status_code for number in range(6)]
    assert statuses == [200] * 5 + [429]


def test_an_error_of_a_use_case_is_said_in_the_readers_language(console: Console) -> None:
    """Message and next step, the latter without the command that it names on the command line."""
    approver = console.browser(Role.APPROVER)
    english = approver.get("/gate/4711", headers={"Accept-Language": "en"})
    assert english.status_code == 404
    assert "There is no such request." in english.text
    assert "See the requests under “Publishing”." in english.text
    arabic = approver.get("/gate/4711", headers={"Accept-Language": "ar"}).text
    assert 'dir="rtl"' in arabic
    for said in ("لا يوجد طلب كهذا.", "انظر الطلبات ضمن «النشر»."):
        assert said in arabic
    assert "gmcn" not in english.text + arabic


def test_an_error_with_values_is_said_in_the_readers_language(console: Console) -> None:
    with console.app.test_request_context("/", headers={"Accept-Language": "ar"}):
        error = NotFound(
            "The roster lists no member %(member)s.", "See `gmcn member list`.", member="bka.example"
        )
        assert say_refusal(error) == ("لا يوجد في قائمة الأعضاء عضو bka.example. انظر الأعضاء ضمن «الاتحاد».")
        assert say_refusal(NotFound("There is no such request.")) == "لا يوجد طلب كهذا."
