"""The coordinator's site serves the signed files over real sockets, and nothing else of its folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from node.adapters.http import HttpClient
from node.adapters.trust import TrustStore
from node.web.coordinator import create_coordinator_app
from tests.members import MemberKeys
from tests.networks import Coordinator
from tests.serving import answering


@pytest.fixture
def coordinator(tmp_path: Path) -> Coordinator:
    return Coordinator(tmp_path / "network").create([MemberKeys("police.fr.example")])


@pytest.fixture
def client(coordinator: Coordinator) -> FlaskClient:
    return create_coordinator_app(coordinator.folder).test_client()


@pytest.fixture
def url(coordinator: Coordinator) -> Iterator[str]:
    with answering(create_coordinator_app(coordinator.folder)) as address:
        yield address


def test_every_signed_file_is_served_as_it_is(client: FlaskClient, coordinator: Coordinator) -> None:
    for path, data in coordinator.files().items():
        with client.get(path) as answer:
            assert (answer.status_code, answer.data, answer.mimetype) == (200, data, "application/json")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/change.json",
        "/keys/secret",
        "/metadata/",
        "/metadata/2.root.json",
        "/metadata/..%2fkeys%2fsecret",
        "/targets/../keys/secret",
        "/targets/..%2f..%2fkeys%2fsecret",
        "/targets/roster.json",
    ],
)
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_what_may_change_is_asked_for_again(client: FlaskClient) -> None:
    with client.get("/metadata/timestamp.json") as answer:
        assert answer.cache_control.no_cache
    with client.get("/metadata/1.targets.json") as answer:
        assert answer.cache_control.max_age == 86_400


def test_a_node_joins_over_real_sockets(coordinator: Coordinator, url: str, tmp_path: Path) -> None:
    http = HttpClient(private_addresses=True, connect_seconds=5)
    trusted = TrustStore(tmp_path / "trust").bootstrap(coordinator.root, [url], http)
    http.close()
    assert trusted.roster.members[0].id == "police.fr.example"
