"""The keys of a member: each kind replaced alone, under a real coordinator, without anybody being cut off."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from node.errors import Conflict, InvalidInput, NotAllowed, NotFound
from node.services.coordinator import network, signing
from node.services.members import keys, membership
from node.store import journal
from node.store.database import reading
from node.store.published import feeds
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.joining import verify_join_request
from protocol.member import Member, fingerprint
from protocol.note import format_note, parse_note
from protocol.token import sign_request
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation, tampering
from tests.signed import SignedFederation

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[SignedFederation]:
    made = SignedFederation(tmp_path, [FR, DE])
    made.publish(POLICE, sample_record("ar", photos=None))
    made.pull(PEER, POLICE)
    yield made
    made.close()


def entry(federation: Federation, seen_by: str = POLICE) -> Member:
    return federation[seen_by].network().roster.member(POLICE)


def states(federation: Federation, kind: str) -> list[str]:
    return [key.state for key in keys.list_keys(federation[POLICE]) if key.kind == kind]


def head(federation: Federation, member: str) -> feeds.FeedRow:
    with reading(federation[member].engine) as conn:
        row = feeds.find_feed(conn, POLICE, "network")
    assert row is not None
    return row


def accept(federation: Federation) -> None:
    node = federation[PEER]
    membership.accept_member(node, POLICE, fingerprint(entry(federation, PEER)), "test")


def test_each_kind_is_replaced_alone(federation: SignedFederation) -> None:
    first = entry(federation)
    for done, kind in enumerate(keys.KINDS):
        before = {key.public: key.state for key in keys.list_keys(federation[POLICE])}
        request = keys.rotate(federation[POLICE], [kind], "test")
        assert states(federation, kind) == ["waiting", "in use"]
        federation.coordinate(network.rekey, request)
        federation.refresh()
        assert states(federation, kind) == ["in use", "replaced"]
        after = {key.public: key.state for key in keys.list_keys(federation[POLICE])}
        assert len([public for public in after if after[public] != before.get(public)]) == 2
        assert "not accepted" in federation.pull(PEER, POLICE).error
        accept(federation)
        federation.publish(POLICE, sample_record("uk", photos=None))
        assert federation.pull(PEER, POLICE).error == ""
        assert head(federation, PEER).size == 2 + done
    last = entry(federation, PEER)
    assert (last.names, last.address, last.duty) == (first.names, first.address, first.duty)
    federation.clock.advance(days=8)
    assert [key.state for key in keys.list_keys(federation[POLICE])] == ["in use", "ended"] * len(keys.KINDS)
    assert len(keys.destroy_ended(federation[POLICE], "test")) == len(keys.KINDS)
    assert keys.destroy_ended(federation[POLICE], "test") == []
    federation.publish(POLICE, sample_record("ja", photos=None))
    assert federation.pull(PEER, POLICE).error == ""


def test_peers_of_the_old_roster_and_of_the_new_one_read_on(federation: SignedFederation) -> None:
    federation.coordinate(network.rekey, keys.rotate(federation[POLICE], ["feed-network"], "test"))
    membership.refresh(federation[POLICE])  # the peer has not heard of it yet
    resigned = parse_note(head(federation, POLICE).note or b"")
    by = {
        key: any(line.of(key) for line in resigned.signatures) for key in entry(federation).feeds[0].every_key
    }
    assert list(by.values()) == [True, True]
    federation.publish(POLICE, sample_record("uk", photos=None))
    assert federation.pull(PEER, POLICE).error == ""
    membership.refresh(federation[PEER])
    accept(federation)
    federation.publish(POLICE, sample_record("ja", photos=None))
    assert federation.pull(PEER, POLICE).error == ""
    assert head(federation, PEER).size == 3


def test_after_the_overlap_the_old_key_signs_nothing_that_anybody_takes(federation: SignedFederation) -> None:
    node = federation[POLICE]
    old_feed, old_token = node.feed_signer("network"), node.token_signer()
    request = keys.rotate(node, ["feed-network", "token"], "test")
    federation.coordinate(network.rekey, request, overlap=timedelta(days=3))
    federation.refresh()
    accept(federation)

    def ring(at: timedelta) -> int:
        federation.clock.advance(seconds=1)
        token = sign_request(old_token, PEER, "POST", "/doorbell", b"", federation.clock() - at, f"old-{at}")
        return federation.ask(POLICE, PEER, "POST", "/doorbell", token=token).status

    known = head(federation, POLICE)
    by_old = format_note(
        sign_checkpoint(Checkpoint(known.origin, known.size, known.known().frontier.root()), old_feed)
    )
    federation.wire.faults[POLICE] = [tampering("network/checkpoint", lambda _: by_old)]
    assert federation.pull(PEER, POLICE).error == ""
    assert ring(timedelta(0)) == 202
    federation.clock.advance(days=3)
    report = federation.pull(PEER, POLICE)
    assert report.lying
    assert ring(timedelta(0)) == 401
    assert ring(timedelta(days=1)) == 401
    federation.wire.faults.clear()
    federation.publish(POLICE, sample_record("uk", photos=None))
    assert federation.pull(PEER, POLICE).error == ""
    (line,) = parse_note(head(federation, POLICE).note or b"").signatures
    assert line.of(entry(federation).feeds[0].keys[-1])


def test_a_replaced_key_never_comes_back(federation: SignedFederation) -> None:
    node = federation[POLICE]
    old = membership_request(federation)
    federation.coordinate(network.rekey, keys.rotate(node, ["token", "cosigner"], "test"))
    federation.refresh()
    with pytest.raises(InvalidInput, match="brings back a key"):
        network.rekey(federation.net.folder, old, federation.clock(), old_key_lost=True)


def membership_request(federation: Federation) -> str:
    """Write a request for the keys of today, as somebody may have kept it."""
    return keys.rotate(federation[POLICE], [], "test")


def test_a_rotation_that_too_few_have_signed_is_refused_and_changes_nothing(
    federation: SignedFederation,
) -> None:
    before, files = entry(federation), federation.net.files()
    network.rekey(
        federation.net.folder, keys.rotate(federation[POLICE], ["token"], "test"), federation.clock()
    )
    signing.sign_change(federation.net.folder, federation.net.holders["ana"])
    signing.sign_change(federation.net.folder, federation.net.holders["ana"])
    with pytest.raises(NotAllowed, match="1 more of the signatures by bob"):
        signing.publish(federation.net.folder, federation.clock())
    assert federation.net.files() == files
    federation.refresh()
    assert entry(federation, PEER) == before
    assert states(federation, "token") == ["waiting", "in use"]
    assert federation.pull(PEER, POLICE).error == ""


def test_what_cannot_be_asked_for(federation: SignedFederation) -> None:
    node = federation[POLICE]
    with pytest.raises(Conflict, match="not frozen"):
        keys.succeed(node, "network", "test")
    with pytest.raises(InvalidInput, match="no root key"):
        keys.rotate(node, ["root"], "test")
    asked = verify_join_request(keys.rotate(node, [], "test"), federation.clock(), node.network().roster)
    assert fingerprint(asked.member) == fingerprint(entry(federation))
    with reading(node.engine) as conn:
        assert "member.renew-keys" in {line.action for line in journal.read_journal(conn)}


def test_an_ngo_has_no_keys_of_a_police_feed(tmp_path: Path) -> None:
    federation = Federation(tmp_path)
    with pytest.raises(NotFound, match="no police feed"):
        keys.succeed(federation[HELPER], "police", "test")
    with pytest.raises(InvalidInput, match="no feed-police key"):
        keys.rotate(federation[HELPER], ["feed-police"], "test")
    assert "feed-police" not in {key.kind for key in keys.list_keys(federation[HELPER])}
    federation.close()
