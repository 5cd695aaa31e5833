"""After `purged_at` nothing of the child is on the disk: raw files of both databases, photographs, temporary
files and the log are searched."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.config import LogConfig
from node.log import set_up_log
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.register import cases as register
from node.services.search import finding
from node.store import scrubbing
from node.store.published import documents
from node.store.search.query import Query
from tests.factories import lang_text, sample_record
from tests.federation import DE, FR, Federation
from tests.forensics import KINDS, Secret, database_places, invent_child
from tests.liars import problems

POLICE, PEER = FR[0], DE[0]


@pytest.fixture
def federation(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Federation]:
    """Two nodes, the peer on either database, whose temporary files lie where they can be searched."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    made = Federation(tmp_path / "members", [FR, DE], databases={PEER: database_url})
    set_up_log(LogConfig(level="debug"))
    yield made
    set_up_log(LogConfig(level="error"))
    made.close()


@pytest.fixture
def secret(federation: Federation) -> Secret:
    """A child whose case both nodes hold; its id is `case_of(federation)`."""
    child = invent_child(federation.folder)
    federation.publish(POLICE, child.record)
    secret = child.secret(federation[POLICE])
    federation.clock.advance(seconds=1)
    federation.publish(POLICE, sample_record("ja", photos=None))
    assert federation.pull(PEER, POLICE).error == ""
    for picture in federation.folder.glob("*.png"):
        picture.unlink()
    return secret


def case_of(federation: Federation) -> str:
    """Return the case of the owner that was changed the longest ago."""
    return register.list_cases(federation[POLICE], None, 10, 0)[-1].case_id


def places(federation: Federation, member: str) -> list[Path]:
    """Name where a member's node and its database write."""
    node = federation[member]
    return [node.config.home, federation.folder.parent / "temporary", *database_places(node)]


def erase_everywhere(federation: Federation) -> None:
    publishing.erase(federation[POLICE], case_of(federation), "test")
    assert federation.pull(PEER, POLICE).error == ""
    for member in (POLICE, PEER):
        assert erasure.purge(federation[member]) == 2


def test_what_is_erased_is_nowhere_on_the_disk(
    federation: Federation, secret: Secret, capfd: pytest.CaptureFixture[str]
) -> None:
    peer = federation[PEER]
    found, _ = finding.find(peer, Query(today=federation.clock().date(), name=secret.names[0]), "test")
    assert found[0].case_id == case_of(federation)
    for member in (POLICE, PEER):
        assert secret.kinds_in(*places(federation, member)) == KINDS
    erase_everywhere(federation)
    for member in (POLICE, PEER):
        assert secret.traces(*places(federation, member)) == []
        assert problems(federation[member]) == []
    said = capfd.readouterr()
    assert secret.kinds_of((said.out + said.err).encode()) == set()


def test_what_expired_is_nowhere_on_the_peers_disk(federation: Federation, secret: Secret) -> None:
    federation.clock.advance(days=200)
    assert erasure.expire(federation[PEER]) == 4
    assert erasure.purge(federation[PEER]) == 4
    assert secret.traces(*places(federation, PEER)) == []


def test_what_was_superseded_goes_within_hours_without_anything_being_erased(
    federation: Federation, secret: Secret
) -> None:
    names = [{"full": "Ann Other", "kind": "legal", "lang": "en", "script": "Latn"}]
    plain = sample_record("pt")
    changes = {
        "names": names,
        "circumstances": lang_text(en="Nothing is known."),
        "last_seen": plain["last_seen"],
        "photos": None,
    }
    case = case_of(federation)
    register.change_case(federation[POLICE], case, changes, "test", federation.folder)
    publishing.publish(federation[POLICE], [case], "test")
    assert federation.pull(PEER, POLICE).documents == 2
    erasure.purge(federation[PEER])
    federation.clock.advance(hours=5)
    erasure.purge(federation[PEER])
    assert secret.traces(*places(federation, PEER)) == []
    assert problems(federation[PEER]) == []


def test_a_draft_that_nobody_ever_saw_is_erased_as_thoroughly(federation: Federation) -> None:
    owner, child = federation[POLICE], invent_child(federation.folder)
    (draft,) = register.add_cases(owner, [child.record], "test", federation.folder)
    secret = child.secret(owner)
    assert secret.kinds_in(owner.config.home) == {"name", "text", "photograph"}
    publishing.erase(owner, draft.case_id, "test")
    erasure.purge(owner)
    assert secret.traces(owner.config.home) == []


def test_what_a_broken_off_write_left_goes_before_anything_is_promised(
    federation: Federation, secret: Secret
) -> None:
    peer = federation[PEER]
    leftover = peer.config.home / "photographs" / ".incoming" / "0123456789abcdef"
    leftover.write_bytes(secret.photographs[0][:3000])
    erase_everywhere(federation)
    assert secret.traces(*places(federation, PEER)) == []


@pytest.mark.parametrize("skipped", ["scrub", "purge_search", "_delete_photographs", "delete_content"])
def test_a_node_that_leaves_out_a_step_is_caught(
    federation: Federation, secret: Secret, monkeypatch: pytest.MonkeyPatch, skipped: str
) -> None:
    with monkeypatch.context() as broken:
        if skipped == "scrub":
            broken.setattr(scrubbing, "scrub", lambda engine: True)
        elif skipped == "delete_content":
            broken.setattr(documents, "delete_content", lambda conn, keys: None)
        else:
            broken.setattr(erasure, skipped, lambda node: 0)
        erase_everywhere(federation)
    if skipped == "purge_search" and federation[PEER].engine.dialect.name == "postgresql":
        return  # the rewriting of the tables does that work there
    assert secret.kinds_in(*places(federation, PEER)) != set()
