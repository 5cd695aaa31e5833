"""Endorsements: who may make one, when it ends, and where a member stands because of it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from protocol.endorsement import (
    ENDORSEMENT_TYPE,
    WITHDRAWAL_TYPE,
    State,
    format_endorsement,
    format_withdrawal,
    standing,
    verify_endorsement,
    verify_withdrawal,
)
from protocol.errors import BadSignature, Malformed, NotAuthorized, ProtocolError
from protocol.member import Member
from protocol.roster import Roster
from tests.members import NOW, MemberKeys, make_roster

POLICE = MemberKeys("police.fr.example")
GENDARMES = MemberKeys("gendarmerie.fr.example")
BRAZIL = MemberKeys("policia.br.example", country="BR")
NGO = MemberKeys("enfants.fr.example", kind="ngo")
END = NOW + timedelta(days=365)


def endorse(
    by: MemberKeys = POLICE, subject: str = NGO.id, expires: datetime = END, at: datetime = NOW
) -> str:
    return format_endorsement(by.signer, subject, "Agreement 12/2026", expires, at, "endorsement-1")


def roster_with(endorsement: str | None, **police: Any) -> Roster:
    return make_roster(
        replace(POLICE.entry(), **police), GENDARMES.entry(), BRAZIL.entry(), NGO.entry(endorsement)
    )


def ngo_in(roster: Roster) -> Member:
    return roster.member(NGO.id)


def test_an_endorsement_says_what_was_signed() -> None:
    endorsement = verify_endorsement(endorse(), roster_with(None), NOW)
    assert (endorsement.issuer, endorsement.subject) == (POLICE.id, NGO.id)
    assert (endorsement.token_id, endorsement.agreement) == ("endorsement-1", "Agreement 12/2026")
    assert (endorsement.issued, endorsement.expires) == (NOW.replace(microsecond=0), END)


@pytest.mark.parametrize(
    ("token", "message"),
    [
        (endorse(by=BRAZIL), "own country"),
        (endorse(by=NGO), "own country"),
        (endorse(subject=GENDARMES.id), "own country"),
        (endorse(subject="nobody.fr.example"), "no member"),
        (endorse(by=MemberKeys("police.xx.example")), "no member"),
        (endorse(by=MemberKeys(POLICE.id)), "no such token key"),
        (endorse(expires=NOW), "ran out"),
        (endorse(at=NOW + timedelta(hours=1)), "from the future"),
        (endorse(at=datetime.fromisoformat("2025-12-31T00:00:00Z")), "no such token key"),
    ],
)
def test_who_may_not_endorse_whom_and_when(token: str, message: str) -> None:
    with pytest.raises(NotAuthorized, match=message):
        verify_endorsement(token, roster_with(None), NOW)


@pytest.mark.parametrize("state", ["suspended", "removed"])
def test_an_endorser_that_is_not_active_endorses_nobody(state: str) -> None:
    removed_at = NOW if state == "removed" else None
    with pytest.raises(NotAuthorized, match=state):
        verify_endorsement(endorse(), roster_with(None, state=state, removed_at=removed_at), NOW)


def test_an_endorsement_outlives_the_key_that_made_it() -> None:
    retired = replace(POLICE.entry().token_keys[0], until=NOW + timedelta(days=1))
    later = NOW + timedelta(days=20)
    assert verify_endorsement(endorse(), roster_with(None, token_keys=(retired,)), later)
    with pytest.raises(NotAuthorized, match="no such token key"):
        verify_endorsement(endorse(at=later), roster_with(None, token_keys=(retired,)), later)


def test_a_changed_endorsement_is_not_signed() -> None:
    header, payload, signature = endorse().split(".")
    other = endorse(expires=END + timedelta(days=1)).split(".")[1]
    with pytest.raises(BadSignature):
        verify_endorsement(f"{header}.{other}.{signature}", roster_with(None), NOW)
    assert payload != other


@pytest.mark.parametrize(
    ("typ", "claims"),
    [
        (ENDORSEMENT_TYPE, {"sub": NGO.id, "exp": 2000000000, "jti": "a", "agreement": "b", "network": "x"}),
        (ENDORSEMENT_TYPE, {"sub": NGO.id, "exp": 2000000000, "jti": "a"}),
        (ENDORSEMENT_TYPE, {"sub": NGO.id, "exp": "2000000000", "jti": "a", "agreement": "b"}),
        (ENDORSEMENT_TYPE, {"sub": 5, "exp": 2000000000, "jti": "a", "agreement": "b"}),
        (WITHDRAWAL_TYPE, {"sub": NGO.id, "exp": 2000000000, "jti": "a", "agreement": "b"}),
    ],
)
def test_other_claims_or_another_type_are_no_endorsement(typ: str, claims: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        verify_endorsement(POLICE.signer.sign(typ, claims, NOW), roster_with(None), NOW)


def test_a_withdrawal_names_the_endorsement() -> None:
    withdrawal = verify_withdrawal(format_withdrawal(POLICE.signer, "endorsement-1", NOW), roster_with(None))
    assert (withdrawal.issuer, withdrawal.token_id, withdrawal.issued) == (POLICE.id, "endorsement-1", NOW)
    with pytest.raises(Malformed):
        verify_withdrawal(
            POLICE.signer.sign(WITHDRAWAL_TYPE, {"endorsement": "a", "sub": "b"}, NOW), roster_with(None)
        )
    with pytest.raises(NotAuthorized):
        verify_withdrawal(
            format_withdrawal(MemberKeys("police.xx.example").signer, "endorsement-1", NOW), roster_with(None)
        )


def test_law_enforcement_stands_by_the_roster_alone() -> None:
    roster = roster_with(None)
    assert standing(roster.member(POLICE.id), roster, [], NOW).state is State.ACTIVE


@pytest.mark.parametrize("state", ["suspended", "removed"])
def test_the_coordinator_s_decision_comes_first(state: str) -> None:
    roster = roster_with(endorse())
    removed_at = NOW if state == "removed" else None
    found = standing(replace(ngo_in(roster), state=state, removed_at=removed_at), roster, [], NOW)
    assert found.state == state
    assert state in found.reason


@pytest.mark.parametrize(("days_before_the_end", "warning"), [(31, None), (30, 30), (8, 30), (7, 7), (1, 7)])
def test_an_endorsed_ngo_is_active_and_warned_in_time(days_before_the_end: int, warning: int | None) -> None:
    roster = roster_with(endorse())
    found = standing(ngo_in(roster), roster, [], END - timedelta(days=days_before_the_end))
    assert (found.state, found.warning, found.until) == (State.ACTIVE, warning, END)
    assert POLICE.id in found.reason


@pytest.mark.parametrize(
    ("endorsement", "reason"),
    [
        (None, "no law-enforcement member"),
        (endorse(expires=NOW), "ran out"),
        (endorse(by=BRAZIL), "own country"),
        ("a.b.c", "not valid"),
    ],
)
def test_without_a_valid_endorsement_it_has_lapsed(endorsement: str | None, reason: str) -> None:
    roster = roster_with(endorsement)
    found = standing(ngo_in(roster), roster, [], NOW)
    assert found.state is State.LAPSED
    assert reason in found.reason


def test_another_ngo_s_endorsement_does_not_count() -> None:
    other = MemberKeys("droits.fr.example", kind="ngo")
    roster = make_roster(POLICE.entry(), NGO.entry(endorse(subject=other.id)), other.entry())
    assert standing(ngo_in(roster), roster, [], NOW).reason == "its endorsement is that of another member"


def test_a_withdrawn_endorsement_has_lapsed_and_only_its_maker_withdraws_it() -> None:
    roster = roster_with(endorse())

    def after(by: MemberKeys, token_id: str) -> State:
        withdrawal = verify_withdrawal(format_withdrawal(by.signer, token_id, NOW), roster)
        return standing(ngo_in(roster), roster, [withdrawal], NOW).state

    assert after(POLICE, "endorsement-1") is State.LAPSED
    assert after(GENDARMES, "endorsement-1") is State.ACTIVE
    assert after(POLICE, "endorsement-2") is State.ACTIVE


@pytest.mark.parametrize("token", ["", "a.b.c", "..", "é.é.é", "a" * 5000])
def test_nonsense_raises_only_protocol_errors(token: str) -> None:
    with pytest.raises(ProtocolError):
        verify_endorsement(token, roster_with(None), NOW)
