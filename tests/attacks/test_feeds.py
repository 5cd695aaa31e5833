"""A member that lies about its log, or gives nothing at all."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from node.adapters.http import Answer
from node.services.disclosure import publishing
from node.store.database import reading
from node.store.federation import peers
from node.store.published import documents, feed_cases, feeds
from node.store.search.finding import find
from node.store.search.query import Query
from protocol.checkpoint import Checkpoint, sign_checkpoint
from protocol.note import Signature, format_note, parse_note
from tests.attacks.conftest import unchanged
from tests.databases import pg_address
from tests.factories import sample_record
from tests.federation import DE, FR, Ask, Call, Fault, Federation, down, slow
from tests.liars import Liar, answering, case_states, find_feed

POLICE, PEER = FR[0], DE[0]

Make = Callable[[Federation], Fault]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    """The German police has pulled five cases of the French police; the fifth was erased since.

    No test may leave anything in it but the honest feed.
    """
    folder = tmp_path_factory.mktemp("feeds")
    if request.param == "sqlite":
        made = Federation(folder, [FR, DE])
        yield _filled(made)
        made.close()
        return
    with pg_address(request.getfixturevalue("pg_server")) as url:
        made = Federation(folder, [FR, DE], databases={PEER: url})
        yield _filled(made)
        made.close()


def _filled(federation: Federation) -> Federation:
    published = federation.publish(POLICE, *(sample_record("ar", photos=None) for _ in range(5)))
    federation.pull(PEER, POLICE)
    publishing.erase(federation[POLICE], published[-1].case_id, "test")
    assert federation.pull(PEER, POLICE).error == ""
    return federation


def cases_of(federation: Federation) -> set[str]:
    """Name the live cases of the French police."""
    with reading(federation[POLICE].engine) as conn:
        row = find_feed(federation[POLICE], POLICE)
        return {doc.case_id for doc in documents.iterate_documents(conn, row.id, 0, 100)}


def found(federation: Federation) -> set[str]:
    """Tell which cases a search on the pulling node finds."""
    with reading(federation[PEER].engine) as conn:
        return {hit.case_id for hit in find(conn, Query(today=federation.clock().date(), limit=200))}


def erased_case(federation: Federation) -> str:
    states = case_states(federation[POLICE], POLICE)
    (case,) = {case for case, (state, _) in states.items() if state == feed_cases.ERASED}
    return case


def saying(say: Callable[[Liar], object]) -> Make:
    """A member that says something more, signed with its true key."""

    def make(federation: Federation) -> Fault:
        liar = Liar(federation, POLICE)
        say(liar)
        return liar.fault

    return make


def giving(change: Callable[[bytes], bytes]) -> Make:
    """A member that signs something new and then gives other bytes for it."""

    def make(federation: Federation) -> Fault:
        liar = Liar(federation, POLICE)
        liar.put(1)

        def fault(call: Call, ask: Ask) -> Answer:
            answer = liar.fault(call, ask)
            body = change(answer.body) if "/tile/" in call.path else answer.body
            return Answer(answer.status, answer.headers, body)

        return fault

    return make


def showing(change: Callable[[Liar], bytes]) -> Make:
    """A member, or somebody on the line, with a checkpoint of its own making."""
    return lambda federation: answering("/network/checkpoint", change(Liar(federation, POLICE)))


def always(fault: Fault) -> Make:
    return lambda _: fault


def another_past(federation: Federation) -> Fault:
    signed, given = Liar(federation, POLICE), Liar(federation, POLICE)
    for liar in (signed, given):
        liar.put(1)
    signed.entries[0] = signed.entries[-1]

    def fault(call: Call, ask: Ask) -> Answer:
        return (signed if call.path.endswith("/checkpoint") else given).fault(call, ask)

    return fault


def a_good_leaf_before_a_bad_one(liar: Liar) -> None:
    liar.put(1)
    liar.entries.append(b"{}")


def of_its_other_feed(liar: Liar) -> bytes:
    return Liar(liar.federation, POLICE, "police").checkpoint()


def of_another_member(liar: Liar) -> bytes:
    return Liar(liar.federation, PEER).checkpoint()


def far_ahead(federation: Federation) -> Fault:
    """A signed head of a million million leaves, and no more of them than there are."""
    liar, signer = Liar(federation, POLICE), federation[POLICE].feed_signer("network")
    head = format_note(sign_checkpoint(Checkpoint(signer.name, 1 << 40, bytes(32)), signer))
    shown = answering("/network/checkpoint", head)
    return lambda call, ask: shown(call, lambda: liar.fault(call, ask))


def with_a_bad_line(liar: Liar) -> bytes:
    note = parse_note(liar.checkpoint())
    (line,) = note.signatures
    poison = Signature(line.name, line.key_id, bytes(64))
    return format_note(type(note)(note.text, (line, poison)))


def with_a_thousand_lines(liar: Liar) -> bytes:
    return liar.checkpoint() + "— police.xx.example/network AAAAAAAA\n".encode() * 1000


LIES: dict[str, Make] = {
    "no checkpoint": always(answering("/checkpoint", b"")),
    "bytes for a checkpoint": always(answering("/checkpoint", bytes(range(256)) * 9)),
    "text for a checkpoint": always(answering("/checkpoint", b"hello\n\nworld\n")),
    "a checkpoint cut off": showing(lambda liar: liar.checkpoint()[:-9]),
    "another size under the old signature": showing(
        lambda liar: liar.checkpoint().replace(b"\n6\n", b"\n7\n")
    ),
    "of its other feed": showing(of_its_other_feed),
    "of another member": showing(of_another_member),
    "rollback": showing(lambda liar: liar.checkpoint(5)),
    "rollback to nothing": showing(lambda liar: liar.checkpoint(0)),
    "fast-forward": far_ahead,
    "a bad line under its key": showing(with_a_bad_line),
    "a thousand signature lines": showing(with_a_thousand_lines),
    "no bundle": giving(lambda data: b""),
    "bytes for a bundle": giving(lambda data: b"\x00\x01" * 700),
    "a bundle cut off": giving(lambda data: data[:-1]),
    "a bundle with more": giving(lambda data: data + b"\x00\x01x"),
    "another new entry": giving(lambda data: data[:-5] + b"AAAA" + data[-1:]),
    "another past": another_past,
    "a leaf that is no JSON": saying(lambda liar: liar.entries.append(b"\xff" * 9)),
    "an empty leaf": saying(lambda liar: liar.entries.append(b"")),
    "a leaf without a kind": saying(lambda liar: liar.entries.append(b"{}")),
    "a case of another member": saying(lambda liar: liar.put(1, case=f"{PEER}/{'a' * 26}")),
    "a path for a case": saying(lambda liar: liar.put(1, case="../../etc")),
    "a path behind the member's name": saying(lambda liar: liar.put(1, case=f"{POLICE}/../../../etc/passwd")),
    "a version skipped": saying(lambda liar: liar.put(1) and liar.put(1, 3)),
    "a version again": saying(lambda liar: liar.put(1) and liar.put(1)),
    "a first version of 2": saying(lambda liar: liar.put(1, 2)),
    "a life shortened": saying(
        lambda liar: liar.put(1) and liar.put(1, 2, expires=liar.now.date() + timedelta(days=179))
    ),
    "a life without end": saying(lambda liar: liar.put(1, expires=liar.now.date() + timedelta(days=4000))),
    "an erased case returns": saying(lambda liar: liar.put(1, 3, case=erased_case(liar.federation))),
    "an erasure of nothing": saying(lambda liar: liar.erase(liar.case(1), 1)),
    "a leaf of the day after tomorrow": saying(lambda liar: liar.put(1, at=liar.now + timedelta(days=2))),
    "a good leaf before a bad one": saying(a_good_leaf_before_a_bad_one),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_the_log(shared: Federation, lie: str, says: str) -> None:
    with unchanged(shared[PEER]):
        shared.wire.faults[POLICE] = [LIES[lie](shared)]
        report = shared.pull(PEER, POLICE)
        del shared.wire.faults[POLICE]
        assert (report.lying, report.leaves, report.documents) == (True, 0, 0)
        assert says in report.error
        row = find_feed(shared[PEER], POLICE)
        assert (row.state, says in row.reason) == (feeds.QUARANTINED, True)
        assert found(shared) == cases_of(shared)

        assert shared.pull(PEER, POLICE).error == ""
        assert find_feed(shared[PEER], POLICE).state == feeds.OPEN


NOTHING: dict[str, Fault] = {
    "down": down,
    "too slow": slow(10_000),
    "too long a checkpoint": answering("/checkpoint", b"x" * 70_000),
    "an error of its server": answering("/", b"<html>", 500),
    "a teapot": answering("/", b'{"detail": "no\\u202e\\u0000 tea"}', 418),
    "not a member any more": answering("/", b"", 403),
    "a redirect": answering("/", b"", 302),
}


@pytest.mark.parametrize("fault", NOTHING)
def test_a_peer_that_gives_nothing(shared: Federation, fault: str, says: str) -> None:
    with unchanged(shared[PEER]):
        shared.wire.faults[POLICE] = [NOTHING[fault]]
        report = shared.pull(PEER, POLICE)
        with reading(shared[PEER].engine) as conn:
            peer = peers.find_peer(conn, POLICE)
        del shared.wire.faults[POLICE]
        assert peer is not None
        assert (report.lying, peer.lying, peer.error.isprintable()) == (False, False, True)
        assert says in report.error
        assert find_feed(shared[PEER], POLICE).state == feeds.OPEN
        assert shared.pull(PEER, POLICE).error == ""


def test_lines_of_strangers_below_a_checkpoint(pair: Federation) -> None:
    """Whoever carries a checkpoint can add lines to it; they must not make it worthless, nor stay."""
    (case,) = pair.publish(POLICE, sample_record("ar", photos=None))

    def poison(call: Call, ask: Ask) -> Answer:
        answer = ask()
        if not call.path.endswith("/checkpoint") or answer.status != 200:
            return answer
        line = "— police.xx.example AAAAAAAA\n".encode()
        return Answer(200, answer.headers, answer.body + line * 3)

    pair.wire.faults[POLICE] = [poison]
    assert pair.pull(PEER, POLICE).error == ""
    assert found(pair) == {case.case_id}
    del pair.wire.faults[POLICE]
    pair.publish(POLICE, sample_record("uk", photos=None))
    assert pair.pull(PEER, POLICE).error == ""
    assert find_feed(pair[PEER], POLICE).note == find_feed(pair[POLICE], POLICE).note
