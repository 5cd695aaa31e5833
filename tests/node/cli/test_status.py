"""How a status is laid out for people."""

from dataclasses import replace

import pytest
from rich.console import Console

from node.adapters.peers import REFUSES
from node.cli.status import render
from node.services.status import FeedStatus, Status, status
from node.services.witnesses.freshness import Freshness
from tests.node.cli.conftest import FR, KE, NGO, Town

SPLIT = "it has shown two faces: two signed heads contradict each other"
LAPSED = "it has no endorsement: only erasures are exchanged"


def a_feed(audience: str, **other: object) -> FeedStatus:
    found = FeedStatus(
        audience,
        f"{FR}/{audience}",
        1,
        "00",
        {},
        "open",
        "",
        None,
        "",
        "",
        Freshness("fresh", None, None),
        0,
        [],
    )
    return replace(found, **other)


@pytest.fixture
def found(town: Town) -> Status:
    return status(town.nodes[KE])


def problem_of(found: Status, town: Town, **about_france: object) -> str:
    """Say what the line of France's node says is wrong, when it stands so."""
    peers = [replace(peer, **about_france) if peer.member == FR else peer for peer in found.peers]
    console = Console(width=80, record=True)
    console.print(render(replace(found, peers=peers, warnings=[]), town.nodes[KE].now()))
    block = console.export_text().partition(f"member  {FR}")[2].partition("member  ")[0]
    return " ".join(block.partition("problem")[2].split())


def test_a_peer_that_does_not_answer_is_down(found: Status, town: Town) -> None:
    assert problem_of(found, town, error="It cannot be reached.") == "down: It cannot be reached."


def test_a_feed_that_is_stopped_by_evidence_is_not_a_peer_that_is_down(found: Status, town: Town) -> None:
    feeds = [a_feed("network", state="split", reason=SPLIT)]
    error = f"The network feed is stopped: {SPLIT}."
    assert problem_of(found, town, feeds=feeds, error=error) == f"network split: {SPLIT}"
    assert problem_of(found, town, feeds=feeds, error="It cannot be reached.") == (
        f"network split: {SPLIT}; down: It cannot be reached."
    )


def test_a_peer_that_refuses_is_not_down(found: Status, town: Town) -> None:
    error = f"{REFUSES}403: this node has not accepted its keys."
    assert problem_of(found, town, error=error) == error


def test_a_peer_with_which_nothing_is_exchanged_is_not_down(found: Status, town: Town) -> None:
    reason = "its keys are not accepted yet"
    said = problem_of(found, town, reason=reason, error=f"Nothing is exchanged with it: {reason}.")
    assert said == reason


def test_it_says_through_whom_a_peer_is_read_and_when_only_erasures_come(found: Status, town: Town) -> None:
    feeds = [a_feed("network", through=NGO)]
    down = {"feeds": feeds, "error": "It cannot be reached."}
    assert problem_of(found, town, **down) == f"down, read through {NGO}: It cannot be reached."
    peers = [replace(peer, audiences=()) if peer.member == NGO else peer for peer in found.peers]
    lapsed = replace(found, peers=peers)
    erasures = f"down, read through {NGO} (erasures only): It cannot be reached."
    assert problem_of(lapsed, town, **down) == erasures
    assert problem_of(found, town, **down, audiences=(), reason=LAPSED) == erasures


def test_counts_of_nothing_are_left_out(found: Status, town: Town) -> None:
    console = Console(width=80, record=True)
    console.print(render(found, town.nodes[KE].now()))
    text = console.export_text()
    assert "  held" in text
    assert "refused" not in text
