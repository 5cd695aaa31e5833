"""What a machine does to its node: killed at any moment, its disk full, its clock wrong."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import event

from node.adapters import blobs
from node.errors import NodeError
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.register import cases as register
from tests.attacks.conftest import unchanged
from tests.crashes import WORK, run_apart
from tests.factories import sample_record
from tests.federation import DE, FR, Federation
from tests.forking import fork
from tests.liars import case_states, problems

POLICE, PEER = FR[0], DE[0]
_POINTS = 3


# --- Killed ---


@pytest.mark.parametrize("work", WORK)
def test_a_node_killed_at_any_write(work: str) -> None:
    """At some writes, drawn anew each time; `python -m bench crashes` tries them all."""
    process, told = fork(run_apart, [work], _POINTS)
    with told:
        found = told.recv()
    process.join()
    assert found["writes"][work] > 10 * _POINTS
    assert (found["tried"], found["lost"], found["wrong"]) == (_POINTS, 0, [])


# --- A full disk ---


@contextmanager
def full_disk(node: Node, spare: int = 0) -> Iterator[None]:
    """Let the database have no more room than it takes now, and some pages."""
    with node.engine.connect() as conn:
        pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()

    def limit(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count={pages + spare}")

    node.engine.dispose()
    event.listen(node.engine, "connect", limit)
    try:
        yield
    finally:
        event.remove(node.engine, "connect", limit)
        node.engine.dispose()


def test_a_full_disk_at_the_owner(pair: Federation, says: str) -> None:
    case, gone = (item.case_id for item in pair.publish(POLICE, *(sample_record("ar", photos=None),) * 2))
    pair.pull(PEER, POLICE)
    with unchanged(pair[POLICE]), full_disk(pair[POLICE]), pytest.raises(NodeError, match=says):
        publishing.publish(pair[POLICE], [case] * 9, "test")
    publishing.publish(pair[POLICE], [case] * 9, "test")
    publishing.erase(pair[POLICE], gone, "test")
    assert pair.pull(PEER, POLICE).error == ""
    assert_equal(pair)


def test_a_full_disk_at_the_peer(pair: Federation, says: str) -> None:
    """Room for a few more pages lets a pull come further each time; wherever it ends, nothing is broken."""
    cases = [item.case_id for item in pair.publish(POLICE, *(sample_record("ar", photos=None),) * 9)]
    said = list[str]()
    for spare in (0, 1, 3, 9, 27):
        publishing.publish(pair[POLICE], cases, "test")
        publishing.erase(pair[POLICE], cases.pop(), "test")
        with full_disk(pair[PEER], spare):
            said.append(_words(lambda: pair.pull(PEER, POLICE)))
        assert problems(pair[PEER]) == []
    assert says in said[0]
    assert all(not words or says in words for words in said)
    assert pair.pull(PEER, POLICE).error == ""
    assert_equal(pair)


def _words(do: Callable[[], object]) -> str:
    """Tell with what words something ended; none when it came to its end."""
    try:
        do()
    except NodeError as error:
        return error.message
    return ""


def test_a_full_disk_under_the_photographs(
    pair: Federation, monkeypatch: pytest.MonkeyPatch, says: str
) -> None:
    def full(path: Path, data: bytes, **_: bool) -> None:
        path.write_bytes(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    Image.new("RGB", (300, 400), "red").save(pair.folder / "red.png")
    record = sample_record("ar", photos=[{"kind": "photo", "file": "red.png"}])
    with unchanged(pair[POLICE], but=("loose_photograph",)), monkeypatch.context() as disk:
        disk.setattr(blobs, "_write_new", full)
        with pytest.raises(OSError, match=says):
            register.add_cases(pair[POLICE], [record], "test", pair.folder)
    pair.publish(POLICE, record)
    with monkeypatch.context() as disk:
        disk.setattr(blobs, "_write_new", full)
        with pytest.raises(OSError, match=says):
            pair.pull(PEER, POLICE)
    assert problems(pair[PEER]) == []
    assert pair.pull(PEER, POLICE).photographs == 1
    assert_equal(pair)


def assert_equal(federation: Federation) -> None:
    """Hold the peer's replica against the owner's feed, and both against their leaves."""
    for audience in ("network", "police"):
        own = case_states(federation[POLICE], POLICE, audience)
        assert {
            case: state for case, (state, _) in case_states(federation[PEER], POLICE, audience).items()
        } == {case: state for case, (state, _) in own.items()}
    assert problems(federation[POLICE]) == problems(federation[PEER]) == []
