"""Members that publish, change, erase, stop, restore and lie at random: what honest ones show is what honest
owners have out, and what was erased is never shown again.

A few short runs by default; `--hypothesis-profile=long` makes twenty times as many.
"""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from node.adapters.http import Answer
from node.adapters.keystore import create_sealing_file, load_sealing_file
from node.runtime import Node
from node.services.disclosure import publishing
from node.services.endings import erasure
from node.services.safekeeping import backup, recovery
from node.store.database import reading
from node.store.published import documents, feed_cases
from node.store.search.finding import find
from node.store.search.query import Query
from tests.factories import sample_record
from tests.federation import (
    DE,
    FR,
    NGO,
    Ask,
    Call,
    Fault,
    Federation,
    down,
    dropping,
    slow,
    tampering,
    withholding,
)  # fmt: skip
from tests.liars import Liar, answering, case_states, find_feed, problems

THIEF = ("police.xx.example", "XX", "law_enforcement")
HONEST = [FR[0], DE[0], NGO[0]]
MEMBERS = [*HONEST, THIEF[0]]

members, honest = st.sampled_from(MEMBERS), st.sampled_from(HONEST)
places = st.integers(0, 1000)


def _backup_key() -> Any:
    with tempfile.TemporaryDirectory(prefix="gmcn-random-") as folder:
        path = Path(folder) / "backup.pem"
        create_sealing_file(path, b"a long passphrase")
        return load_sealing_file(path, b"a long passphrase")


KEY = _backup_key()


@dataclass
class Case:
    """A case as its owner knows it."""

    owner: str
    case_id: str
    version: int = 1
    erased: bool = False


def replaying(kept: dict[str, Answer]) -> Fault:
    """Somebody on the line who answers with what was answered the first time."""

    def fault(call: Call, ask: Ask) -> Answer:
        if call.path.endswith("/checkpoint") and call.path in kept:
            return kept[call.path]
        answer = ask()
        if answer.status == 200:
            kept.setdefault(call.path, answer)
        return answer

    return fault


LINES: dict[str, Callable[[], Fault]] = {
    "cut": lambda: dropping(3),
    "slow": lambda: slow(10_000),
    "bytes": lambda: answering("/", b"\xff\x00" * 50),
    "other entries": lambda: tampering("/tile/entries", lambda data: data[:-1] + b"\x00"),
    "other documents": lambda: tampering("/documents", lambda data: data.replace(b"e", b"a")),
    "no documents": lambda: withholding(),
    "an error": lambda: answering("/", b"", 500),
}
"""What can be wrong with the line to an honest member."""

LIES: dict[str, Callable[[Liar, int], object]] = {
    "a bad leaf": lambda liar, number: liar.entries.append(b"{}"),
    "a version skipped": lambda liar, number: liar.put(number, 3),
    "another's case": lambda liar, number: liar.put(number, case=f"{FR[0]}/{'a' * 26}"),
    "a good case": lambda liar, number: liar.put(number),
    "a poison document": lambda liar, number: liar.put(
        number, tamper=lambda body: body.replace(b"uk", b"ru")
    ),
    "another past": lambda liar, number: liar.entries.__setitem__(slice(None), liar.entries[1:]),
    "nothing": lambda liar, number: liar.entries.clear(),
}
"""What a member with its true key says."""


class Network(RuleBasedStateMachine):
    """The rules by which things happen, and what must hold after each of them, and at the end."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="gmcn-random-")
        self.federation = Federation(Path(self._folder.name), [FR, DE, NGO, THIEF])
        self.cases: list[Case] = []
        self.learned: dict[str, set[str]] = {member: set() for member in MEMBERS}
        self.stopped: set[str] = set()
        self.replays: dict[str, dict[str, Answer]] = {member: {} for member in HONEST}
        self.thief: Liar | None = None
        self.backups: dict[str, Path] = {}
        self.recovering: set[str] = set()

    def teardown(self) -> None:
        """Let every line heal and every member come back, and hold the replicas against their owners."""
        self.federation.wire.faults.clear()
        if self.thief is not None:
            self.federation.wire.faults[THIEF[0]] = [self.thief.fault]
        try:
            self._settle()
            for owner in HONEST:
                self._check_replicas(owner)
            self.nothing_erased_is_shown()
        finally:
            self.federation.close()
            self._folder.cleanup()

    # --- What happens ---

    @initialize()
    def begin(self) -> None:
        """Everybody has a case, and everybody holds those of the others."""
        for member in MEMBERS:
            self.publish(member)
        for member in MEMBERS:
            for owner in MEMBERS:
                self.pull(member, owner)

    @rule(owner=members)
    def publish(self, owner: str) -> None:
        if owner in self.recovering:
            return
        record = sample_record("ar", photos=None, reference=None)
        (made,) = self.federation.publish(owner, record)
        self.cases.append(Case(owner, made.case_id))

    @precondition(lambda self: self._live())
    @rule(place=places)
    def change(self, place: int) -> None:
        case = self._any_live(place)
        if case.owner in self.recovering:
            return
        (made,) = publishing.publish(self.federation[case.owner], [case.case_id], "test")
        case.version = made.versions["network"]

    @precondition(lambda self: self._live())
    @rule(place=places, wholly=st.booleans())
    def erase(self, place: int, wholly: bool) -> None:
        case = self._any_live(place)
        if case.owner in self.recovering:
            return
        end = publishing.erase if wholly else publishing.withdraw
        end(self.federation[case.owner], case.case_id, "test")
        case.erased = True

    @rule(member=members, owner=members)
    def pull(self, member: str, owner: str) -> None:
        if member == owner or member in self.stopped:
            return
        lied = self.federation.pull(member, owner).error
        if not lied and not self.federation.wire.faults.get(owner):
            self.learned[member] |= {case.case_id for case in self._of(owner) if case.erased}

    @rule(member=honest, owner=honest, line=st.sampled_from([*LINES, "replay"]))
    def pull_over_a_bad_line(self, member: str, owner: str, line: str) -> None:
        if member == owner or self.stopped & {member, owner}:
            return
        fault = replaying(self.replays[owner]) if line == "replay" else LINES[line]()
        self.federation.wire.faults[owner] = [fault]
        self.federation.pull(member, owner)
        del self.federation.wire.faults[owner]

    @rule(lie=st.sampled_from(list(LIES)), number=st.integers(1, 50))
    def lie(self, lie: str, number: int) -> None:
        self.thief = self.thief or Liar(self.federation, THIEF[0])
        LIES[lie](self.thief, number)
        if THIEF[0] not in self.stopped:
            self.federation.wire.faults[THIEF[0]] = [self.thief.fault]

    @rule(member=members)
    def stop_or_start(self, member: str) -> None:
        if member in self.stopped:
            self.stopped.remove(member)
            del self.federation.wire.faults[member]
            if member == THIEF[0] and self.thief is not None:
                self.federation.wire.faults[member] = [self.thief.fault]
            self.federation.reopen(member)
        else:
            self.stopped.add(member)
            self.federation.wire.faults[member] = [down]

    @rule(member=members)
    def purge(self, member: str) -> None:
        erasure.expire(self.federation[member])
        erasure.purge(self.federation[member])

    @rule(member=honest)
    def back_up(self, member: str) -> None:
        path = Path(self._folder.name) / f"{member}.backup"
        path.unlink(missing_ok=True)
        backup.back_up(self.federation[member], path, KEY[1])
        self.backups[member] = path

    @precondition(lambda self: self.backups)
    @rule(place=places)
    def restore(self, place: int) -> None:
        """A member loses its machine, and goes on from its last backup."""
        member = sorted(self.backups)[place % len(self.backups)]
        home = self.federation[member].config.home
        self.federation[member].engine.dispose()
        shutil.rmtree(home)
        backup.restore(self.backups[member], KEY, home, self.federation.clock())
        self.federation.reopen(member)
        self.recovering.add(member)
        self._recover(member)

    @rule(hours=st.integers(1, 48))
    def wait(self, hours: int) -> None:
        self.federation.clock.advance(hours=hours)
        self.federation.coordinator.announce()
        self.federation.refresh()
        for member in sorted(self.recovering):
            self._recover(member)

    # --- What holds ---

    @invariant()
    def nothing_erased_is_shown(self) -> None:
        for member in MEMBERS:
            assert _shown(self.federation[member], self.federation).isdisjoint(self.learned[member]), member

    def _settle(self) -> None:
        """Two rounds in which everybody pulls everybody, some minutes apart, and purges."""
        self.stopped.clear()
        for member in sorted(self.recovering):
            self._recover(member)
        assert not self.recovering
        for _ in range(2):
            for member in MEMBERS:
                for owner in MEMBERS:
                    self.pull(member, owner)
                self.purge(member)
            self.federation.clock.advance(hours=7)

    def _recover(self, member: str) -> None:
        """Let a restored member learn what happened since; what no other member ever heard of is lost."""
        if member in self.stopped:
            return
        node = self.federation[member]
        with suppress(recovery.NotRecovered):
            recovery.recover(node)
            self.recovering.remove(member)
            row = find_feed(node, member)
            with reading(node.engine) as conn:
                known = feed_cases.lookup_cases(conn, row.id, [case.case_id for case in self._of(member)])
            for case in self._of(member):
                if case.case_id in known:
                    case.version, case.erased = known[case.case_id].version, known[case.case_id].erased
                else:
                    self.cases.remove(case)
                    others = [self.federation[other] for other in HONEST if other != member]
                    assert not any(case.case_id in case_states(other, member) for other in others)

    def _check_replicas(self, owner: str) -> None:
        live = {case.case_id: case.version for case in self._of(owner) if not case.erased}
        for member in HONEST:
            node = self.federation[member]
            assert problems(node) == []
            if member == owner:
                continue
            states = {case: state for case, (state, _) in case_states(node, owner).items()}
            assert {case for case, state in states.items() if state == feed_cases.HELD} == live.keys()
            assert states.keys() - live.keys() == {c.case_id for c in self._of(owner) if c.erased}
            assert live.keys() == {
                case for case in _shown(node, self.federation) if case.startswith(f"{owner}/")
            }
            with reading(node.engine) as conn:
                for case, version in live.items():
                    assert {doc.version for doc in documents.find_documents(conn, case)} == {version}
                for case in states.keys() - live.keys():
                    assert documents.find_documents(conn, case) == []

    def _of(self, owner: str) -> list[Case]:
        return [case for case in self.cases if case.owner == owner]

    def _live(self) -> list[Case]:
        return [case for case in self.cases if not case.erased]

    def _any_live(self, place: int) -> Case:
        live = self._live()
        return live[place % len(live)]


def _shown(node: Node, federation: Federation) -> set[str]:
    """Tell which replicas a search finds."""
    with reading(node.engine) as conn:
        found = {hit.case_id for hit in find(conn, Query(today=federation.clock().date(), limit=200))}
    return {case for case in found if not case.startswith(f"{node.member}/")}


TestNetwork: Any = pytest.mark.timeout(0)(Network.TestCase)
TestNetwork.settings = settings(
    parent=settings.default,
    max_examples=max(1, settings.default.max_examples // 25),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(
        Phase.reuse,
        Phase.generate,
    ),  # a run of twenty steps can be read; making it smaller takes minutes
)
