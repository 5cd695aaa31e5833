"""A stolen feed key, from the theft to the exchange going on: freeze, undoing, successor, newcomers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from node.errors import Conflict, InvalidInput, NotFound
from node.services.coordinator import network, signing
from node.services.coordinator.network_view import describe
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.members import keys, succession
from node.services.safekeeping import integrity
from node.store.database import reading
from node.store.published import feeds
from node.store.register import cases
from protocol.feed_entry import Audience, FrozenHead
from protocol.leaf import parse_leaf
from protocol.tiles import TileRef, parse_bundle
from tests.factories import sample_record
from tests.federation import DE, FR, down
from tests.liars import Liar, case_states, find_feed
from tests.signed import SignedFederation

POLICE, PEER, NEWCOMER = FR[0], DE[0], "police.br.example"
AUDIENCES: tuple[Audience, ...] = ("network", "police")


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[SignedFederation]:
    made = SignedFederation(tmp_path, [FR, DE])
    yield made
    made.close()


def publish(federation: SignedFederation, *languages: str) -> list[str]:
    records = [sample_record(language, photos=None) for language in languages]
    return [one.case_id for one in federation.publish(POLICE, *records)]


def state(federation: SignedFederation, member: str, case: str) -> str:
    return case_states(federation[member], POLICE).get(case, ("unknown", ""))[0]


def entries(federation: SignedFederation, member: str) -> list[bytes]:
    row = find_feed(federation[member], POLICE)
    with reading(federation[member].engine) as conn:
        data = feeds.read_file(conn, row.id, TileRef(None, 0, row.size))
    assert data is not None
    return parse_bundle(data, row.size)


def heads(federation: SignedFederation, member: str) -> list[feeds.FeedRow]:
    return [find_feed(federation[member], POLICE, audience) for audience in AUDIENCES]


def freeze(federation: SignedFederation, ends: list[feeds.FeedRow]) -> None:
    """Let the coordinator freeze both feeds where they were good."""
    for audience, head in zip(AUDIENCES, ends, strict=True):
        frozen = FrozenHead(head.size, head.known().frontier.root())
        network.freeze(federation.net.folder, POLICE, audience, frozen, federation.clock())
    federation.net.publish()
    federation.refresh()


def go_on(federation: SignedFederation) -> None:
    """Let the member ask for successors, the coordinator list them, and everybody accept their keys."""
    for audience in AUDIENCES:
        federation.coordinate(network.rekey, keys.succeed(federation[POLICE], audience, "test"))
        federation.refresh()
    for node in federation.nodes.values():
        federation.accept_all(node)


def test_a_stolen_key_from_the_theft_to_the_exchange_going_on(federation: SignedFederation) -> None:
    first, second, found = publish(federation, "ar", "uk", "ja")
    publishing.publish(federation[POLICE], [first], "test")  # a second version
    publishing.erase(federation[POLICE], found, "test")
    assert federation.pull(PEER, POLICE).error == ""
    erasure.purge(federation[PEER])
    good, saved = heads(federation, POLICE), federation.save(POLICE)

    # The thief erases one child, invents another, and the peers believe the key.
    publishing.erase(federation[POLICE], second, "thief")
    (invented,) = publish(federation, "hi")
    assert federation.pull(PEER, POLICE).error == ""
    assert (state(federation, PEER, second), state(federation, PEER, invented)) == ("erased", "held")
    federation.restore(POLICE, saved)  # the owner's own machine never said that

    freeze(federation, good)
    assert state(federation, PEER, first) == "held"
    assert state(federation, PEER, second) == "held"
    assert state(federation, PEER, invented) == "unknown"
    assert state(federation, PEER, found) == "erased"
    assert federation.pull(PEER, POLICE).error == ""
    with pytest.raises(Conflict, match="nothing is published"):
        publish(federation, "pt")
    assert "network" in federation.ask(PEER, POLICE, "GET", "/feeds/network/checkpoint").body.decode()

    request = keys.succeed(federation[POLICE], "network", "test")
    network.rekey(federation.net.folder, request, federation.clock())
    said = "\n".join(describe(federation.net.folder, federation.clock()).changes)
    assert f"Lets {POLICE}/network/2 go on for {POLICE}/network" in said
    signing.discard(federation.net.folder)
    go_on(federation)
    assert federation.pull(PEER, POLICE).error == ""
    kept = find_feed(federation[PEER], POLICE)
    assert (kept.origin, kept.size) == (f"{POLICE}/network/2", 3)
    assert [state(federation, PEER, case) for case in (first, second, found)] == ["held", "held", "erased"]

    federation.join_later(NEWCOMER, "BR", "law_enforcement")
    assert federation.pull(NEWCOMER, POLICE).error == ""
    assert [state(federation, NEWCOMER, case) for case in (first, second, found)] == [
        "held",
        "held",
        "erased",
    ]
    versions = {
        leaf.case: leaf.version
        for entry in entries(federation, NEWCOMER)
        if (leaf := parse_leaf(entry, POLICE))
    }
    assert versions == {first: 3, second: 2, found: 3}

    (fourth,) = publish(federation, "pt")
    publishing.erase(federation[POLICE], second, "test")
    for member in (PEER, NEWCOMER):
        assert federation.pull(member, POLICE).error == ""
        assert [state(federation, member, case) for case in (first, second, found, fourth)] == [
            "held", "erased", "erased", "held"
        ]  # fmt: skip
        assert integrity.check(federation[member]).findings == []
    assert integrity.check(federation[POLICE]).findings == []


def test_what_was_erased_never_returns_in_a_successor(federation: SignedFederation) -> None:
    live, found = publish(federation, "ar", "ja")
    publishing.erase(federation[POLICE], found, "test")
    federation.pull(PEER, POLICE)
    freeze(federation, heads(federation, POLICE))
    go_on(federation)
    federation.join_later(NEWCOMER, "BR", "law_enforcement")
    liar = Liar(federation, POLICE)
    liar.put(1, version=9, case=found)
    federation.wire.faults[POLICE] = [liar.fault]
    report = federation.pull(PEER, POLICE)
    assert (report.lying, "never returns" in report.error) == (True, True)
    federation.wire.faults.clear()
    assert federation.pull(NEWCOMER, POLICE).error == ""
    liar.entries = entries(federation, NEWCOMER)
    liar.put(1, version=9, case=found)
    federation.wire.faults[POLICE] = [liar.fault]
    for member in (PEER, NEWCOMER):
        report = federation.pull(member, POLICE)
        assert "never returns" in report.error
        assert state(federation, member, found) == "erased"
        assert state(federation, member, live) == "held"


def test_a_peer_that_was_away_meanwhile_goes_on_from_what_it_has(federation: SignedFederation) -> None:
    first, second = publish(federation, "ar", "uk")
    federation.pull(PEER, POLICE)
    federation.wire.faults[POLICE] = [down]
    publishing.publish(federation[POLICE], [first], "test")
    publishing.publish(federation[POLICE], [first], "test")
    publishing.erase(federation[POLICE], second, "test")
    federation.wire.faults.clear()
    freeze(federation, heads(federation, POLICE))
    go_on(federation)
    assert state(federation, PEER, second) == "held"
    assert federation.pull(PEER, POLICE).error == ""
    assert [state(federation, PEER, case) for case in (first, second)] == ["held", "erased"]


def test_an_owner_that_lost_leaves_goes_on_above_all_versions(federation: SignedFederation) -> None:
    (first,) = publish(federation, "ar")
    saved = federation.save(POLICE)
    for _ in range(3):
        publishing.publish(federation[POLICE], [first], "test")
    federation.pull(PEER, POLICE)
    newest = heads(federation, PEER)
    federation.restore(POLICE, saved)
    freeze(federation, newest)
    go_on(federation)
    assert federation.pull(PEER, POLICE).error == ""
    assert state(federation, PEER, first) == "held"
    (leaf,) = (parse_leaf(entry, POLICE) for entry in entries(federation, PEER))
    assert leaf is not None
    assert leaf.version == 1 + newest[0].size + 1


def test_a_peer_that_followed_another_past_forgets_it(federation: SignedFederation) -> None:
    (first,) = publish(federation, "ar")
    saved = federation.save(POLICE)
    (thiefs,) = publish(federation, "hi")
    federation.pull(PEER, POLICE)
    federation.restore(POLICE, saved)
    (second,) = publish(federation, "uk")
    assert federation.pull(PEER, POLICE).lying
    assert find_feed(federation[PEER], POLICE).state == feeds.SPLIT
    freeze(federation, heads(federation, POLICE))
    go_on(federation)
    assert federation.pull(PEER, POLICE).error == ""
    assert [state(federation, PEER, case) for case in (first, second, thiefs)] == ["held", "held", "unknown"]


def test_what_a_thief_erased_comes_back_with_the_freeze_also_where_both_faces_were_seen(
    federation: SignedFederation,
) -> None:
    first, second = publish(federation, "ar", "uk")
    federation.pull(PEER, POLICE)
    good, saved = heads(federation, POLICE), federation.save(POLICE)
    publishing.erase(federation[POLICE], second, "thief")
    federation.pull(PEER, POLICE)
    federation.restore(POLICE, saved)
    publish(federation, "hi")
    assert federation.pull(PEER, POLICE).lying
    assert (find_feed(federation[PEER], POLICE).state, state(federation, PEER, second)) == (
        feeds.SPLIT,
        "erased",
    )
    freeze(federation, good)
    assert [state(federation, PEER, case) for case in (first, second)] == ["held", "held"]


def test_people_can_say_where_a_feed_was_still_good(federation: SignedFederation) -> None:
    first, second = publish(federation, "ar", "uk")
    good = find_feed(federation[POLICE], POLICE)
    publishing.erase(federation[POLICE], first, "thief")
    federation.pull(PEER, POLICE)
    for member in (POLICE, PEER):
        head, leaves = succession.find_head(federation[member], POLICE, "network", 2, 10)
        assert (head.size, head.root) == (good.size, good.known().frontier.root())
        assert [(place, leaf.kind, leaf.case) for place, leaf in leaves] == [
            (0, "put", first), (1, "put", second), (2, "erase", first)
        ]  # fmt: skip
        newest, last = succession.find_head(federation[member], POLICE, "network", None, 1)
        assert (newest.size, len(last)) == (3, 1)
    with pytest.raises(InvalidInput, match="cannot be told"):
        succession.find_head(federation[PEER], POLICE, "network", 4, 10)
    with pytest.raises(NotFound, match="Nothing is here"):
        succession.find_head(federation[PEER], "police.xx.example", "network", None, 10)


def test_what_is_withdrawn_and_erased_while_the_feed_is_frozen_ends_with_its_successor(
    federation: SignedFederation,
) -> None:
    first, second = publish(federation, "ar", "uk")
    federation.pull(PEER, POLICE)
    freeze(federation, heads(federation, POLICE))
    publishing.withdraw(federation[POLICE], first, "test")
    publishing.erase(federation[POLICE], second, "test")
    assert [state(federation, POLICE, case) for case in (first, second)] == ["erased", "erased"]
    go_on(federation)
    assert federation.pull(PEER, POLICE).error == ""
    assert [state(federation, PEER, case) for case in (first, second)] == ["erased", "erased"]
    with reading(federation[POLICE].engine) as conn:
        statuses = set(conn.execute(select(cases.case_file.c.status)).scalars())
    assert statuses == {cases.WITHDRAWN, cases.ERASED}
