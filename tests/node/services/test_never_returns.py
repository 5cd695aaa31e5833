"""An erased case never comes back: not by its owner, not by a thief of its key, not through a mirror, not in
a bundle from before, not in an answer that was on its way, not by a large update that goes in steps, not in a
message that comes late."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.adapters.http import Answer
from node.errors import Conflict, InvalidInput, NotFound
from node.runtime import Node
from node.services import messages
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.following import advancing, bundles, pulling
from node.services.register import cases as register
from node.services.search import finding
from node.store.database import reading
from node.store.published import documents, feed_cases, feeds
from node.store.search.finding import find
from node.store.search.query import Query
from protocol.leaf import PUT
from protocol.message import Content
from tests.factories import lang_text, sample_case_id, sample_record
from tests.federation import DE, FR, Ask, Call, Federation, down
from tests.liars import Liar, case_states, dump, find_feed, problems

OWNER, MIRROR, READER = FR[0], DE[0], "police.br.example"


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[Federation]:
    made = Federation(tmp_path, [FR, DE, (READER, "BR", "law_enforcement")])
    yield made
    made.close()


@pytest.fixture
def case(federation: Federation) -> str:
    """A case that both others hold."""
    (published,) = federation.publish(OWNER, sample_record("ar", photos=None))
    for member in (MIRROR, READER):
        assert federation.pull(member, OWNER).error == ""
    return published.case_id


def erase(federation: Federation, case: str) -> None:
    """Erase it; the reader learns of it, the mirror does not."""
    publishing.erase(federation[OWNER], case, "test")
    assert federation.pull(READER, OWNER).error == ""
    assert erasure.purge(federation[READER]) == 2
    federation.pull(READER, OWNER)


def is_gone(node: Node, federation: Federation, case: str) -> bool:
    with reading(node.engine) as conn:
        hits = {hit.case_id for hit in find(conn, Query(today=federation.clock().date()))}
        here = documents.find_documents(conn, case)
    with pytest.raises(NotFound):
        finding.open_case(node, case, "test", "a lead")
    states = {case_states(node, OWNER, audience)[case][0] for audience in ("network", "police")}
    return states == {feed_cases.ERASED} and case not in hits and not here and problems(node) == []


def test_not_by_the_owner(federation: Federation, case: str) -> None:
    erase(federation, case)
    owner = federation[OWNER]
    with pytest.raises(Conflict, match="never returns"):
        publishing.publish(owner, [case], "test")
    with pytest.raises(Conflict, match="never returns"):
        register.change_case(owner, case, {"sex": 1}, "test", federation.folder)
    with pytest.raises(Conflict):
        publishing.undo_withdrawal(owner, case, "test")
    assert is_gone(federation[READER], federation, case)


@pytest.mark.parametrize("version", [1, 2, 3])
def test_not_by_whoever_signs_with_the_owners_key(federation: Federation, case: str, version: int) -> None:
    erase(federation, case)
    liar = Liar(federation, OWNER)
    liar.put(0, version, case=case)
    federation.wire.faults[OWNER] = [liar.fault]
    before = dump(federation[READER])
    report = federation.pull(READER, OWNER)
    assert report.lying
    assert "never returns" in report.error
    assert dump(federation[READER]) == before
    assert is_gone(federation[READER], federation, case)


def test_not_through_a_mirror_that_has_not_heard_of_it(federation: Federation, case: str) -> None:
    erase(federation, case)
    federation.wire.faults[OWNER] = [down]
    federation.pull(READER, OWNER)
    assert is_gone(federation[READER], federation, case)


def test_not_in_a_bundle_from_before(federation: Federation, case: str) -> None:
    old = io.BytesIO()
    bundles.export_bundle(federation[MIRROR], READER, [OWNER], old, {})
    erase(federation, case)
    old.seek(0)
    with pytest.raises(InvalidInput, match="older than what is known here"):
        bundles.import_bundle(federation[READER], old)
    assert is_gone(federation[READER], federation, case)


def test_not_in_an_answer_that_was_on_its_way(federation: Federation, case: str) -> None:
    """The newer version is asked for, and while it is on its way another pull brings the erasure."""
    register.change_case(
        federation[OWNER], case, {"circumstances": lang_text(en="x")}, "test", federation.folder
    )
    publishing.publish(federation[OWNER], [case], "test")
    erased: list[str] = []

    def meanwhile(call: Call, ask: Ask) -> Answer:
        answer = ask()
        if call.path.endswith("/documents") and not erased:
            erased.append(case)
            erase(federation, case)
        return answer

    federation.wire.faults[OWNER] = [meanwhile]
    pulling.pull(federation[READER], OWNER)
    assert erased
    assert is_gone(federation[READER], federation, case)


def test_not_after_it_had_expired_before_it_was_erased(federation: Federation, case: str) -> None:
    federation.clock.advance(days=181)
    federation.coordinator.announce()
    federation.refresh()
    reader = federation[READER]
    assert (erasure.expire(reader), erasure.purge(reader)) == (2, 2)
    publishing.erase(federation[OWNER], case, "test")
    federation.pull(READER, OWNER)
    row = find_feed(reader, OWNER)
    assert row.state == feeds.OPEN
    assert is_gone(reader, federation, case)
    assert erasure.purge(reader) == 2


class Killed(BaseException):
    """The process ends."""


@pytest.mark.parametrize("end", ["refused", "killed"])
def test_not_by_another_face_that_comes_in_steps(
    federation: Federation, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Its erasure was signed among other lies. Then the owner goes on without it, in an update of several
    steps of which the last is never taken."""
    monkeypatch.setattr(advancing, "_STEP_BUNDLES", 1)
    (published,) = federation.publish(OWNER, sample_record("ar", photos=None))
    case = published.case_id
    assert federation.pull(READER, OWNER).error == ""
    liar = Liar(federation, OWNER)
    liar.erase(case)
    liar.entries.append(b"{}")
    federation.wire.faults[OWNER] = [liar.fault]
    assert federation.pull(READER, OWNER).lying

    face = Liar(federation, OWNER)
    face.put(0, 2, case=case)
    for number in range(1, 300):
        face.say(PUT, sample_case_id(number, OWNER), digest=os.urandom(32))
    face.entries.append(b"{}")
    federation.wire.faults[OWNER] = [face.fault]
    if end == "killed":
        undo = advancing.undo_past

        def die(*_: object) -> int:
            raise Killed

        monkeypatch.setattr(advancing, "undo_past", die)
        with pytest.raises(Killed):
            federation.pull(READER, OWNER)
        monkeypatch.setattr(advancing, "undo_past", undo)
        assert case_states(federation[READER], OWNER)[case][0] == feed_cases.ERASED
        face.entries.pop()  # what comes next is nothing wrong by itself
    report = federation.pull(READER, OWNER)
    assert report.lying == (end == "refused")
    assert case_states(federation[READER], OWNER)[case][0] == feed_cases.ERASED
    federation.wire.faults.clear()
    federation.pull(READER, OWNER)
    with reading(federation[READER].engine) as conn:
        hits = find(conn, Query(today=federation.clock().date()))
    assert case not in {hit.case_id for hit in hits}


def test_not_in_a_message_that_comes_late(federation: Federation, case: str) -> None:
    erase(federation, case)
    sender, reader = federation[MIRROR], federation[READER]
    for about in (case, f"{OWNER}/{'b' * 26}"):
        messages.send_message(sender, READER, "lead", Content({"case": about, "note": "seen"}), "test")
    assert messages.deliver(sender, READER) == ""
    messages.expire(reader)
    rows = messages.list_messages(reader, outgoing=False, everything=True, limit=9)
    assert {row.case_id: row.state for row in rows} == {case: "erased", f"{OWNER}/{'b' * 26}": "new"}
