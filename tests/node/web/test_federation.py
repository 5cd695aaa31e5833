"""The interface between nodes: who gets what, and what anybody else gets to see."""

import gzip
import hashlib
import http.client
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image

from node.adapters.http import Answer
from node.services.disclosure import publishing
from node.services.members import membership
from node.services.register import cases as register
from node.services.serving import MAX_RINGS
from node.store.database import reading
from node.store.federation import peers
from node.store.published import documents, feeds, photographs
from protocol.answers import Given, format_query, parse_answers
from protocol.checkpoint import verify_checkpoint
from protocol.document import digest_document
from protocol.encoding import format_time, parse_json
from protocol.member import fingerprint
from protocol.policy import Policy
from protocol.receipt import ERASED, HELD, format_receipt
from protocol.tiles import parse_bundle
from protocol.token import LEEWAY, MAX_LIFE, sign_request
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]
NETWORK = "/feeds/network/checkpoint"
SECRET = "/feeds/police/checkpoint"
UNKNOWN = "/feeds/nothing/checkpoint"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """A federation that no test changes: the French police has published three cases."""
    federation = Federation(tmp_path_factory.mktemp("shared"))
    federation.publish(POLICE, *(sample_record(language, photos=None) for language in ("ar", "uk", "ja")))
    yield federation
    federation.close()


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path)
    yield made
    made.close()


def live_digests(federation: Federation, owner: str = POLICE, audience: str = "network") -> list[bytes]:
    """Return the digests of an owner's live documents, in the order of their leaves."""
    with reading(federation[owner].engine) as conn:
        row = feeds.find_feed(conn, owner, audience)
        assert row is not None
        held = documents.iterate_documents(conn, row.id, 0, 1000)
    return [item.digest for item in held]


def ask_documents(
    federation: Federation, caller: str, digests: list[bytes], audience: str = "network"
) -> list[object]:
    answer = federation.ask(caller, POLICE, "POST", f"/feeds/{audience}/documents", format_query(digests))
    assert answer.status == 200
    return list(parse_answers(answer.body, digests))


def is_given(answer: object, *, direct: bool = False) -> bool:
    return isinstance(answer, Given) and answer.direct is direct


def detail(answer: Answer) -> str:
    assert answer.headers["content-type"] == "application/problem+json"
    problem = parse_json(answer.body, "problem", 10_000)
    assert problem["status"] == answer.status
    assert set(problem) == {"title", "status", "detail"}
    return str(problem["detail"])


# --- Checkpoints and tiles ---


def test_a_member_reads_a_signed_checkpoint_and_asks_again_by_its_tag(shared: Federation) -> None:
    answer = shared.ask(PEER, POLICE, "GET", NETWORK)
    keys = shared[PEER].network().roster.member(POLICE).feed("network").keys
    checkpoint, _ = verify_checkpoint(answer.body, keys)
    assert (answer.status, checkpoint.size) == (200, 3)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-cache"

    tag = answer.headers["etag"]
    for sent in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = shared.ask(PEER, POLICE, "GET", NETWORK, headers={"If-None-Match": sent})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert shared.ask(PEER, POLICE, "GET", NETWORK, headers={"If-None-Match": '"other"'}).status == 200


def test_head_says_what_get_would_without_the_body(shared: Federation) -> None:
    full = shared.ask(PEER, POLICE, "GET", NETWORK)
    head = shared.ask(PEER, POLICE, "HEAD", NETWORK)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == full.headers["content-length"]
    assert shared.ask(PEER, POLICE, "HEAD", "/health").status == 200


def test_tiles_are_served_in_every_width_that_the_tree_has_had(shared: Federation) -> None:
    for width in (1, 2, 3):
        answer = shared.ask(PEER, POLICE, "GET", f"/feeds/network/tile/entries/000.p/{width}")
        assert len(parse_bundle(answer.body, width)) == width
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        hashes = shared.ask(PEER, POLICE, "GET", f"/feeds/network/tile/0/000.p/{width}")
        assert len(hashes.body) == 32 * width
    for place in ("entries/000.p/4", "0/000.p/4", "entries/000", "0/001.p/1", "1/000.p/1", "63/000.p/1"):
        assert shared.ask(PEER, POLICE, "GET", f"/feeds/network/tile/{place}").status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/feeds/network/tile/../checkpoint",
        "/feeds/network/tile/%2e%2e/checkpoint",
        "/feeds/network/tile/0/%2e%2e%2f000.p/1",
        "/feeds/network/tile/0/000.p/1%00",
        "/feeds/network/tile/0/0.p/1",
        "/feeds/network/tile/00/000.p/1",
        "/feeds/network/tile/0/x000/000.p/1",
        "/feeds/network/tile/0/000.p/01",
        "/feeds/network/tile/64/000.p/1",
        "/feeds/network/tile/0/" + "x999/" * 500 + "999",
        "/feeds/network/tile/0/",
        "/feeds/network//checkpoint",
        "/feeds/network/checkpoint/",
        "/feeds/%00/checkpoint",
        "/feeds/network%2fcheckpoint",
        "/tuf/metadata/..%2f..%2fnode.toml",
        "/tuf/metadata/%2e%2e",
        "/tuf/targets/../../keys/secret",
        "/tuf/targets//etc/passwd",
        "/feeds/network/photographs/../../keys/secret",
        "/feeds/network/photographs/" + "0" * 63,
        "/feeds/network/photographs/" + "A" * 64,
        "/feeds/network/photographs/" + "0" * 64,
        "/nothing",
        "/",
    ],
)
def test_tricks_with_paths_find_nothing(shared: Federation, path: str) -> None:
    answer = shared.ask(PEER, POLICE, "GET", path)
    assert answer.status == 404
    assert detail(answer) in (
        "There is nothing here under this address.",
        "The log has no such tile.",
        "There is no such photograph here.",
        "There is no such signed file here.",
    )


def test_what_is_longer_than_a_kilobyte_is_compressed_when_asked_for(shared: Federation) -> None:
    digests = live_digests(shared)
    body = format_query(digests)
    path = "/feeds/network/documents"
    client = shared.wire.apps[POLICE].test_client()

    def post(encodings: str) -> tuple[dict[str, str], bytes]:
        token = shared.token(PEER, POLICE, "POST", path, body)
        sent = {"Authorization": f"Bearer {token}", "Accept-Encoding": encodings}
        response = client.post(path, data=body, headers=sent)
        return dict(response.headers), response.data

    plain_headers, plain = post("identity")
    packed_headers, packed = post("br, gzip")
    assert "Content-Encoding" not in plain_headers
    assert packed_headers["Content-Encoding"] == "gzip"
    assert plain_headers["Vary"] == packed_headers["Vary"] == "Accept-Encoding"
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain)
    assert int(packed_headers["Content-Length"]) == len(packed)
    assert "Content-Encoding" not in post("gzip;q=0")[0]
    assert "content-encoding" not in shared.ask(PEER, POLICE, "GET", NETWORK).headers


# --- Who is asking ---


@pytest.mark.parametrize(
    "path", [NETWORK, "/feeds/network/tile/entries/000.p/1", "/feeds/network/photographs/x"]
)
def test_nobody_gets_nothing(shared: Federation, path: str) -> None:
    answer = shared.ask(None, POLICE, "GET", path)
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "token" in detail(answer)


def test_a_token_is_for_one_request_only(shared: Federation) -> None:
    good = ("GET", NETWORK, b"")
    for receiver, method, path, body in (
        (HELPER, *good),
        (POLICE, "HEAD", NETWORK, b""),
        (POLICE, "GET", "/feeds/network/tile/0/000.p/1", b""),
        (POLICE, "GET", f"{NETWORK}?x=1", b""),
        (POLICE, "GET", NETWORK, b"{}"),
    ):
        token = shared.token(PEER, receiver, method, path, body)
        answer = shared.ask(PEER, POLICE, *good[:2], token=token)
        assert answer.status == 401
        assert "another request" in detail(answer)
    body = format_query(live_digests(shared))
    token = shared.token(PEER, POLICE, "POST", "/feeds/network/documents", body)
    answer = shared.ask(PEER, POLICE, "POST", "/feeds/network/documents", body + b" ", token=token)
    assert answer.status == 401


@pytest.mark.parametrize("age", [MAX_LIFE + LEEWAY, -LEEWAY - timedelta(seconds=1)])
def test_a_token_is_of_now(shared: Federation, age: timedelta) -> None:
    token = shared.token(PEER, POLICE, "GET", NETWORK, at=shared.clock() - age)
    assert shared.ask(PEER, POLICE, "GET", NETWORK, token=token).status == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "A" * 5000, "e30.e30.e30"])
def test_a_token_that_is_none(shared: Federation, token: str) -> None:
    client = shared.wire.apps[POLICE].test_client()
    answer = client.get(NETWORK, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    for scheme in ("Basic dTpw", "Bearer", "bearer"):
        assert client.get(NETWORK, headers={"Authorization": scheme}).status_code == 401


def test_a_token_of_a_key_that_the_roster_does_not_list(shared: Federation) -> None:
    stranger = replace(shared[PEER].token_signer(), member="police.xx.example")
    token = sign_request(stranger, POLICE, "GET", NETWORK, b"", shared.clock(), "stranger-1")
    assert shared.ask(PEER, POLICE, "GET", NETWORK, token=token).status == 401
    forged = replace(shared[PEER].token_signer(), private=shared[HELPER].token_signer().private)
    token = sign_request(forged, POLICE, "GET", NETWORK, b"", shared.clock(), "stranger-2")
    assert shared.ask(PEER, POLICE, "GET", NETWORK, token=token).status == 401


def test_a_suspended_member_reads_leaves_for_the_sake_of_erasures_and_is_told_why_no_more(
    federation: Federation,
) -> None:
    federation.publish(POLICE, sample_record("ar", photos=None))
    federation.announce(PEER, state="suspended")
    for audience in ("network", "police"):
        for path in ("checkpoint", "tile/entries/000.p/1"):
            assert federation.ask(PEER, POLICE, "GET", f"/feeds/{audience}/{path}").status == 200
    query = format_query(live_digests(federation))
    for method, path, body in (
        ("POST", "/feeds/network/documents", query),
        ("GET", f"/feeds/network/photographs/{'0' * 64}", b""),
    ):
        answer = federation.ask(PEER, POLICE, method, path, body)
        assert answer.status == 403
        assert "suspended" in detail(answer)
    assert federation.ask(PEER, POLICE, "POST", "/feeds/police/documents", query).status == 404


def test_a_removed_member_is_told_why_and_reads_only_erasures_for_a_while(federation: Federation) -> None:
    documents = "/feeds/network/documents", format_query([bytes(32)])
    federation.announce(PEER, state="removed", removed_at=federation.clock())
    assert federation.ask(PEER, POLICE, "GET", NETWORK).status == 200
    assert "removed" in detail(federation.ask(PEER, POLICE, "POST", *documents))
    federation.clock.advance(days=30)
    for method, path, body in (
        ("GET", NETWORK, b""),
        ("POST", *documents),
        ("POST", "/doorbell", b""),
        ("POST", "/receipts", b"x"),
    ):
        answer = federation.ask(PEER, POLICE, method, path, body)
        assert answer.status == 403
        assert "removed" in detail(answer)


def test_a_member_whose_keys_are_new_waits_for_acceptance(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE], accepted=False)
    federation.publish(POLICE, sample_record("ar", photos=None))
    assert "accepted" in detail(federation.ask(PEER, POLICE, "GET", NETWORK))
    assert federation.ask(PEER, POLICE, "GET", NETWORK).status == 403
    federation.clock.advance(days=federation.policy.notice_days)
    assert federation.ask(PEER, POLICE, "GET", NETWORK).status == 200
    assert federation.ask(PEER, POLICE, "GET", SECRET).status == 404
    membership.accept_member(
        federation[POLICE], PEER, fingerprint(federation[POLICE].network().roster.member(PEER)), "test"
    )
    assert federation.ask(PEER, POLICE, "GET", SECRET).status == 200
    federation.close()


def test_an_ngo_whose_endorsement_ran_out_is_told(federation: Federation) -> None:
    query = format_query([bytes(32)])
    assert federation.ask(HELPER, POLICE, "POST", "/feeds/network/documents", query).status == 200
    federation.clock.advance(days=366)
    answer = federation.ask(HELPER, POLICE, "POST", "/feeds/network/documents", query)
    assert answer.status == 403
    assert "ran out" in detail(answer)


# --- The police feed does not exist for others ---


@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("GET", "checkpoint", b""),
        ("HEAD", "checkpoint", b""),
        ("GET", "tile/entries/000.p/1", b""),
        ("GET", "tile/0/000.p/1", b""),
        ("GET", "tile/nonsense", b""),
        ("GET", "photographs/" + "0" * 64, b""),
        ("GET", "photographs/nonsense", b""),
        ("POST", "documents", format_query([bytes(32)])),
        ("POST", "documents", b"nonsense"),
        ("POST", "documents", b"x" * 100_000),
        ("PUT", "checkpoint", b""),
        ("OPTIONS", "checkpoint", b""),
        ("GET", "nonsense", b""),
    ],
)
def test_a_police_feed_looks_like_an_audience_nobody_ever_heard_of(
    shared: Federation, method: str, rest: str, body: bytes
) -> None:
    callers: list[tuple[str | None, str | None]] = [(None, None), (HELPER, None), (None, "x.y.z")]
    for caller, token in callers:
        police, unknown = (
            shared.ask(caller, POLICE, method, f"/feeds/{audience}/{rest}", body, token=token)
            for audience in ("police", "nothing")
        )
        assert police.status in (404, 405, 413)
        assert (police.status, police.headers, police.body) == (unknown.status, unknown.headers, unknown.body)


def test_a_police_feed_is_hidden_from_police_that_is_not_accepted_or_was_removed(tmp_path: Path) -> None:
    federation = Federation(tmp_path, [FR, DE], accepted=False)
    federation.publish(POLICE, sample_record("ar", photos=None))

    def check_hidden() -> None:
        police = federation.ask(PEER, POLICE, "GET", SECRET)
        unknown = federation.ask(PEER, POLICE, "GET", UNKNOWN)
        assert police.status == 404
        assert (police.headers, police.body) == (unknown.headers, unknown.body)

    check_hidden()
    federation.accept_all(federation[POLICE])
    assert federation.ask(PEER, POLICE, "GET", SECRET).status == 200
    federation.announce(PEER, state="removed", removed_at=federation.clock())
    check_hidden()
    federation.close()


def test_an_ngo_has_no_police_feed_for_anybody(shared: Federation) -> None:
    answer = shared.ask(POLICE, HELPER, "GET", SECRET)
    assert (answer.status, answer.body) == (404, shared.ask(POLICE, HELPER, "GET", UNKNOWN).body)


# --- An exercise ---


def test_in_an_exercise_anybody_reads_checkpoints_and_tiles_of_the_network_and_nothing_else(
    tmp_path: Path,
) -> None:
    federation = Federation(tmp_path, [FR], policy=Policy(exercise=True))
    federation.publish(POLICE, sample_record("ar", photos=None))
    open_to_all = [NETWORK, "/feeds/network/tile/entries/000.p/1", "/feeds/network/tile/0/000.p/1"]
    assert [federation.ask(None, POLICE, "GET", path).status for path in open_to_all] == [200] * 3
    assert federation.ask(None, POLICE, "GET", NETWORK, token="x.y.z").status == 401
    assert federation.ask(None, POLICE, "GET", SECRET).status == 404
    assert federation.ask(None, POLICE, "GET", f"/feeds/network/photographs/{'0' * 64}").status == 401
    assert (
        federation.ask(None, POLICE, "POST", "/feeds/network/documents", format_query([bytes(32)])).status
        == 401
    )
    assert federation.ask(None, POLICE, "POST", "/doorbell").status == 401
    federation.close()


# --- Documents ---


def test_each_digest_is_answered_in_the_order_asked(federation: Federation) -> None:
    first, second = federation.publish(
        POLICE, sample_record("ar", photos=None), sample_record("uk", photos=None)
    )
    old, other = live_digests(federation)
    register.change_case(federation[POLICE], first.case_id, {"sex": 9}, "test", federation.folder)
    publishing.publish(federation[POLICE], [first.case_id], "test")
    new = next(digest for digest in live_digests(federation) if digest != other)

    answers = ask_documents(federation, PEER, [bytes(32), old, new, other])
    assert answers[:2] == ["unknown", "superseded"]
    given = [answer for answer in answers if isinstance(answer, Given)]
    assert [digest_document(answer.body) for answer in given] == [new, other]
    response = federation.ask(PEER, POLICE, "POST", "/feeds/network/documents", format_query([new]))
    assert response.headers["content-type"] == "application/vnd.gmcn.documents"
    assert response.headers["cache-control"] == "no-store"

    publishing.erase(federation[POLICE], second.case_id, "test")
    assert ask_documents(federation, PEER, [old, other]) == ["superseded", "erased"]

    federation.clock.advance(days=180)
    assert ask_documents(federation, PEER, [new])[0] not in ("expired", "erased")
    federation.clock.advance(days=1)  # the job that hides it has not run
    assert ask_documents(federation, PEER, [old, new, other]) == ["expired", "expired", "erased"]


def test_a_member_that_a_case_is_kept_from_is_told_so_and_no_more(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    (digest,) = live_digests(federation)
    register.exclude_members(federation[POLICE], case.case_id, [HELPER], "test")
    assert ask_documents(federation, HELPER, [digest]) == ["restricted"]
    assert is_given(ask_documents(federation, PEER, [digest])[0], direct=True)


def test_a_feed_gives_no_document_of_the_other(shared: Federation) -> None:
    network, police = live_digests(shared)[0], live_digests(shared, audience="police")[0]
    assert ask_documents(shared, PEER, [police]) == ["unknown"]
    assert ask_documents(shared, PEER, [network], "police") == ["unknown"]
    assert is_given(ask_documents(shared, PEER, [police], "police")[0])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"digests":[]}',
        b'{"digests":["zz"]}',
        b'{"digests":"' + b"0" * 64 + b'"}',
        b'{"digests":["' + b"0" * 64 + b'","' + b"0" * 64 + b'"]}',
        b'{"digests":[],"digests":[]}',
        b"\xff",
        b"[" * 10_000,
        format_query([bytes([i % 256, i // 256]) * 16 for i in range(257)]),
    ],
)
def test_a_question_that_is_none(shared: Federation, body: bytes) -> None:
    answer = shared.ask(PEER, POLICE, "POST", "/feeds/network/documents", body)
    assert answer.status == 400
    assert detail(answer)


@pytest.mark.parametrize(
    ("path", "size"),
    [("/feeds/network/documents", 40_000), ("/receipts", 140_000), ("/doorbell", 1), ("/health", 1)],
)
def test_a_body_that_is_too_long_is_not_read(shared: Federation, path: str, size: int) -> None:
    method = "GET" if path == "/health" else "POST"
    answer = shared.ask(PEER, POLICE, method, path, b"x" * size)
    assert answer.status == 413
    assert detail(answer)


def test_other_methods_are_refused(shared: Federation) -> None:
    answer = shared.ask(PEER, POLICE, "DELETE", NETWORK)
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert shared.ask(PEER, POLICE, "GET", "/doorbell").status == 405


# --- Photographs ---


def photograph(folder: Path, name: str, colour: str) -> dict[str, object]:
    Image.new("RGB", (640, 800), colour).save(folder / name)
    return {"kind": "photo", "file": name, "primary": True, "taken": "2025-06"}


def renditions(federation: Federation, case_id: str) -> list[photographs.Photograph]:
    with reading(federation[POLICE].engine) as conn:
        return photographs.photographs_of_case(conn, documents.find_documents(conn, case_id)[0].case_key)


def test_a_photograph_is_given_to_whoever_may_read_a_live_document_that_names_it(
    federation: Federation,
) -> None:
    record = sample_record("ar", photos=[photograph(federation.folder, "a.png", "red")])
    (case,) = federation.publish(POLICE, record)
    with reading(federation[POLICE].engine) as conn:
        (held,) = [
            item for item in documents.find_documents(conn, case.case_id) if item.audience == "network"
        ]
        renditions = photographs.photographs_of_case(conn, held.case_key)
    for rendition in renditions:
        path = f"/feeds/network/photographs/{rendition.sha256}"
        answer = federation.ask(PEER, POLICE, "GET", path)
        assert (answer.status, hashlib.sha256(answer.body).hexdigest()) == (200, rendition.sha256)
        assert answer.headers["content-type"] == rendition.media_type
        assert answer.headers["cache-control"] == "no-store"
        # another feed, another owner
        assert federation.ask(PEER, POLICE, "GET", path.replace("network", "police")).status == 404
        assert federation.ask(PEER, HELPER, "GET", path).status == 404

    register.exclude_members(federation[POLICE], case.case_id, [HELPER], "test")
    assert federation.ask(HELPER, POLICE, "GET", path).status == 404
    assert federation.ask(PEER, POLICE, "GET", path).status == 200
    publishing.withdraw(federation[POLICE], case.case_id, "test")
    assert federation.ask(PEER, POLICE, "GET", path).status == 404


def test_a_photograph_of_an_expired_case_is_gone_by_the_clock(federation: Federation) -> None:
    record = sample_record("ar", photos=[photograph(federation.folder, "a.png", "red")])
    (case,) = federation.publish(POLICE, record)
    sha256 = renditions(federation, case.case_id)[0].sha256
    federation.clock.advance(days=181)
    assert federation.ask(PEER, POLICE, "GET", f"/feeds/network/photographs/{sha256}").status == 404


def test_a_photograph_that_only_a_draft_names_is_not_given(federation: Federation) -> None:
    federation.publish(POLICE, sample_record("uk", photos=None))
    record = sample_record("ar", photos=[photograph(federation.folder, "a.png", "red")])
    (draft,) = register.add_cases(federation[POLICE], [record], "test", federation.folder)
    sha256 = draft.record["photos"][0]["renditions"][0]["sha256"]
    assert federation[POLICE].blobs.has(POLICE, sha256)
    assert federation.ask(PEER, POLICE, "GET", f"/feeds/network/photographs/{sha256}").status == 404


def test_a_damaged_photograph_is_an_error_here_and_says_nothing(federation: Federation) -> None:
    record = sample_record("ar", photos=[photograph(federation.folder, "a.png", "red")])
    (case,) = federation.publish(POLICE, record)
    sha256 = renditions(federation, case.case_id)[0].sha256
    file = next((federation[POLICE].config.home / "photographs").rglob(sha256))
    file.write_bytes(b"damaged")
    answer = federation.ask(PEER, POLICE, "GET", f"/feeds/network/photographs/{sha256}")
    assert answer.status == 500
    assert "damaged" not in detail(answer)
    assert sha256 not in detail(answer)


# --- Signed files, withdrawals, health ---


def test_signed_files_are_served_to_anybody_byte_for_byte(shared: Federation) -> None:
    file = shared.coordinator.files["1.root.json"]
    for folder in ("metadata", "targets"):
        answer = shared.ask(None, POLICE, "GET", f"/tuf/{folder}/1.root.json")
        assert (answer.status, answer.body) == (200, file)
        assert shared.ask(None, POLICE, "GET", f"/tuf/{folder}/2.root.json").status == 404


def test_withdrawals_are_served_to_anybody(federation: Federation) -> None:
    assert federation.ask(None, POLICE, "GET", "/withdrawals").body == b'{"withdrawals":[]}'
    membership.withdraw_endorsement(federation[POLICE], HELPER, "test")
    answer = federation.ask(None, POLICE, "GET", "/withdrawals")
    assert len(parse_json(answer.body, "withdrawals", 10_000)["withdrawals"]) == 1


def test_health_and_headers_of_every_answer(shared: Federation) -> None:
    answer = shared.ask(None, POLICE, "GET", "/health")
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')
    for path in ("/health", "/nothing", NETWORK, UNKNOWN):
        headers = shared.ask(None, POLICE, "GET", path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] == "no-store"


def test_an_error_of_this_program_says_nothing(shared: Federation, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a name that must not get out")

    monkeypatch.setattr("node.services.serving.open_feed", fail)
    answer = shared.ask(PEER, POLICE, "GET", NETWORK)
    assert answer.status == 500
    assert b"name" not in answer.body


# --- Doorbell and receipts ---


def test_a_ring_makes_the_caller_due_at_once_and_is_honoured_once(federation: Federation) -> None:
    federation.pull(POLICE, PEER)
    node = federation[POLICE]

    def due() -> list[str]:
        with reading(node.engine) as conn:
            return peers.due_peers(conn, federation.clock())

    assert PEER not in due()
    token = federation.token(PEER, POLICE, "POST", "/doorbell")
    assert federation.ask(PEER, POLICE, "POST", "/doorbell", token=token).status == 202
    assert PEER in due()
    assert federation.rung == [POLICE]
    assert federation.ask(PEER, POLICE, "POST", "/doorbell", token=token).status == 409
    assert federation.rung == [POLICE]


def test_a_flood_of_rings_is_stopped_for_whoever_makes_it(federation: Federation) -> None:
    statuses = [federation.ask(PEER, POLICE, "POST", "/doorbell").status for _ in range(MAX_RINGS + 2)]
    assert statuses == [202] * MAX_RINGS + [429] * 2
    answer = federation.ask(PEER, POLICE, "POST", "/doorbell")
    assert answer.headers["retry-after"] == "60"
    assert federation.ask(HELPER, POLICE, "POST", "/doorbell").status == 202
    federation.clock.advance(seconds=61)
    assert federation.ask(PEER, POLICE, "POST", "/doorbell").status == 202


def test_a_receipt_is_taken_once(federation: Federation) -> None:
    (case,) = federation.publish(POLICE, sample_record("ar", photos=None))
    (digest,) = live_digests(federation)
    now = federation.clock()
    item = {"case": case.case_id, "version": 1, "digest": digest.hex(), "held_at": format_time(now)}
    signer = federation[PEER].token_signer()
    receipt = format_receipt(signer, POLICE, f"{POLICE}/network", HELD, [item], now, "receipt-1").encode()
    token = federation.token(PEER, POLICE, "POST", "/receipts", receipt)
    answer = federation.ask(PEER, POLICE, "POST", "/receipts", receipt, token=token)
    assert (answer.status, answer.body) == (204, b"")
    assert federation.ask(PEER, POLICE, "POST", "/receipts", receipt, token=token).status == 409
    assert federation.ask(HELPER, POLICE, "POST", "/receipts", receipt).status == 403
    assert federation.ask(PEER, POLICE, "POST", "/receipts", b"x.y.z").status == 400
    assert federation.ask(PEER, POLICE, "POST", "/receipts", b"\xff").status == 400
    bad = format_receipt(signer, POLICE, f"{POLICE}/network", ERASED, [item], now, "receipt-2").encode()
    assert federation.ask(PEER, POLICE, "POST", "/receipts", bad).status == 400


# --- Over real sockets ---


@pytest.fixture(scope="module")
def listening(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    federation = Federation(tmp_path_factory.mktemp("sockets"), [FR, DE], sockets=True)
    federation.publish(POLICE, sample_record("ar", photos=None))
    yield federation
    federation.close()


def address_of(federation: Federation) -> tuple[str, int]:
    parts = urlsplit(federation[PEER].network().roster.member(POLICE).address)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def test_a_whole_pull_and_its_receipts_over_sockets(listening: Federation) -> None:
    report = listening.pull(PEER, POLICE)
    assert (report.error, report.documents, report.receipts) == ("", 2, 2)
    again = listening.pull(PEER, POLICE)
    assert (again.error, again.leaves, again.documents, again.receipts) == ("", 0, 0, 0)


def test_a_poll_takes_less_than_a_kilobyte_both_ways(listening: Federation) -> None:
    tag = listening.ask(PEER, POLICE, "GET", NETWORK).headers["etag"]
    token = listening.token(PEER, POLICE, "GET", NETWORK, token_id="A" * 22)
    host, port = address_of(listening)
    sent = (
        f"GET {NETWORK} HTTP/1.1\r\nHost: {host}:{port}\r\nUser-Agent: gmcn-node\r\nAccept-Encoding: gzip\r\n"
        "Accept: */*\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
        f"If-None-Match: {tag}\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()
    with socket.create_connection((host, port), 5) as connection:
        connection.sendall(sent)
        received = connection.recv(10_000)
    assert received.startswith(b"HTTP/1.1 304 ")
    assert received.endswith(b"\r\n\r\n")
    assert len(sent) + len(received) < 1024, (len(sent), len(received))


def test_a_connection_outlives_polls_that_find_nothing_new(listening: Federation) -> None:
    tag = listening.ask(PEER, POLICE, "GET", NETWORK).headers["etag"]
    connection = http.client.HTTPConnection(*address_of(listening), timeout=5)
    connection.connect()
    first = connection.sock
    for keep in (True, True, False):
        headers = {"Authorization": f"Bearer {listening.token(PEER, POLICE, 'GET', NETWORK)}"}
        headers |= {"If-None-Match": tag, "Connection": "keep-alive" if keep else "close"}
        connection.request("GET", NETWORK, headers=headers)
        assert connection.sock is first
        response = connection.getresponse()
        assert (response.status, response.read(), response.will_close) == (304, b"", not keep)
    connection.close()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", b"431"),
        (b"POST /receipts HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"GET /feeds/network/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n", b"401"),
        (b"GET /feeds/network/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"404"),
        (b"GET http://elsewhere.example/health HTTP/1.1\r\nHost: x\r\n\r\n", b"200"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /feeds/\x00\xff HTTP/1.1\r\nHost: x\r\n\r\n", b"40"),
    ],
)
def test_raw_bytes_on_the_socket(listening: Federation, head: bytes, status: bytes) -> None:
    with socket.create_connection(address_of(listening), 5) as connection:
        connection.sendall(head)
        answer = connection.recv(10_000)
    assert answer.split(b" ")[1].startswith(status)
    assert b"Traceback" not in answer
    assert b"waitress" not in answer.split(b"\r\n\r\n")[0].lower()


def test_a_body_in_chunks_is_bound_by_its_token_too(listening: Federation) -> None:
    body = format_query([bytes(32)])
    path = "/feeds/network/documents"
    host, port = address_of(listening)
    connection = http.client.HTTPConnection(host, port, timeout=5)
    headers = {"Authorization": f"Bearer {listening.token(PEER, POLICE, 'POST', path, body)}"}
    connection.request("POST", path, iter([body[:10], body[10:]]), headers, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"0" * 64 + b" unknown\n")
    connection.close()
