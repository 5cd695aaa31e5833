"""The public API: what it gives, to whom, and what bad requests get."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks, definitions
from werkzeug.test import TestResponse

from node.web.public.allowance import EACH_SECONDS
from tests.node.web.public.conftest import Site, open_site
from tests.node.web.public.test_gone import NAME, NAMED, erase, withdraw

OPERATIONS = ("list-cases", "search", "list-alerts", "list-countries", "get-case", "get-photograph")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site for tests that change nothing."""
    made = open_site(tmp_path_factory.mktemp("api"))
    made.publish(language="uk")
    made.publish(own=False, photos=None)
    made.publish_full(own=False, notes="Kanarienvogel")
    yield made
    made.federation.close()


def get(site: Site, path: str) -> Any:
    answer = site.browser().get(f"/api/v1/{path}")
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    return json.loads(answer.data)


def search(site: Site, **asked: Any) -> TestResponse:
    return site.browser().post("/api/v1/search", json=asked)


def problem_of(answer: TestResponse) -> dict[str, Any]:
    assert answer.content_type == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = json.loads(answer.data)
    assert found["status"] == answer.status_code
    return found


def test_cases_are_listed_found_and_read(shared: Site) -> None:
    listed = get(shared, "cases")
    assert listed["total"] == len(listed["results"]) == 3
    assert get(shared, "cases?country=DE")["total"] == 2
    assert len(get(shared, "cases?limit=1&offset=1")["results"]) == 1
    found = json.loads(search(shared, name="Dmitri Schewtschuk", country="FR").data)["results"]
    (case,) = found
    assert get(shared, f"cases/{case['case']}") == case
    assert case["owner"]["id"] == "police.fr.example"
    assert case["version"] == 1
    assert case["public"]["names"][0]["full"] == "Шевчук Дмитро Олексійович"
    assert get(shared, "alerts")["total"] == 1
    assert get(shared, "countries") == {
        "countries": [{"country": "DE", "children": 2}, {"country": "FR", "children": 1}]
    }
    assert shared.browser().get(case["page"].removeprefix("http://localhost")).status_code == 200
    assert shared.browser().get(case["widget"].removeprefix("http://localhost")).status_code == 200
    assert case["proof"] == f"http://localhost/proof/{case['case'].partition('/')[2]}.json"
    for photograph in case["photographs"]:
        answer = shared.browser().get(photograph["url"].removeprefix("http://localhost"))
        assert answer.content_type == "image/jpeg"
        assert hashlib.sha256(answer.data).hexdigest() == photograph["sha256"]


def test_nothing_but_the_public_part_is_given(shared: Site) -> None:
    for path in ("cases", "alerts", "countries"):
        data = shared.browser().get(f"/api/v1/{path}").data
        for secret in (b"Kanarienvogel", b"salt", b"2011-08", b"49.83", b"risk"):
            assert secret not in data, path


def test_programs_of_any_site_may_read_and_caches_keep_for_a_minute(shared: Site) -> None:
    for path in ("/api/v1/cases", "/api/v1/countries", "/api/openapi.json"):
        first = shared.browser().get(path)
        assert first.headers["Access-Control-Allow-Origin"] == "*"
        assert first.headers["Cache-Control"] == "public, max-age=60, must-revalidate"
        assert "Set-Cookie" not in first.headers
        again = shared.browser().get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    posted = search(shared, name="x")
    assert posted.headers["Cache-Control"] == "no-store"
    assert "Access-Control-Allow-Origin" not in posted.headers


@pytest.mark.parametrize("query", ["name=a", "text=a", "place=b", "sex=x", "sex=٣", "limit=0", "limit=51"])
def test_what_does_not_fit_an_address_is_refused(shared: Site, query: str) -> None:
    answer = shared.browser().get(f"/api/v1/cases?{query}")
    assert answer.status_code == 422
    assert problem_of(answer)["problems"]


@pytest.mark.parametrize(
    "asked",
    [{"place": "Lviv"}, {"sex": "1"}, {"alert": 1}, {"name": "a" * 101}, {"nme": "x"}],
)  # fmt: skip
def test_a_body_that_does_not_fit_is_refused(shared: Site, asked: dict[str, Any]) -> None:
    assert problem_of(search(shared, **asked))["status"] in (400, 422)


def test_other_bad_requests_are_problems(shared: Site) -> None:
    browser = shared.browser()
    for path in (
        "cases/..%2f..",
        f"cases/police.fr.example/{'a' * 26}",
        "nothing",
        "cases/a/b/photographs/c",
    ):
        assert problem_of(browser.get(f"/api/v1/{path}"))["status"] == 404
    assert problem_of(browser.post("/api/v1/search", data=b"x"))["status"] == 415
    large = json.dumps({"name": "a" * 1_000_000}).encode()
    answer = browser.post("/api/v1/search", data=large, content_type="application/json")
    assert problem_of(answer)["status"] == 413
    assert problem_of(browser.delete("/api/v1/cases"))["status"] == 405


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("end", [erase, withdraw])
def test_a_case_that_ended_is_given_no_more(site: Site, own: bool, end: Callable[[Site, str], None]) -> None:
    case_id = site.publish(own=own, **NAMED)
    photograph = get(site, f"cases/{case_id}")["photographs"][0]["url"].removeprefix("http://localhost")
    end(site, case_id)
    site.pull()
    for path in (f"/api/v1/cases/{case_id}", photograph):
        answer = site.browser().get(path)
        assert problem_of(answer)["status"] == 410
        assert NAME not in answer.text
    assert get(site, "cases") == {"total": 0, "results": []}
    assert json.loads(search(site, name=NAME).data)["total"] == 0


def test_who_looks_for_many_names_has_to_wait(site: Site) -> None:
    allowance = site.app.extensions["allowance"]
    allowance._used["192.0.2.1"] = allowance._used["2001:db8::/64"] = EACH_SECONDS

    def ask(address: str) -> TestResponse:
        return site.browser().post(
            "/api/v1/search", json={"name": "a"}, environ_base={"REMOTE_ADDR": address}
        )

    assert ask("192.0.2.1").status_code == 429
    assert 0 < int(ask("192.0.2.1").headers["Retry-After"]) <= 60
    assert ask("192.0.2.2").status_code == 200
    assert ask("2001:db8::9").status_code == 429  # one customer of a provider has a whole network of IPv6
    assert site.browser().get("/api/v1/cases").status_code == 200


def test_the_document_describes_every_route(shared: Site) -> None:
    document = json.loads(shared.browser().get("/api/openapi.json").data)
    definitions.OPENAPI_31_VALIDATOR.validate(document)
    found = {
        operation["operationId"]
        for item in document["paths"].values()
        for operation in item.values()
        if isinstance(operation, dict)
    }
    assert found == set(OPERATIONS)
    for reference in set(re.findall(r'"\$ref":\s*"#/([^"]*)"', json.dumps(document))):
        where: Any = document
        for step in reference.split("/"):
            where = where[step]


@pytest.fixture(scope="module")
def described(shared: Site) -> Any:
    schema = schemathesis.openapi.from_wsgi("/api/openapi.json", shared.app)
    schema.config.update(base_url="http://localhost/api")
    return schema


_TRUTHS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.mark.parametrize("name", OPERATIONS)
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_answers_are_as_the_document_says(described: Any, name: str, data: st.DataObject) -> None:
    case = data.draw(described.find_operation_by_id(name).as_strategy())
    case.validate_response(case.call(), checks=_TRUTHS)
