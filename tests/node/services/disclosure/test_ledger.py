"""The owner's ledger: who has said what about an erasure, who is late, and who is reminded."""

from datetime import timedelta

import pytest

from node.services.disclosure import ledger, publishing
from node.services.disclosure.ledger import HIDDEN, NOTHING_HELD, PURGED, SILENT, Erasure
from node.services.endings import erasure
from node.services.status import status
from protocol.receipt import verify_receipt
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation, down

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


@pytest.fixture
def case(federation: Federation) -> str:
    """A case that was published, and that the German police holds."""
    (published,) = federation.publish(POLICE, sample_record("ar", photos=None))
    federation.pull(PEER, POLICE)
    return published.case_id


def said(federation: Federation, audience: str = "network") -> dict[str, str]:
    [entry] = [entry for entry in entries(federation) if entry.audience == audience]
    return {answer.member: answer.state for answer in entry.answers}


def entries(federation: Federation, *, open_only: bool = False) -> list[Erasure]:
    return ledger.list_erasures(federation[POLICE], open_only=open_only)


def test_every_member_says_what_it_has_done(federation: Federation, case: str) -> None:
    assert entries(federation) == []
    publishing.erase(federation[POLICE], case, "test")
    assert said(federation) == {PEER: SILENT, HELPER: SILENT}
    assert said(federation, "police") == {PEER: SILENT}
    federation.pull(PEER, POLICE)
    federation.pull(HELPER, POLICE)
    assert said(federation) == {PEER: HIDDEN, HELPER: NOTHING_HELD}
    erasure.purge(federation[PEER])
    federation.pull(PEER, POLICE)
    assert said(federation) == {PEER: PURGED, HELPER: NOTHING_HELD}
    for entry in entries(federation):
        assert (entry.case_id, entry.state, entry.waiting) == (case, "erased", [])
        assert all(answer.hidden_at == federation.clock() for answer in entry.answers)
    assert entries(federation, open_only=True) == []
    signed = [
        verify_receipt(token, POLICE, federation[POLICE].network().roster.token_key_now(federation.clock()))
        for token in ledger.list_statements(federation[POLICE], case)
    ]
    assert {receipt.issuer for receipt in signed} == {PEER, HELPER}
    assert all(receipt.kind == "erased" for receipt in signed)
    assert ledger.list_statements(federation[POLICE], f"{POLICE}/aaaaaaaaaaaaaaaaaaaaaaaaaa") == []
    assert ledger.list_erasures(federation[POLICE], "police.fr.example/aaaaaaaaaaaaaaaaaaaaaaaaaa") == []


def test_what_expires_is_in_the_ledger_without_the_owners_doing(federation: Federation, case: str) -> None:
    federation.clock.advance(days=181)
    for node in federation.nodes.values():
        erasure.expire(node)
        erasure.purge(node)
    federation.coordinator.announce()
    federation.refresh()
    federation.pull(PEER, POLICE)
    assert {entry.state for entry in entries(federation)} == {"expired"}
    assert said(federation)[PEER] == PURGED


def test_who_is_late_is_told_to_the_operator(federation: Federation, case: str) -> None:
    publishing.erase(federation[POLICE], case, "test")
    federation.clock.advance(hours=24)
    assert not [text for text in status(federation[POLICE]).warnings if "confirmed" in text]
    federation.clock.advance(minutes=1)
    federation.pull(HELPER, POLICE)
    [warning] = [text for text in status(federation[POLICE]).warnings if "confirmed" in text]
    assert warning.startswith(f"{PEER} has not confirmed 2 erasures, the oldest of 2026-11-21 12:00 UTC")
    federation.pull(PEER, POLICE)  # hidden; the brake of the peer may keep the purge waiting
    assert not [text for text in status(federation[POLICE]).warnings if "confirmed" in text]
    federation.clock.advance(hours=73)
    assert [text for text in status(federation[POLICE]).warnings if "confirmed" in text]


def test_the_silent_are_rung_soon_at_first_and_ever_more_rarely(federation: Federation, case: str) -> None:
    owner = federation[POLICE]
    federation.pull(HELPER, POLICE)
    publishing.erase(owner, case, "test")
    federation.wire.faults[PEER] = [down]
    assert ledger.remind(owner) == [HELPER, PEER]
    assert federation.rung == [HELPER]
    assert ledger.remind(owner) == []
    for _ in range(2):
        federation.pull(HELPER, POLICE)
        erasure.purge(federation[HELPER])
    rings = []
    for _ in range(120):
        federation.clock.advance(seconds=1)
        rings.append(ledger.remind(owner, timedelta(hours=26)) == [PEER])
    assert max(len(gap) for gap in "".join("r" if rung else "." for rung in rings[:60]).split("r")) <= 3
    assert sum(rings[60:]) < sum(rings[:60])
    federation.clock.advance(days=10)
    assert ledger.remind(owner, timedelta(hours=26)) == []
    assert ledger.remind(owner) == [PEER]
    federation.clock.advance(minutes=59)
    assert ledger.remind(owner) == []

    federation.wire.faults.clear()
    federation.pull(PEER, POLICE)
    federation.clock.advance(hours=2)
    assert ledger.remind(owner) == [PEER]  # hidden only, for ten days
    erasure.purge(federation[PEER])
    federation.pull(PEER, POLICE)
    federation.clock.advance(hours=2)
    assert ledger.remind(owner) == []
    assert entries(federation, open_only=True) == []


def test_a_member_that_joined_later_owes_nothing(federation: Federation, case: str) -> None:
    publishing.erase(federation[POLICE], case, "test")
    federation.announce(HELPER, joined=federation.clock() + timedelta(days=1))
    assert said(federation) == {PEER: SILENT}
