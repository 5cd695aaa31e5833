"""Homes, requests, acceptance, endorsements, and what a changed standing hides."""

import stat
from datetime import date
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from node.errors import Conflict, InvalidInput, NotAllowed, NotFound, PeerUnavailable
from node.runtime import open_node
from node.services.members import membership
from node.services.members.membership import Applicant, init_home, root_fingerprint
from node.store import journal
from node.store.database import reading
from node.store.federation import peers
from node.store.search.finding import find
from node.store.search.query import Query
from node.store.staff import access
from protocol.encoding import format_json
from protocol.endorsement import ENDORSEMENT_TYPE, format_withdrawal
from protocol.joining import verify_join_request
from protocol.jws import parse_statement
from protocol.member import fingerprint
from tests.factories import sample_record
from tests.federation import DE, FR, NGO, Federation
from tests.liars import answering

POLICE, PEER, HELPER = FR[0], DE[0], NGO[0]


def found(federation: Federation, member: str) -> int:
    with reading(federation[member].engine) as conn:
        return len(find(conn, Query(today=date(2026, 11, 21))))


def test_a_home_is_made_whole_and_for_its_user_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    init_home(home, POLICE, "[server]\nport = 1234\n")
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for path in (home / "keys").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    node = open_node(home)
    assert (node.member, node.config.server.port) == (POLICE, 1234)
    with pytest.raises(Conflict, match="not empty"):
        init_home(home, POLICE)
    node.engine.dispose()


def test_a_database_elsewhere_is_for_its_user_only_too(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    init_home(tmp_path / "home", POLICE, f'[database]\nurl = "sqlite:///{elsewhere}/node.db"\n')
    node = open_node(tmp_path / "home")
    with reading(node.engine) as conn:
        access.list_staff_tokens(conn)
        names = {path.name for path in elsewhere.iterdir()}
        assert names >= {"node.db", "node.db-wal"}
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in elsewhere.iterdir())
    node.engine.dispose()


@pytest.mark.parametrize(
    ("member", "settings"), [('a"b', ""), ("Police", ""), ("", ""), (POLICE, "[server]\nport = 99999\n")]
)
def test_a_home_that_cannot_be_made_leaves_nothing(tmp_path: Path, member: str, settings: str) -> None:
    with pytest.raises(InvalidInput):
        init_home(tmp_path / "home", member, settings)
    assert list(tmp_path.iterdir()) == []


def test_a_home_breaks_off_without_leftovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = list[Engine]()

    def crash(engine: Engine) -> None:
        opened.append(engine)
        with reading(engine) as conn:
            conn.exec_driver_sql("SELECT 1")
            raise MemoryError

    monkeypatch.setattr(membership, "migrate", crash)
    with pytest.raises(MemoryError):
        init_home(tmp_path / "home", POLICE)
    assert list(tmp_path.iterdir()) == []
    assert [cast(QueuePool, engine.pool).checkedin() for engine in opened] == [0]


def test_a_request_to_join_proves_the_keys_and_names_every_fault(federation: Federation) -> None:
    node = federation[POLICE]
    duty = {"phone": "+33144556677", "email": "duty@police.fr.example", "languages": ["fr"], "hours": "24/7"}
    good = Applicant(POLICE, "FR", "law_enforcement", {"fr": "Police"}, node.entry().address, duty)
    request = membership.join_request(node, good, "Test network")
    entry = verify_join_request(request, federation.clock(), node.network().roster).member
    assert fingerprint(entry) == fingerprint(node.entry())
    for wrong in (
        Applicant(POLICE, "France", "law_enforcement", {"fr": "Police"}, good.address, duty),
        Applicant(POLICE, "FR", "army", {"fr": "Police"}, good.address, duty),
        Applicant(POLICE, "FR", "law_enforcement", {"fr": "Police"}, "http://police.fr.example", duty),
    ):
        with pytest.raises(InvalidInput) as refused:
            membership.join_request(node, wrong, "Test network")
        assert refused.value.problems


def test_a_root_file_is_named_for_the_telephone() -> None:
    said = root_fingerprint(b"root")
    assert [len(group) for group in said.split("-")] == [4] * 16


def test_acceptance_is_of_the_present_keys_and_in_the_journal(federation: Federation) -> None:
    node = federation[POLICE]
    with pytest.raises(NotFound):
        membership.accept_member(node, "police.xx.example", "x", "test")
    with pytest.raises(Conflict, match="another fingerprint"):
        membership.accept_member(node, PEER, "x", "test")
    entry = node.network().roster.member(PEER)
    membership.accept_member(node, PEER, fingerprint(entry), "Ana")
    with reading(node.engine) as conn:
        peer, last = peers.find_peer(conn, PEER), journal.read_journal(conn)[0]
    assert peer is not None
    assert peer.accepted == fingerprint(entry)
    assert (last.action, last.actor, PEER in last.purpose) == ("member.accept", "Ana", True)


def test_members_are_listed_with_what_is_exchanged(federation: Federation) -> None:
    views = {view.member.id: view for view in membership.list_members(federation[POLICE])}
    assert set(views) == {PEER, HELPER}
    assert views[PEER].audiences == ("network", "police")
    assert (views[HELPER].audiences, views[HELPER].accepted) == (("network",), True)


def test_who_may_endorse_whom(federation: Federation) -> None:
    with pytest.raises(NotAllowed, match="Only a law-enforcement"):
        membership.endorse(federation[HELPER], HELPER, "x", 30, "test")
    for other in (PEER, HELPER):
        with pytest.raises(NotAllowed, match="would not be valid"):
            membership.endorse(federation[PEER], other, "x", 30, "test")
    with pytest.raises(NotFound):
        membership.withdraw_endorsement(federation[PEER], HELPER, "test")


def test_what_a_member_shared_is_hidden_while_it_has_no_standing(federation: Federation) -> None:
    federation.publish(HELPER, sample_record("ar", photos=None))
    federation.pull(PEER, HELPER)
    assert found(federation, PEER) == 1
    federation.announce(HELPER, state="suspended")
    assert found(federation, PEER) == 0
    federation.announce(HELPER, state="active")
    assert found(federation, PEER) == 1


def test_replicas_are_hidden_when_an_endorsement_lapses_while_the_coordinator_is_down(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    federation.publish(HELPER, sample_record("ar", photos=None))
    federation.pull(PEER, HELPER)
    federation.clock.advance(days=365)

    def silent(urls: object, http: object) -> None:
        raise PeerUnavailable("Every source is down.")

    monkeypatch.setattr(federation[PEER].trust, "refresh", silent)
    with pytest.raises(PeerUnavailable):
        membership.refresh(federation[PEER])
    assert found(federation, PEER) == 0


def test_withdrawals_of_what_nobody_endorsed_are_not_kept(federation: Federation) -> None:
    endorsement = federation[POLICE].network().roster.member(HELPER).endorsement
    assert endorsement is not None
    real = parse_statement(endorsement, ENDORSEMENT_TYPE, "endorsement", 4096).claims["jti"]
    signer, now = federation[POLICE].token_signer(), federation.clock()
    tokens = [format_withdrawal(signer, name, now) for name in (*(f"invented-{n}" for n in range(50)), real)]
    federation.wire.faults[POLICE] = [answering("/withdrawals", format_json({"withdrawals": tokens}))]
    assert federation.pull(PEER, POLICE).error == ""
    with reading(federation[PEER].engine) as conn:
        assert [kept.token_id for kept in peers.list_withdrawals(conn)] == [real]


def test_a_withdrawal_reaches_the_peers_with_the_next_pull(federation: Federation) -> None:
    federation.publish(HELPER, sample_record("ar", photos=None))
    federation.pull(PEER, HELPER)
    membership.withdraw_endorsement(federation[POLICE], HELPER, "test")
    assert federation.pull(PEER, POLICE).error == ""
    membership.refresh(federation[PEER])
    assert found(federation, PEER) == 0
