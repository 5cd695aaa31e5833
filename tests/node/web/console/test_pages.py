"""Every page with every role, whatever pages there are: who may see it, and what every answer has."""

import hashlib
import re
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

import node.web
from node.domain.permissions import PERMISSIONS, Permission, Role
from node.services.maps import find_spots
from node.web.console import make_console_app, prepare
from node.web.console.base.guard import check_guarded, permission_of
from tests.node.web.console.conftest import Console, csrf_token, open_console

MAX_PAGE = 100_000
ROLES = [None, *Role]


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """One for all tests here: they look, and change nothing but languages."""
    with open_console(tmp_path_factory.mktemp("console")) as made:
        yield made


def may_see(console: Console, role: Role | None, endpoint: str) -> bool:
    needed = permission_of(console.app, endpoint)
    return needed is None or (role is not None and needed in PERMISSIONS[role])


@pytest.mark.parametrize("role", ROLES)
def test_a_page_opens_for_those_who_may_see_it_and_for_nobody_else(
    console: Console, role: Role | None
) -> None:
    client = console.browser(role)
    for rule, address in console.addresses():
        if "GET" not in (rule.methods or ()):
            continue
        answer = client.get(address)
        if may_see(console, role, rule.endpoint):
            assert answer.status_code in (200, 303), (address, answer.status)
            assert role is None or answer.location != "/sign-in" or "sign-in" in address, address
            answer.close()
        elif role is None:
            assert (answer.status_code, answer.location) == (303, "/sign-in"), address
        else:
            assert answer.status_code == 403, address


def test_the_navigation_marks_the_subject_of_every_page(console: Console) -> None:
    client = console.browser(Role.OPERATOR)
    address = {rule.endpoint: address for rule, address in console.addresses()}
    for endpoint, subject in (
        ("case_drafts.section", "cases.index"),
        ("case_risk.assess", "cases.index"),
        ("case_gate.propose", "gate.index"),
        ("foreign.show", "search.index"),
        ("erasures.index", "federation.index"),
        ("account.overview", None),
    ):
        page = client.get(address[endpoint]).text
        nav = page[page.index("<nav") : page.index("</nav>")]
        marked = re.findall(r'href="([^"]+)" aria-current="page"', nav)
        assert marked == ([address[subject]] if subject else []), endpoint


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_changed_for_those_who_may_not(console: Console, role: Role | None) -> None:
    client = console.browser(role)
    token = csrf_token(client.get("/account" if role else "/sign-in"))
    for rule, address in console.addresses():
        if "POST" not in (rule.methods or ()) or may_see(console, role, rule.endpoint):
            continue
        answer = client.post(address, data={"csrf_token": token})
        if role is None:
            assert (answer.status_code, answer.location) == (303, "/sign-in"), address
        else:
            assert answer.status_code == 403, address


@pytest.mark.parametrize("role", ROLES)
def test_nothing_is_changed_by_a_form_from_elsewhere(console: Console, role: Role | None) -> None:
    client = console.browser(role)
    token = csrf_token(client.get("/account" if role else "/sign-in"))
    other = csrf_token(console.browser(Role.OPERATOR).get("/account"))
    for rule, address in console.addresses():
        if "POST" not in (rule.methods or ()):
            continue
        for data, headers in (
            ({}, {}),
            ({"csrf_token": "x"}, {}),
            ({"csrf_token": other}, {}),
            ({"csrf_token": token}, {"Sec-Fetch-Site": "cross-site"}),
            ({"csrf_token": token}, {"Sec-Fetch-Site": "same-site"}),
        ):
            assert client.post(address, data=data, headers=headers).status_code == 400, (address, data)


@pytest.mark.parametrize("language", ["en", "es", "fr", "ar", "ru"])
def test_every_page_is_whole_small_private_and_free_of_inline_code(console: Console, language: str) -> None:
    for role in ROLES:
        client = console.browser(role)
        token = csrf_token(client.get("/account" if role else "/sign-in"))
        client.post("/language", data={"csrf_token": token, "language": language})
        for rule, address in [*console.addresses(), (None, "/no/such/page")]:
            if rule is not None and ("GET" not in (rule.methods or ()) or rule.endpoint == "static"):
                continue
            answer = client.get(address)
            check_headers(answer)
            if answer.mimetype == "text/html" and answer.status_code != 303:
                check_page(console, answer.text, language, address)


def check_headers(answer: TestResponse) -> None:
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def check_page(console: Console, page: str, language: str, address: str) -> None:
    direction = "rtl" if language == "ar" else "ltr"
    assert f'<html lang="{language}" dir="{direction}">' in page, address
    assert page.count("<h1>") == 1, address
    assert re.search("<title>.+ · .+</title>", page), address
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script>", page), address
    assert not re.search(r"(?:src|href|action)=\"(?:https?:)?//", page), address
    assert len(page.encode()) + weight_of_files(console, page) < MAX_PAGE, address


def weight_of_files(console: Console, page: str) -> int:
    names = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)
    assert names
    return sum(weight_of(console, name) for name in names)


@cache
def weight_of(console: Console, name: str) -> int:
    with console.app.test_client().get(name) as answer:
        return len(answer.data)


def test_an_application_whose_page_names_no_permission_does_not_start(console: Console) -> None:
    app = Flask("test")
    app.add_url_rule("/open", "open", lambda: "open")
    with pytest.raises(TypeError, match="open"):
        check_guarded(app)


def test_every_permission_that_a_page_needs_is_somebodys(console: Console) -> None:
    held = frozenset[Permission]().union(*PERMISSIONS.values())
    for rule in console.app.url_map.iter_rules():
        assert permission_of(console.app, rule.endpoint) in {None, *held}


def test_htmx_is_the_file_that_its_note_says() -> None:
    folder = Path(node.web.__path__[0]) / "static" / "htmx"
    digest = hashlib.sha256((folder / "htmx.min.js").read_bytes()).hexdigest()
    assert f"sha256 {digest}" in (folder / "VERSION.txt").read_text("utf-8")


def test_what_is_prepared_need_not_be_read_again_by_any_page(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_console_app(console.node)
    prepare(app)
    monkeypatch.setattr(app.jinja_env.loader, "load", None)
    templates = Path(node.web.__path__[0], "console", "templates")
    for path in templates.rglob("*.html"):
        app.jinja_env.get_template(path.relative_to(templates).as_posix())
    monkeypatch.setattr("node.adapters.world.FILE", "nothing")
    assert find_spots("Paris", {})[0].country == "FR"


def test_a_page_takes_the_server_little_time(console: Console) -> None:
    """60 ms are promised; the median of several, since others use this machine, too."""
    client = console.browser(Role.ADMINISTRATOR)
    for address in ("/", "/people", "/account", "/people/new"):
        times = []
        for _ in range(7):
            begun = time.thread_time()
            client.get(address)
            times.append(time.thread_time() - begun)
        assert sorted(times)[3] < 0.06, address
