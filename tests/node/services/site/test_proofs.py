"""The proof file of an own case: what it proves to strangers, and of what there is none."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tlog_scales import tiles as their_tiles
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint as TheirCheckpoint
from tlog_scales.tlog import InclusionProof

from node.errors import NotFound
from node.services.disclosure import issuing, publishing
from node.services.site.proofs import NotProven, make_proof_file
from node.services.site.showing import Gone
from node.store.database import reading, writing
from node.store.published import feeds
from protocol.proof_file import parse_proof_file, verify_shown, verify_statement
from tests.factories import sample_record
from tests.federation import DE, FR, Federation

OWNER, PEER = FR[0], DE[0]


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, (FR, DE))
    yield made
    made.close()


def published(federation: Federation, member: str = OWNER, count: int = 1) -> list[str]:
    records = [sample_record("pt", photos=None, show_in="all") for _ in range(count)]
    made = federation.publish(member, *records)
    issuing.issue(federation[member])
    return [one.case_id for one in made]


@pytest.mark.parametrize("count", [1, 2, 7, 300])
def test_every_part_of_it_holds(federation: Federation, count: int) -> None:
    node, cases = federation[OWNER], published(federation, count=count)
    roster = node.network().roster
    for case_id in (cases[0], cases[count // 2], cases[-1]):
        file = parse_proof_file(make_proof_file(node, case_id))
        announced, parts = verify_shown(file, lambda owner: roster.member(owner).feed("network").keys)
        assert announced.leaf.case == parts["head"]["case"] == case_id
        assert announced.checkpoint.size == count
        current = verify_statement(file, announced, roster.token_key_now(node.now()))
        current.check_holds(node.now())


def test_strangers_check_it_with_their_own_tools(federation: Federation) -> None:
    """Nothing of this program: PyJWT, another team's log client, and SHA-256."""
    node, cases = federation[OWNER], published(federation, count=5)
    entry = node.entry()
    file = json.loads(make_proof_file(node, cases[3]))

    lines, _, checkpoint = file["tlog_proof"].partition("\n\n")
    _, extra, index, *hashes = lines.split("\n")
    leaf = base64.b64decode(extra.removeprefix("extra "))
    head = TheirCheckpoint.from_text(checkpoint)
    head.verify(Vkey.from_string(entry.feed("network").keys[-1].format()))
    path = [base64.b64decode(line) for line in hashes]
    place = int(index.removeprefix("index "))
    InclusionProof(place, head.size, path).check(their_tiles.leaf_hash(leaf), head.root_hash)

    parts = [base64.b64decode(file[name]) for name in ("head", "public")]
    hashed = [hashlib.sha256(part).digest() for part in parts] + [bytes.fromhex(file["network_sha256"])]
    digest = hashlib.sha256(b"gmcn/document/v1\n" + b"".join(hashed)).hexdigest()
    assert digest == json.loads(leaf)["digest"]

    key = Ed25519PublicKey.from_public_bytes(entry.token_keys[-1].public)
    claims = jwt.decode(
        file["statement"], key, algorithms=["EdDSA"], options={"verify_exp": False, "verify_iat": False}
    )
    assert (claims["iss"], claims["case"], claims["digest"]) == (OWNER, cases[3], digest)


def test_it_says_nothing_of_the_network_part(federation: Federation) -> None:
    node, (case_id,) = federation[OWNER], published(federation)
    file = json.loads(make_proof_file(node, case_id))
    assert set(file) == {"schema", "head", "public", "network_sha256", "tlog_proof", "statement"}
    shown = json.loads(base64.b64decode(file["public"]))
    for name in ("risk", "consent", "birth", "purge_by", "review_due"):
        assert name not in shown


def test_a_proof_made_beside_later_leaves_is_of_the_published_head(federation: Federation) -> None:
    node, (case_id,) = federation[OWNER], published(federation)
    before = make_proof_file(node, case_id)
    published(federation, count=3)
    after = parse_proof_file(make_proof_file(node, case_id))
    assert parse_proof_file(before).proof.hashes != after.proof.hashes
    assert after.proof.index == 0


def test_nothing_is_proven_before_it_is_signed(federation: Federation) -> None:
    node = federation[OWNER]
    (made,) = federation.publish(OWNER, sample_record("pt", photos=None, show_in="all"))
    with pytest.raises(NotProven):
        make_proof_file(node, made.case_id)
    issuing.issue(node)
    assert make_proof_file(node, made.case_id)


def test_of_a_head_that_is_not_published_nothing_is_proven(federation: Federation) -> None:
    node, (case_id,) = federation[OWNER], published(federation)
    with writing(node.engine) as conn:
        conn.execute(feeds.feed.update().values(pending=feeds.feed.c.note, note=None))
    with pytest.raises(NotProven):
        make_proof_file(node, case_id)


def test_what_ran_out_is_not_proven(federation: Federation) -> None:
    node, (case_id,) = federation[OWNER], published(federation)
    federation.clock.advance(hours=48)
    with pytest.raises(NotProven):
        make_proof_file(node, case_id)


def test_of_a_new_version_only_the_new_one_is_proven(federation: Federation) -> None:
    node, (case_id,) = federation[OWNER], published(federation)
    publishing.publish(node, [case_id], "test")
    with pytest.raises(NotProven):
        make_proof_file(node, case_id)
    issuing.issue(node)
    file = parse_proof_file(make_proof_file(node, case_id))
    assert json.loads(file.proof.extra or b"")["version"] == 2


@pytest.mark.parametrize("end", [publishing.withdraw, publishing.erase])
def test_of_what_is_over_there_is_no_proof(federation: Federation, end: object) -> None:
    node, (case_id,) = federation[OWNER], published(federation)
    assert callable(end)
    end(node, case_id, "test")
    with pytest.raises(Gone) as caught:
        make_proof_file(node, case_id)
    assert case_id.rpartition("/")[2] not in str(caught.value)


def test_of_what_may_be_shown_nowhere_there_is_no_proof(federation: Federation) -> None:
    node = federation[OWNER]
    (made,) = federation.publish(OWNER, sample_record("pt", photos=None, show_in=["DE"]))
    issuing.issue(node)
    with pytest.raises(NotFound):
        make_proof_file(node, made.case_id)


def test_of_another_member_s_case_there_is_none_here(federation: Federation) -> None:
    (case_id,) = published(federation, PEER)
    federation.pull(OWNER, PEER)
    with pytest.raises(NotFound, match="owner"):
        make_proof_file(federation[OWNER], case_id)


@pytest.mark.parametrize("state", ["suspended", "removed"])
def test_a_member_that_does_not_stand_proves_nothing(federation: Federation, state: str) -> None:
    node, (case_id,) = federation[OWNER], published(federation)
    removed_at = federation.clock() if state == "removed" else None
    federation.announce(OWNER, state=state, removed_at=removed_at)
    with pytest.raises((NotProven, NotFound)):
        make_proof_file(node, case_id)


def test_a_stopped_feed_proves_nothing(federation: Federation) -> None:
    node, (case_id,) = federation[OWNER], published(federation)
    with writing(node.engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
        assert row is not None
        feeds.set_feed_state(conn, row.id, feeds.SPLIT, "two faces")
    with pytest.raises(NotProven):
        make_proof_file(node, case_id)
    with reading(node.engine) as conn:
        assert feeds.find_feed(conn, OWNER, "network") is not None
