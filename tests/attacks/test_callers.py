"""Somebody who calls a node and is not who it should be, or asks for what is not for it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from werkzeug.test import Client

from node.adapters.http import Answer
from node.services.disclosure import publishing
from node.services.serving import MAX_RINGS
from node.store.database import reading
from node.store.published import documents, photographs
from protocol.answers import format_query
from protocol.encoding import format_time
from protocol.receipt import HELD, format_receipt
from protocol.token import LEEWAY, MAX_LIFE, sign_request
from tests.attacks.conftest import unchanged
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation
from tests.liars import Liar, answering, case_states

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]
CHECKPOINT = "/feeds/network/checkpoint"
QUERY = format_query([bytes(32)])


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """The French police has published a case, which the others hold; no test changes anything of it."""
    made = Federation(tmp_path_factory.mktemp("callers"))
    made.publish(POLICE, sample_record("ar", photos=None))
    for member in (PEER, HELPER):
        made.pull(member, POLICE)
    yield made
    made.close()


def by_a_stranger(federation: Federation) -> Answer:
    signer = replace(federation[PEER].token_signer(), member="police.xx.example")
    token = sign_request(signer, POLICE, "GET", CHECKPOINT, b"", federation.clock(), "stranger")
    return federation.ask(None, POLICE, "GET", CHECKPOINT, token=token)


def by_another_s_key(federation: Federation) -> Answer:
    signer = replace(federation[PEER].token_signer(), private=federation[HELPER].token_signer().private)
    token = sign_request(signer, POLICE, "GET", CHECKPOINT, b"", federation.clock(), "forged")
    return federation.ask(None, POLICE, "GET", CHECKPOINT, token=token)


def sent_to_another(federation: Federation) -> Answer:
    token = federation.token(PEER, HELPER, "GET", CHECKPOINT)
    return federation.ask(PEER, POLICE, "GET", CHECKPOINT, token=token)


def for_another_path(federation: Federation) -> Answer:
    token = federation.token(PEER, POLICE, "GET", CHECKPOINT)
    return federation.ask(PEER, POLICE, "GET", "/feeds/police/tile/entries/000.p/1", token=token)


def for_another_body(federation: Federation) -> Answer:
    token = federation.token(PEER, POLICE, "POST", "/feeds/network/documents", QUERY)
    body = format_query([b"\x01" * 32])
    return federation.ask(PEER, POLICE, "POST", "/feeds/network/documents", body, token=token)


def kept_for_later(federation: Federation) -> Answer:
    at = federation.clock() - MAX_LIFE - LEEWAY
    token = federation.token(PEER, POLICE, "GET", CHECKPOINT, at=at)
    return federation.ask(PEER, POLICE, "GET", CHECKPOINT, token=token)


def made_for_later(federation: Federation) -> Answer:
    token = federation.token(
        PEER, POLICE, "GET", CHECKPOINT, at=federation.clock() + LEEWAY + timedelta(seconds=1)
    )
    return federation.ask(PEER, POLICE, "GET", CHECKPOINT, token=token)


def receipt_of_another(federation: Federation) -> Answer:
    return federation.ask(HELPER, POLICE, "POST", "/receipts", _receipt(federation, "of another"))


def receipt_for_another(federation: Federation) -> Answer:
    return federation.ask(PEER, HELPER, "POST", "/receipts", _receipt(federation, "for another"))


def _receipt(federation: Federation, name: str) -> bytes:
    ((case, _),) = case_states(federation[PEER], POLICE).items()
    with reading(federation[POLICE].engine) as conn:
        digest = documents.find_documents(conn, case)[0].digest
    now = federation.clock()
    item = {"case": case, "version": 1, "digest": digest.hex(), "held_at": format_time(now)}
    signer = federation[PEER].token_signer()
    return format_receipt(signer, POLICE, f"{POLICE}/network", HELD, [item], now, name).encode()


Make = Callable[[Federation], Answer]


def ask(method: str, path: str, body: bytes = b"", caller: str | None = PEER) -> Make:
    return lambda federation: federation.ask(caller, POLICE, method, path, body)


CALLS: dict[str, tuple[Make, int]] = {
    "nobody": (ask("GET", CHECKPOINT, caller=None), 401),
    "a stranger": (by_a_stranger, 401),
    "another's key": (by_another_s_key, 401),
    "sent to another": (sent_to_another, 401),
    "for another path": (for_another_path, 404),
    "for another body": (for_another_body, 401),
    "kept for later": (kept_for_later, 401),
    "made for later": (made_for_later, 401),
    "a receipt of another": (receipt_of_another, 403),
    "a receipt for another": (receipt_for_another, 403),
    "bytes for a receipt": (ask("POST", "/receipts", b"\xff" * 99), 400),
    "bytes for a question": (ask("POST", "/feeds/network/documents", b"\xff" * 99), 400),
    "a body without end": (ask("POST", "/feeds/network/documents", b"x" * 1_000_000), 413),
    "a path for a tile": (ask("GET", "/feeds/network/tile/../../keys/secret"), 404),
    "a path for a file": (ask("GET", "/tuf/targets/..%2f..%2fnode.toml"), 404),
    "a path for a photograph": (ask("GET", "/feeds/network/photographs/..%2f..%2fkeys"), 404),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_may_not_be(shared: Federation, call: str, says: str) -> None:
    make, status = CALLS[call]
    with unchanged(*shared.nodes.values()):
        answer = make(shared)
        assert answer.status == status
        assert says in answer.body.decode()


@given(
    path=st.sampled_from(
        [CHECKPOINT, "/feeds/network/documents", "/receipts", "/doorbell", "/messages", "/evidence", "/heads"]
    )
    | st.from_regex(r"/[a-z0-9/._%-]{0,40}", fullmatch=True),
    method=st.sampled_from(["GET", "POST"]),
    body=st.binary(max_size=300),
    known=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_arbitrary_bytes_at_every_address(
    shared: Federation, path: str, method: str, body: bytes, known: bool
) -> None:
    if path == "/doorbell":
        return  # any body is none to it: it rings
    with unchanged(shared[POLICE]):
        token = shared.token(PEER, POLICE, method, path, body) if known else "x.y.z"
        headers = {"Authorization": f"Bearer {token}"}
        sent = Client(shared.wire.apps[POLICE]).open(path, method=method, headers=headers, data=body)
        assert sent.status_code < 500


SECRETS = {
    "a checkpoint": ("GET", "checkpoint", b""),
    "a tile": ("GET", "tile/entries/000.p/1", b""),
    "documents": ("POST", "documents", QUERY),
    "a photograph": ("GET", f"photographs/{'0' * 64}", b""),
    "nonsense": ("GET", "nonsense", b""),
    "a method": ("PUT", "checkpoint", b""),
}


@pytest.mark.parametrize("what", SECRETS)
def test_probing_for_a_police_only_case(shared: Federation, what: str) -> None:
    """An NGO, and nobody, get of a police feed what they get of one that nobody ever heard of."""
    method, rest, body = SECRETS[what]
    with unchanged(*shared.nodes.values()):
        for caller, token in ((HELPER, None), (None, None), (None, "x.y.z")):
            police, unknown = (
                shared.ask(caller, POLICE, method, f"/feeds/{audience}/{rest}", body, token=token)
                for audience in ("police", "nothing")
            )
            assert police.status in (404, 405)
            assert (police.status, police.headers, police.body) == (
                unknown.status,
                unknown.headers,
                unknown.body,
            )


def test_a_doorbell_rung_again_and_without_end(federation: Federation, says: str) -> None:
    token = federation.token(PEER, POLICE, "POST", "/doorbell")
    assert federation.ask(PEER, POLICE, "POST", "/doorbell", token=token).status == 202
    with unchanged(*federation.nodes.values()):
        replayed = federation.ask(PEER, POLICE, "POST", "/doorbell", token=token)
        assert (replayed.status, federation.rung) == (409, [POLICE])
        for _ in range(MAX_RINGS - 1):
            federation.ask(PEER, POLICE, "POST", "/doorbell")
        flood = federation.ask(PEER, POLICE, "POST", "/doorbell")
        assert (flood.status, len(federation.rung)) == (429, MAX_RINGS)
        assert says in flood.body.decode()
        assert federation.ask(HELPER, POLICE, "POST", "/doorbell").status == 202


def test_an_ngo_without_an_endorsement(federation: Federation, says: str) -> None:
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    federation.announce(HELPER, endorsement=None)
    with unchanged(federation[POLICE]):
        answer = federation.ask(HELPER, POLICE, "POST", "/feeds/network/documents", QUERY)
        assert answer.status == 403
        assert says in answer.body.decode()
        assert federation.pull(HELPER, POLICE).documents == 0
    with reading(federation[HELPER].engine) as conn:
        assert documents.find_documents(conn, case.case_id) == []


def test_an_endorsement_by_somebody_else(federation: Federation, says: str) -> None:
    """The NGO of one country under the endorsement that another received."""
    federation.publish(POLICE, sample_record("ar", photos=None))
    token = federation.coordinator.trusted.roster.member(HELPER).endorsement
    federation.announce(HELPER, country="DE", endorsement=token)
    with unchanged(federation[POLICE]):
        answer = federation.ask(HELPER, POLICE, "POST", "/feeds/network/documents", QUERY)
        assert answer.status == 403
        assert says in answer.body.decode()


def test_a_cited_photograph_of_another(federation: Federation) -> None:
    """A member names in its own document a photograph that another member's police-only case has."""
    Image.new("RGB", (300, 400), "red").save(federation.folder / "red.png")
    record = sample_record("ar", photos=[{"kind": "photo", "file": "red.png"}])
    (case,) = federation.publish(POLICE, record)
    with reading(federation[POLICE].engine) as conn:
        (held, *_) = documents.find_documents(conn, case.case_id)
        cited = [item for item in photographs.photographs_of_case(conn, held.case_key) if item.size < 12_000]
    described = {name: getattr(cited[0], name) for name in ("sha256", "media_type", "width", "height")} | {
        "bytes": cited[0].size
    }
    liar = Liar(federation, HELPER)
    photo = {"kind": "photo", "taken": "2025-06", "primary": True, "renditions": [described]}
    liar.put(1, change=lambda parts: parts["public"].update(photos=[photo]))
    publishing.erase(federation[POLICE], case.case_id, "test")
    federation.wire.faults[HELPER] = [liar.fault, answering("/receipts", b"", 204)]
    with unchanged(federation[POLICE]):
        report = federation.pull(PEER, HELPER)
        assert (report.error, report.photographs) == ("", 0)
        for owner in (POLICE, HELPER):
            path = f"/feeds/network/photographs/{cited[0].sha256}"
            assert federation.ask(PEER, owner, "GET", path).status == 404
    assert list(federation[PEER].blobs.iterate(HELPER)) == []
