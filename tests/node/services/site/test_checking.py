"""What somebody brings as a proof: whose it is, whether it holds, and what is none."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import InvalidInput
from node.services.disclosure import issuing, publishing
from node.services.site.checking import PROOF_FILE, STATEMENT, TLOG_PROOF, check_proof
from node.services.site.proofs import make_proof_file
from node.services.site.showing import find_shown
from node.store.database import reading
from node.store.published import feeds
from protocol.current import format_current
from protocol.encoding import format_json
from protocol.errors import BadProof, BadSignature, Malformed, NotAuthorized, ProtocolError
from protocol.feed_entry import FrozenHead
from protocol.member_keys import RetiredKey
from protocol.note import VerifierKey
from protocol.policy import Policy
from protocol.proof import format_proof
from protocol.proof_file import ProofFile, format_proof_file, parse_proof_file
from protocol.roster import Roster
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation
from tests.node.web.public.conftest import draw

OWNER, WITNESS = FR[0], DE[0]


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    """The French police, whose feed the German police witnesses, and a French NGO."""
    asked = (WITNESS,)
    policy = Policy(witnesses={"network": asked, "police": asked}, quorum={"network": 1, "police": 1})
    made = Federation(tmp_path, (FR, DE, NGO), policy=policy)
    yield made
    made.close()


def published(federation: Federation, member: str = OWNER, name: str = "child.png") -> str:
    record = sample_record("pt", photos=[draw(federation.folder, name)], show_in="all")
    (made,) = federation.publish(member, record)
    issuing.issue(federation[member])
    return made.case_id


def file_of(federation: Federation, case_id: str) -> ProofFile:
    return parse_proof_file(make_proof_file(federation[case_id.partition("/")[0]], case_id))


def roster_of(federation: Federation) -> Roster:
    return federation.coordinator.trusted.roster


def feed_key(federation: Federation) -> VerifierKey:
    return federation[OWNER].entry().feed("network").keys[-1]


def photographs(federation: Federation, case_id: str) -> list[bytes]:
    node = federation[OWNER]
    found = [node.blobs.get(OWNER, one.sha256) for one in find_shown(node, case_id).photographs]
    return [data for data in found if data]


def test_a_proof_file_says_who_what_and_until_when(federation: Federation) -> None:
    case_id = published(federation)
    now = federation.clock()
    checked = check_proof(make_proof_file(federation[OWNER], case_id), roster_of(federation), now)
    assert (checked.kind, checked.owner, checked.case_id) == (PROOF_FILE, OWNER, case_id)
    assert checked.entry is not None
    assert (checked.version, checked.at, checked.until) == (1, now, now + issuing.LIFE)
    assert checked.witnesses == (WITNESS,)
    assert (checked.stands, checked.problem) == (True, "")
    shown = photographs(federation, case_id)
    assert len(shown) == 2
    assert all(checked.shows(photograph) for photograph in shown)


def test_its_parts_can_be_checked_one_by_one(federation: Federation) -> None:
    case_id = published(federation)
    file, roster, now = file_of(federation, case_id), roster_of(federation), federation.clock()
    bare = check_proof(format_proof(file.proof), roster, now)
    assert (bare.kind, bare.case_id, bare.until) == (TLOG_PROOF, case_id, None)
    assert (bare.photographs, bare.witnesses) == (None, (WITNESS,))
    said = check_proof(f"{file.statement}\n".encode(), roster, now)
    assert (said.kind, said.case_id, said.until) == (STATEMENT, case_id, now + issuing.LIFE)
    assert (said.digest, said.witnesses, said.expires) == (bare.digest, None, None)


def test_a_leaf_may_come_in_a_file_of_its_own(federation: Federation) -> None:
    file, now = file_of(federation, published(federation)), federation.clock()
    bare = format_proof(replace(file.proof, extra=None))
    assert check_proof(bare, roster_of(federation), now, file.proof.extra).kind == TLOG_PROOF
    with pytest.raises(Malformed, match="without its leaf"):
        check_proof(bare, roster_of(federation), now)


def test_a_feed_s_key_alone_tells_what_was_announced(federation: Federation) -> None:
    case_id = published(federation)
    data, now = make_proof_file(federation[OWNER], case_id), federation.clock()
    checked = check_proof(data, feed_key(federation), now)
    assert (checked.owner, checked.entry, checked.until) == (OWNER, None, None)
    assert (checked.witnesses, checked.stands, checked.problem) == ((), True, "")
    assert checked.photographs
    with pytest.raises(InvalidInput, match="another key"):
        check_proof(file_of(federation, case_id).statement.encode(), feed_key(federation), now)


def test_a_forged_poster_proves_nothing(federation: Federation) -> None:
    """Whoever changes a word, a photograph or the contact of a case has to sign it."""
    file, now = file_of(federation, published(federation)), federation.clock()
    for public in (
        file.public.replace(b'"sex":', b'"sex" :'),
        format_json({**json.loads(file.public), "contacts": []}),
    ):
        with pytest.raises(BadProof):
            check_proof(format_proof_file(replace(file, public=public)), roster_of(federation), now)


def test_a_proof_kept_back_after_the_erasure_runs_out(federation: Federation) -> None:
    case_id = published(federation)
    data = make_proof_file(federation[OWNER], case_id)
    publishing.erase(federation[OWNER], case_id, "test")
    federation.clock.advance(hours=48)
    checked = check_proof(data, roster_of(federation), federation.clock())
    assert checked.stands
    assert checked.problem.startswith("It is not called current now: statement: ran out at")


def test_what_outlived_its_document_is_told(federation: Federation) -> None:
    proof = format_proof(file_of(federation, published(federation)).proof)
    later = federation.clock() + timedelta(days=800)
    assert "life was over" in check_proof(proof, feed_key(federation), later).problem


def test_a_proof_of_another_case_proves_nothing(federation: Federation) -> None:
    one, other = (file_of(federation, published(federation)) for _ in range(2))
    now = federation.clock()
    for mixed in (
        replace(one, proof=other.proof),
        replace(one, statement=other.statement),
        replace(one, head=other.head, public=other.public),
    ):
        with pytest.raises(BadProof):
            check_proof(format_proof_file(mixed), roster_of(federation), now)


def test_a_photograph_of_another_is_told(federation: Federation) -> None:
    one, other = published(federation), published(federation, name="other.png")
    checked = check_proof(make_proof_file(federation[OWNER], one), roster_of(federation), federation.clock())
    assert all(checked.shows(photograph) for photograph in photographs(federation, one))
    assert not any(checked.shows(photograph) for photograph in (*photographs(federation, other), b""))


def test_another_member_calls_nothing_of_this_one_current(federation: Federation) -> None:
    case_id = published(federation)
    file, now = file_of(federation, case_id), federation.clock()
    until = now + timedelta(hours=1)
    stranger = federation[WITNESS].token_signer()
    said = check_proof(file.statement.encode(), roster_of(federation), now)
    for signer in (stranger, replace(stranger, member=OWNER, kid=federation[OWNER].token_signer().kid)):
        statement = format_current(signer, case_id, said.version, said.digest, until, now)
        for data in (statement.encode(), format_proof_file(replace(file, statement=statement))):
            with pytest.raises((NotAuthorized, BadSignature)):
                check_proof(data, roster_of(federation), now)


def test_a_key_that_has_ended_proves_nothing(federation: Federation) -> None:
    data, now = make_proof_file(federation[OWNER], published(federation)), federation.clock()
    entry = federation[OWNER].entry()
    other = federation[WITNESS].entry()
    network = entry.feed("network")
    ended = RetiredKey(network.keys[-1], now + timedelta(hours=1))
    new_key = replace(other.feed("network").keys[-1], name=network.origin)
    feeds = tuple(
        replace(feed, keys=(new_key,), retired=(ended,)) if feed is network else feed for feed in entry.feeds
    )
    roster = replace(roster_of(federation), members=(replace(entry, feeds=feeds), other))
    assert check_proof(data, roster, now).stands
    with pytest.raises(BadSignature):
        check_proof(data, roster, now + timedelta(hours=1))


@pytest.mark.parametrize("state", ["suspended", "removed"])
def test_the_word_of_a_member_that_does_not_stand_does_not_count(federation: Federation, state: str) -> None:
    file, now = file_of(federation, published(federation)), federation.clock()
    federation.announce(OWNER, state=state, removed_at=now if state == "removed" else None)
    for data in (format_proof_file(file), file.statement.encode(), format_proof(file.proof)):
        checked = check_proof(data, roster_of(federation), now)
        assert not checked.stands
        assert state in checked.problem


def test_nothing_of_a_feed_that_the_network_has_frozen_is_relied_on(federation: Federation) -> None:
    """A thief of the keys goes on signing, and heads as small as it likes: a proof has no log to hold them
    against."""
    before, now = published(federation), federation.clock()
    smaller = file_of(federation, before)
    published(federation, name="another.png")
    with reading(federation[OWNER].engine) as conn:
        row = feeds.find_feed(conn, OWNER, "network")
    assert row is not None
    ends = FrozenHead(row.size, row.known().frontier.root())
    larger = file_of(federation, published(federation, name="other.png"))
    owner = roster_of(federation).member(OWNER)
    frozen = tuple(
        replace(feed, state="frozen", frozen=ends) if feed.audience == "network" else feed
        for feed in owner.feeds
    )
    federation.coordinator.announce(replace(owner, feeds=frozen))
    roster = roster_of(federation)
    for file in (smaller, larger):
        for data in (format_proof_file(file), format_proof(file.proof)):
            assert "frozen its owner's feed" in check_proof(data, roster, now).problem


def test_a_member_that_nobody_lists_proves_nothing(federation: Federation) -> None:
    file, now = file_of(federation, published(federation)), federation.clock()
    nobody = replace(roster_of(federation), members=())
    for data in (format_proof_file(file), file.statement.encode(), format_proof(file.proof)):
        with pytest.raises(NotAuthorized):
            check_proof(data, nobody, now)


def test_an_unwitnessed_head_is_told(federation: Federation) -> None:
    node = federation[OWNER]
    case_id = published(federation)
    file = file_of(federation, case_id)
    first, _, _ = file.proof.checkpoint.decode().partition(f"— {WITNESS}")
    alone = replace(file, proof=replace(file.proof, checkpoint=first.encode()))
    assert check_proof(format_proof_file(alone), roster_of(federation), node.now()).witnesses == ()


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 100, b"hello", b"a.b", b"\xff\xd8\xff\xe0JFIF", b"a.b.c.d", b"[]"]
)
def test_what_is_no_proof_is_said_so(federation: Federation, data: bytes) -> None:
    with pytest.raises(InvalidInput, match="no proof"):
        check_proof(data, roster_of(federation), federation.clock())


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b" {",
        b'{"schema":"proof/1.0"}',
        b"{" * 100_000,
        b'{"schema":"proof/1.0","head":"' + b"A" * 600_000 + b'"}',
        b"a.b.c",
        b"c2sp.org/tlog-proof@v1",
        b"c2sp.org/tlog-proof@v1\nindex 1\n\n",
        b"c2sp.org/tlog-proof@v1\n" + b"A\n" * 100_000,
    ],
)
def test_hostile_bytes_are_refused_in_words(federation: Federation, data: bytes) -> None:
    with pytest.raises(ProtocolError):
        check_proof(data, roster_of(federation), federation.clock())
