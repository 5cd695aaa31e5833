"""The search API: who may do what, what is in the journal before anything is shown, and what bad requests
get."""

import base64
import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from html.parser import HTMLParser
from pathlib import Path
from string import Template
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks, definitions
from werkzeug.test import Client, TestResponse

from node.config import LogConfig
from node.log import set_up_log
from node.runtime import Node
from node.services import staff
from node.services.disclosure import publishing
from node.services.register import cases as register
from node.services.search.finding import MAX_PURPOSE
from node.store.database import reading
from node.store.journal import JournalEntry, read_journal
from node.web.api import make_api_app
from node.web.api.routes import MAX_BODY, ROUTES, Route
from node.web.process import make_app
from tests.databases import pg_address
from tests.factories import sample_record
from tests.federation import DE, FR, Federation

OWNER, HERE = FR[0], DE[0]
PURPOSE = {"purpose": "border check, report 4711"}


class Desk:
    """Staff of the German police, whose node has pulled the French ones."""

    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        self.node: Node = federation[HERE]
        self.tokens = {scope: self.token(scope) for scope in staff.SCOPES}
        self.client = Client(make_app(self.node, lambda: None))

    def token(self, scope: str, days: int = 1) -> str:
        return staff.create_token(self.node, "desk", scope, days, "test")

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        scope: str = "open",
        token: str | None = None,
        **sent: Any,
    ) -> TestResponse:
        """Make a request; a body that is no bytes is sent as JSON."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token or self.tokens[scope]}", **sent.pop("headers", {})}
        sent.setdefault("content_type", "application/json" if body is not None else None)
        # the tests' clock stands still, so every minute would be the same one
        self.federation.clock.advance(seconds=1)
        return self.client.open(f"/api{path}", method=method, data=body, headers=headers, **sent)

    def search(self, **asked: Any) -> dict[str, Any]:
        response = self.ask("POST", "/v1/search", asked, scope="search")
        assert response.status_code == 200, response.get_data(as_text=True)
        found: dict[str, Any] = json.loads(response.data)
        return found

    def journal(self) -> list[JournalEntry]:
        with reading(self.node.engine) as conn:
            return read_journal(conn)


def photograph(folder: Path, name: str, colour: str) -> dict[str, object]:
    Image.new("RGB", (640, 800), colour).save(folder / name)
    return {"kind": "photo", "file": name, "primary": True, "taken": "2025-06"}


def build(folder: Path, database: str = "") -> Desk:
    """Make a federation in which Germany holds French cases and has one of its own, a draft."""
    federation = Federation(folder, (FR, DE), databases={HERE: database} if database else {})
    companion = {
        "relation": "relative",
        "role": "suspected_abductor",
        "photos": [photograph(federation.folder, "aunt.png", "black")],
    }
    federation.publish(
        OWNER,
        sample_record(
            "ar", photos=[photograph(federation.folder, "child.png", "red")], companions=[companion]
        ),
        sample_record("uk", photos=None),
        sample_record("ja", photos=None),
    )
    report = federation.pull(HERE, OWNER)
    assert not report.error
    own = sample_record("pt", photos=[photograph(federation.folder, "own.png", "blue")])
    register.add_cases(federation[HERE], [own], "test", federation.folder)
    return Desk(federation)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk for tests that change nothing but the journal."""
    desk = build(tmp_path_factory.mktemp("api"))
    yield desk
    desk.federation.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = build(tmp_path)
    yield made
    made.federation.close()


@pytest.fixture
def either(database_url: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk on each database."""
    made = build(tmp_path, database_url)
    yield made
    made.federation.close()


def detail(response: TestResponse) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = json.loads(response.data)
    assert problem["status"] == response.status_code
    assert problem["detail"]
    assert set(problem) <= {"title", "status", "detail", "problems"}
    return problem


def replica(desk: Desk, **asked: Any) -> str:
    case: str = desk.search(source="replica", has_photo=True, **asked)["results"][0]["case"]
    return case


# --- Finding ---


def test_own_cases_and_replicas_are_found_together_by_what_is_public(either: Desk) -> None:
    everything = either.search()
    assert everything["total"] == 4
    assert {item["source"] for item in everything["results"]} == {"own", "replica"}
    assert set(everything["results"][0]) == {
        "case", "source", "owner", "country", "status", "score", "public",
    }  # fmt: skip
    own = either.search(source="own")["results"][0]
    assert (own["owner"], own["country"], own["status"], own["score"]) == (HERE, "DE", "draft", 1)
    known = either.node.network().schemas.fields("summary", "public")
    for item in everything["results"]:
        assert item["public"]
        assert set(item["public"]) <= set(known)
    # the record has the exact place; what is found has not
    exact = sample_record("pt")["last_seen"]
    assert own["public"]["last_seen"] != exact
    assert either.search(limit=1, offset=1)["results"] == everything["results"][1:2]
    assert either.search(limit=2, offset=10_000) == {"total": 4, "results": []}
    assert either.search(country="FR", owner=OWNER, status="published")["total"] == 3


def test_a_name_is_found_in_another_script_and_stands_nowhere_afterwards(either: Desk) -> None:
    asked = "Dmytro Shevchuk"
    found = either.search(name=asked)
    assert [item["public"]["names"][0]["family"] for item in found["results"]] == ["Шевчук"]
    assert 0.5 < found["results"][0]["score"] <= 1
    entry, before = either.journal()[0], len(either.journal())
    token_id = either.tokens["search"].split("_")[1]
    assert (entry.action, entry.actor) == ("search", f"token {token_id}")
    assert (entry.fields, len(entry.terms)) == (["name"], 2)
    assert all(re.fullmatch("[0-9a-f]{32}", term) for term in entry.terms)
    assert asked not in repr(either.journal())
    # the same question has the same hash, on any page; another has another
    either.search(name=asked, limit=1)
    either.search(name=asked + "x")
    other, same = either.journal()[:2]
    assert len(either.journal()) == before + 2
    assert same.terms == entry.terms != other.terms


def test_what_was_erased_or_is_past_its_life_is_not_found(desk: Desk) -> None:
    case = replica(desk)
    publishing.erase(desk.federation[OWNER], case, "test")
    desk.federation.pull(HERE, OWNER)
    assert desk.search(source="replica")["total"] == 2
    for path in (f"/v1/cases/{case}", f"/v1/cases/{case}/photographs/{'0' * 64}"):
        assert desk.ask("GET", path).status_code == 404
    assert desk.ask("POST", f"/v1/cases/{case}/open", PURPOSE).status_code == 404
    desk.federation.clock.advance(days=181)  # the job that hides them has not run
    desk.tokens = {scope: desk.token(scope) for scope in staff.SCOPES}
    assert [item["source"] for item in desk.search()["results"]] == ["own"]


def test_a_member_with_whom_nothing_is_exchanged_is_not_shown(desk: Desk) -> None:
    case = replica(desk)
    desk.federation.announce(OWNER, state="suspended")
    assert desk.search(source="replica")["results"] == []
    assert desk.ask("GET", f"/v1/cases/{case}").status_code == 404


# --- Opening ---


def test_a_case_shows_its_public_part_and_the_rest_for_a_purpose(either: Desk) -> None:
    case = replica(either)
    public = json.loads(either.ask("GET", f"/v1/cases/{case}", scope="search").data)
    assert set(public["parts"]) == {"head", "public"}
    assert set(public["withheld"]) <= {"network", "police"}
    assert "network" in public["withheld"]
    assert (public["case"], public["source"], public["version"]) == (case, "replica", 1)
    assert public["reached_at"] == "2026-11-21T12:00:00Z"
    entry = either.journal()[0]
    assert (entry.action, entry.case_id, list(entry.fields)) == ("case.open", case, ["head", "public"])

    opened = json.loads(either.ask("POST", f"/v1/cases/{case}/open", PURPOSE).data)
    assert set(opened["parts"]) == {"head", "public", *public["withheld"]}
    assert opened["withheld"] == []
    assert opened["parts"]["network"]["risk"]
    assert b"salt" not in json.dumps(opened["parts"]).encode()
    entry = either.journal()[0]
    assert (entry.action, entry.case_id, entry.purpose) == ("case.open", case, PURPOSE["purpose"])
    assert set(entry.fields) == set(opened["parts"])
    # photographs that only closed parts name are listed with them
    listed = {item["sha256"] for item in public["photographs"]}
    assert listed < {item["sha256"] for item in opened["photographs"]}


def test_of_an_own_case_the_record_opens_for_a_purpose(either: Desk) -> None:
    case = either.search(source="own")["results"][0]["case"]
    public = json.loads(either.ask("GET", f"/v1/cases/{case}", scope="search").data)
    assert (set(public["parts"]), public["withheld"]) == ({"public"}, ["record"])
    assert (public["status"], public["version"], public["expires"]) == ("draft", None, None)
    record = json.loads(either.ask("POST", f"/v1/cases/{case}/open", PURPOSE).data)["parts"]["record"]
    assert record["last_seen"] == sample_record("pt")["last_seen"]
    assert list(either.journal()[0].fields) == sorted(record)


def test_nothing_is_shown_that_the_journal_did_not_take(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    case = replica(desk)
    sha256 = json.loads(desk.ask("GET", f"/v1/cases/{case}").data)["photographs"][0]["sha256"]

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("node.services.search.finding.write_journal", fail)
    for method, path, body in (
        ("POST", "/v1/search", {"sex": 2}),
        ("GET", f"/v1/cases/{case}", None),
        ("POST", f"/v1/cases/{case}/open", PURPOSE),
        ("POST", f"/v1/cases/{case}/photographs/{sha256}/open", PURPOSE),
    ):
        response = desk.ask(method, path, body)
        assert response.status_code == 500
        assert "disk" not in detail(response)["detail"]


@pytest.mark.parametrize(
    "purpose", ["", "abc", " " * 30, "x" * (MAX_PURPOSE + 1), "two\nlines", "nul \x00 here", None, 7]
)
def test_a_purpose_that_is_none(shared: Desk, purpose: Any) -> None:
    lines = len(shared.journal())
    response = shared.ask("POST", f"/v1/cases/{OWNER}/{'a' * 26}/open", {"purpose": purpose})
    assert response.status_code == 422
    assert "urpose" in response.get_data(as_text=True)
    assert len(shared.journal()) == lines


@pytest.mark.parametrize(
    "path",
    [
        f"{OWNER}/{'a' * 26}",
        f"{HERE}/{'a' * 26}",
        f"nobody.example/{'a' * 26}",
        f"{OWNER}/{'A' * 26}",
        f"{OWNER}/%00{'a' * 25}",
        f"{OWNER}/{'a' * 26}%0a",
        "%D9%85/..%2f..%2fetc",
        f"{OWNER}/{'a' * 10_000}",
    ],
)
def test_a_case_that_is_not_here(shared: Desk, path: str) -> None:
    for method, rest, body in (
        ("GET", "", None),
        ("POST", "/open", PURPOSE),
        ("GET", f"/photographs/{'0' * 64}", None),
        ("GET", "/photographs/..%2f..", None),
        ("POST", f"/photographs/{'0' * 64}/open", PURPOSE),
    ):
        response = shared.ask(method, f"/v1/cases/{path}{rest}", body)
        assert response.status_code == 404
        assert path.encode() not in response.data


# --- Photographs ---


def test_photographs_of_public_parts_and_those_that_open_for_a_purpose(either: Desk) -> None:
    case = replica(either)
    path = f"/v1/cases/{case}/photographs"
    public = json.loads(either.ask("GET", f"/v1/cases/{case}").data)["photographs"]
    opened = json.loads(either.ask("POST", f"/v1/cases/{case}/open", PURPOSE).data)["photographs"]
    (small,) = [item["sha256"] for item in public if item["rendition"] == "small"]
    response = either.ask("GET", f"{path}/{small}", scope="search")
    assert (response.status_code, response.content_type) == (200, "image/jpeg")
    assert hashlib.sha256(response.data).hexdigest() == small
    assert response.headers["Cache-Control"] == "no-store"

    (closed,) = [item["sha256"] for item in opened if item not in public and item["rendition"] == "small"]
    assert either.ask("GET", f"{path}/{closed}", scope="open").status_code == 404
    assert either.ask("POST", f"{path}/{closed}/open", PURPOSE, scope="search").status_code == 403
    response = either.ask("POST", f"{path}/{closed}/open", PURPOSE)
    assert hashlib.sha256(response.data).hexdigest() == closed
    entry = either.journal()[0]
    assert (entry.action, entry.case_id, entry.purpose) == ("photograph.open", case, PURPOSE["purpose"])
    assert list(entry.fields) == ["network"]
    # full-size ones have not been fetched
    (full,) = [item["sha256"] for item in public if item["rendition"] == "full"]
    assert either.ask("GET", f"{path}/{full}").status_code == 404


def test_photographs_of_an_own_draft(shared: Desk) -> None:
    own = shared.search(source="own")["results"][0]
    sha256 = own["public"]["photos"][0]["renditions"][0]["sha256"]
    response = shared.ask("GET", f"/v1/cases/{own['case']}/photographs/{sha256}", scope="search")
    assert hashlib.sha256(response.data).hexdigest() == sha256
    assert shared.journal()[0].action == "search"  # a page of results shows the small ones
    (full,) = [
        item["sha256"] for item in own["public"]["photos"][0]["renditions"] if item["sha256"] != sha256
    ]
    response = shared.ask("GET", f"/v1/cases/{own['case']}/photographs/{full}", scope="search")
    assert hashlib.sha256(response.data).hexdigest() == full
    entry = shared.journal()[0]
    assert (entry.action, entry.case_id, entry.fields) == ("photograph.open", own["case"], ["public"])
    response = shared.ask("POST", f"/v1/cases/{own['case']}/photographs/{sha256}/open", PURPOSE)
    assert hashlib.sha256(response.data).hexdigest() == sha256


# --- Tokens ---


def test_a_token_is_needed_and_its_scope(shared: Desk) -> None:
    case = replica(shared)
    asked = {
        "search": ("/v1/search", {}),
        "case": (f"/v1/cases/{case}", None),
        "open": (f"/v1/cases/{case}/open", PURPOSE),
        "photograph": (f"/v1/cases/{case}/photographs/{'0' * 64}", None),
        "open-photograph": (f"/v1/cases/{case}/photographs/{'0' * 64}/open", PURPOSE),
        "status": ("/v1/status", None),
    }
    assert set(asked) == {route.name for route in ROUTES}
    for route in ROUTES:
        path, body = asked[route.name]
        for sent in ("", "Basic eDp5", "Bearer", "Bearer x", "Bearer gmcn_0_0", "Bearer gmcn_\x80_é"):
            response = shared.ask(route.method, path, body, headers={"Authorization": sent})
            assert response.status_code == 401, sent
            assert response.headers["WWW-Authenticate"] == "Bearer"
            assert detail(response)
        wrong = re.sub(".$", lambda end: "A" if end[0] != "A" else "B", shared.tokens["open"])
        assert shared.ask(route.method, path, body, token=wrong).status_code == 401
        unknown = f"gmcn_000000000000_{'A' * 43}"
        assert shared.ask(route.method, path, body, token=unknown).status_code == 401
        response = shared.ask(route.method, path, body, scope="search")
        assert (response.status_code == 403) == (route.scope == "open")


def test_a_token_ends_and_can_be_revoked(desk: Desk) -> None:
    assert desk.ask("POST", "/v1/search", {}, scope="search").status_code == 200
    staff.revoke_token(desk.node, desk.tokens["search"].split("_")[1], "test")
    assert desk.ask("POST", "/v1/search", {}, scope="search").status_code == 401
    assert desk.ask("POST", "/v1/search", {}, scope="open").status_code == 200
    desk.federation.clock.advance(days=1)
    assert desk.ask("POST", "/v1/search", {}, scope="open").status_code == 401


def test_a_token_cannot_carry_off_everything(either: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.services.staff.MAX_REQUESTS", 3)
    statuses = [either.ask("POST", "/v1/search", {}).status_code for _ in range(5)]
    assert statuses == [200, 200, 200, 429, 429]
    response = either.ask("POST", "/v1/search", {})
    assert response.headers["Retry-After"] == "60"
    assert either.ask("POST", "/v1/search", {}, scope="search").status_code == 200
    either.federation.clock.advance(minutes=1)
    assert either.ask("POST", "/v1/search", {}).status_code == 200


# --- Bad requests ---


def refused(desk: Desk, body: Any, status: int = 422, **sent: Any) -> list[str]:
    response = desk.ask("POST", "/v1/search", body, **sent)
    assert response.status_code == status, response.data
    problems: list[str] = detail(response).get("problems", [])
    return problems


def test_every_problem_of_a_body_is_named_at_once(shared: Desk) -> None:
    assert refused(
        shared,
        {
            "nme": "Amina",
            "sex": "2",
            "age_min": True,
            "age_max": 1e300,
            "has_photo": 1,
            "near": {"lat": 91, "lon": "5", "km": 5},
            "limit": 101,
            "category": "runnaway",
            "country": "France",
            "owner": "no member",
            "text": "x" * 501,
            "name": None,
        },
    ) == sorted(
        [
            "nme: Unknown field.",
            "sex: Not a valid integer.",
            "age_min: Not a valid integer.",
            "age_max: Not a valid integer.",
            "has_photo: Not a valid boolean.",
            "near.lat: Must be greater than or equal to -90 and less than or equal to 90.",
            "near.lon: Not a valid number.",
            "near.km: Unknown field.",
            "near.radius_m: Missing data for required field.",
            "limit: Must be greater than or equal to 1 and less than or equal to 100.",
            "category: Must be one of: runaway, family_abduction, nonfamily_abduction,"
            " lost_injured_otherwise, unaccompanied_migrant, thrown_out, catastrophe, unidentified_found,"
            " unknown.",
            "country: Must be two capital letters (ISO 3166-1 alpha-2).",
            "owner: Must be a member's id, a domain such as police.fr.example.",
            "text: Length must be between 1 and 500.",
            "name: Field may not be null.",
        ]
    )
    assert refused(shared, {"age_min": 9, "age_max": 8}) == ["age_max: Must not be less than age_min."]
    assert refused(shared, {"near": [1, 2, 3]}) == ["near: Must be an object."]


def test_what_is_no_plain_name_is_not_repeated(shared: Desk) -> None:
    assert refused(shared, {"Amina Benali": 1, "مريم": 1, "_schema": 1}) == ["?: Unknown field."] * 2 + [
        "Unknown field."
    ]
    assert len(refused(shared, {f"x{n}": 0 for n in range(4_000)})) == 50


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{",
        b"\xff\xfe",
        b'{"name":"\\ud800"}',
        b'{"age_min":NaN}',
        b'{"age_min":1e999}',
        b'{"sex":1,"sex":2}',
        b'{"near":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"near":' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"}",
    ],
)
def test_a_body_that_is_no_object(shared: Desk, body: bytes) -> None:
    assert refused(shared, body, 400) == []


def test_a_body_that_is_too_long_or_not_json(shared: Desk) -> None:
    long = json.dumps({"name": "م" * 1_000_000}).encode()
    refused(shared, long, 413)
    refused(shared, b" " * (MAX_BODY + 1), 413)
    assert shared.ask("POST", "/v1/search", b" " * (MAX_BODY - 2) + b"{}").status_code == 200
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        refused(shared, b'{"sex":1}', 415, content_type=kind)
    assert shared.ask("GET", "/v1/status", b"x", content_type="text/plain").status_code == 413


def test_other_addresses_and_methods(shared: Desk) -> None:
    assert shared.ask("GET", "/v1/nothing").status_code == 404
    response = shared.ask("GET", "/v1/search?name=Amina")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert b"Amina" not in response.data
    assert shared.ask("OPTIONS", "/v1/search").status_code == 405
    assert shared.client.get("/health").status_code == 200  # the interface between nodes beside it


_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
_HOSTILE = st.sampled_from(
    ["\x00", '"', "*", "a* OR b", "NEAR(a b)", "^x", "-x", "{names_fold}:x", "';--", "%", "_", "\\", "a:b",
     "(", "&|!", "<->", "x:*", "\u202e", "\ufeff", "\u0300" * 150, "🏳️‍🌈", " ", "§a"]
)  # fmt: skip
_FIELDS = [
    "name", "text", "place", "near", "country", "seen_in", "owner", "source", "status", "category", "sex",
    "missing_within_years", "age_min", "age_max", "age_when", "has_photo", "limit", "offset",
]  # fmt: skip


@given(asked=st.dictionaries(st.sampled_from(_FIELDS), _ANY, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_are_answered_or_refused(shared: Desk, asked: dict[str, Any]) -> None:
    try:
        body = json.dumps(asked, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        body = json.dumps(asked).encode()
    assert shared.ask("POST", "/v1/search", body).status_code in (200, 400, 422)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stable(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk on each database, for many questions."""
    with ExitStack() as stack:
        address = ""
        if request.param == "postgresql":
            address = stack.enter_context(pg_address(request.getfixturevalue("pg_server")))
        made = build(tmp_path_factory.mktemp(request.param), address)
        yield made
        made.federation.close()


@given(words=st.one_of(_HOSTILE, st.text(max_size=60), st.lists(_HOSTILE, max_size=4).map("".join)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_words_break_the_search(stable: Desk, words: str) -> None:
    for field in ("name", "text", "place"):
        response = stable.ask("POST", "/v1/search", {field: words})
        assert response.status_code in ((200,) if 0 < len(words) <= 200 else (200, 422)), field


# --- Headers, log, status ---


def test_headers_of_every_answer(shared: Desk) -> None:
    for response in (
        shared.ask("POST", "/v1/search", {}),
        shared.ask("POST", "/v1/search", b"x"),
        shared.ask("GET", "/nothing"),
        shared.ask("GET", "/v1/status", token="x"),
        shared.client.get("/api/openapi.json"),
    ):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert "Set-Cookie" not in response.headers


def test_the_log_says_who_and_how_long_and_never_what(
    shared: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    case = replica(shared)
    set_up_log(LogConfig(level="info", form="json"))
    try:
        shared.ask("POST", "/v1/search", {"name": "Amina"})
        shared.ask("GET", f"/v1/cases/{case}?name=Amina")
        shared.ask("GET", "/v1/Amina")
    finally:
        set_up_log(LogConfig(level="error"))
    written = capsys.readouterr().err
    assert "Amina" not in written
    assert case not in written
    lines = [json.loads(line) for line in written.splitlines()]
    token_id = shared.tokens["open"].split("_")[1]
    assert [(line["route"], line["token"], line["status"]) for line in lines] == [
        ("/v1/search", token_id, 200),
        ("/v1/cases/<member>/<opaque>", token_id, 200),
        ("", "", 404),
    ]
    assert all(line["ms"] >= 0 and "withheld" not in line for line in lines)


def test_status_says_how_complete_a_search_can_be(shared: Desk) -> None:
    status = json.loads(shared.ask("GET", "/v1/status", scope="search").data)
    assert (status["member"], status["exercise"], status["register"]) == (HERE, False, {"draft": 1})
    (peer,) = status["peers"]
    assert (peer["member"], peer["lying"], peer["reached_at"]) == (OWNER, False, "2026-11-21T12:00:00Z")
    assert {feed["audience"]: feed["states"] for feed in peer["feeds"]}["network"] == {"held": 3}


# --- The description ---


def document(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(desk.client.get("/api/openapi.json").data)
    return found


def test_the_document_is_openapi_3_1_and_describes_every_route(shared: Desk) -> None:
    described = document(shared)
    definitions.OPENAPI_31_VALIDATOR.validate(described)
    app = make_api_app(shared.node)
    routes = {
        (re.sub("<(.*?)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
    }
    operations = {
        (path, method)
        for path, item in described["paths"].items()
        for method in item
        if method in ("get", "post", "put", "delete")
    }
    assert operations == routes - {("/openapi.json", "get"), ("/", "get")}
    for path, method in operations:
        operation = described["paths"][path][method]
        assert operation["summary"]
        assert {"200", "401", "403", "404", "429", "500"} <= set(operation["responses"])


def test_every_reference_leads_somewhere_and_every_example_fits(shared: Desk) -> None:
    described = document(shared)
    for reference in set(re.findall(r'"\$ref":\s*"([^"]*)"', json.dumps(described))):
        where: Any = described
        assert reference.startswith("#/")
        for step in reference[2:].split("/"):
            where = where[step]
    examples = 0
    for item in described["paths"].values():
        for operation in (item[method] for method in ("get", "post") if method in item):
            for content in (operation.get("requestBody", {}), operation["responses"]["200"]):
                for media in content.get("content", {}).values():
                    if "example" in media:
                        examples += 1
                        schema = {**media["schema"], "components": described["components"]}
                        jsonschema.Draft202012Validator(schema).validate(media["example"])
    assert examples >= 6


def test_the_page_for_people_needs_no_other_host(shared: Desk) -> None:
    response = shared.client.get("/api/")
    page = response.get_data(as_text=True)

    class Reader(HTMLParser):
        links: list[str] = []  # noqa: RUF012 - one page

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in ("script", "iframe", "img", "link")
            self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    reader = Reader()
    reader.feed(page)
    assert reader.links == ["openapi.json"]
    for route in ROUTES:
        assert f'id="{route.name}"' in page
    policy = response.headers["Content-Security-Policy"]
    style = page.split("<style>")[1].split("</style>")[0].encode()
    assert f"'sha256-{base64.b64encode(hashlib.sha256(style).digest()).decode()}'" in policy


@pytest.fixture(scope="module")
def described(shared: Desk) -> Any:
    """What schemathesis reads out of the document."""
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", shared.client.application)
    schema.config.update(base_url="http://localhost/api")
    return schema


_TRUTHS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_the_document_says(
    shared: Desk, described: Any, route: Route, data: st.DataObject
) -> None:
    operation = described.find_operation_by_id(route.name)
    case = data.draw(operation.as_strategy())
    shared.federation.clock.advance(seconds=1)
    response = case.call(headers={"Authorization": f"Bearer {shared.tokens['open']}"})
    case.validate_response(response, checks=_TRUTHS)


# --- The guide ---

_GUIDE = (Path(__file__).parents[3] / "docs" / "api.md").read_text("utf-8")


def test_every_command_of_the_guide_works(shared: Desk) -> None:
    case = replica(shared)
    photographs = json.loads(shared.ask("GET", f"/v1/cases/{case}").data)["photographs"]
    known = {
        "GMCN_API": "/api",
        "GMCN_TOKEN": shared.tokens["open"],
        "CASE": case,
        "SHA256": next(item["sha256"] for item in photographs if item["rendition"] == "small"),
    }
    commands = re.findall(r"```sh\n(curl .*?)```", _GUIDE, re.DOTALL)
    assert len(commands) == 6
    answers = []
    for command in commands:
        words = iter(shlex.split(Template(command.replace("\\\n", "")).substitute(known)))
        assert next(words) == "curl"
        sent: dict[str, Any] = {"method": "GET", "headers": {}}
        for word in words:
            if word == "-H":
                name, _, value = next(words).partition(": ")
                sent["headers"][name] = value
            elif word == "-d":
                sent |= {"method": "POST", "data": next(words).encode()}
            elif word == "-o":
                next(words)
            elif word != "-s":
                sent["path"] = word.removeprefix("/api")
        response = shared.client.open("/api" + sent.pop("path"), **sent)
        assert response.status_code == 200, command
        answers.append(response)
    assert json.loads(answers[0].data)["total"] == 1
    assert json.loads(answers[1].data)["total"] == 1
    assert "network" in json.loads(answers[3].data)["parts"]


def test_the_guide_tells_the_limits_that_there_are() -> None:
    assert f"{staff.MAX_REQUESTS}\ntimes a minute" in _GUIDE
    assert f"{MAX_BODY // 1024} KiB" in _GUIDE
    assert all(f"`{scope}`" in _GUIDE for scope in staff.SCOPES)
