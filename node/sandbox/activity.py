"""Daily life in the sandbox: every few seconds a member publishes, changes or closes a case."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from random import Random

from node.errors import NodeError
from node.runtime import Node
from node.sandbox.plan import MEMBERS
from node.sandbox.world import ACTOR, add_invented
from node.services.disclosure import publishing
from node.services.register import cases
from node.store.register.cases import PUBLISHED

_EVERY = timedelta(seconds=8)
_MOST = 1_000
_SEEN = {"en": {"text": "EXERCISE – seen again: a yellow scarf and a blue bicycle", "origin": "original"}}


class Activity:
    """What happens by itself, one event at a time.

    Args:
        kept: cases that stay as they are, because the screen names them.
    """

    def __init__(self, nodes: Mapping[str, Node], kept: Collection[str], now: datetime) -> None:
        self._owners = [nodes[plan.id] for plan in MEMBERS if plan.owns_cases]
        self._kept = kept
        self._next = now + _EVERY
        self._random = Random()
        self._turn = 0

    def go_on(self, now: datetime) -> str:
        """Let something happen if it is time, and say what in one line; empty when nothing did."""
        if now < self._next:
            return ""
        self._next = now + _EVERY
        self._turn += 1
        node = self._owners[self._turn % len(self._owners)]
        try:
            done = self._act(node)
            rung = publishing.ring_peers(node)
        except NodeError as error:
            return f"{now:%H:%M:%S}  {node.member}: {error.message}"
        reached = sum(not outcome for outcome in rung.values())
        return f"{now:%H:%M:%S}  {node.member} {done}; {reached} of {len(rung)} peers rung"

    def _act(self, node: Node) -> str:
        published = [case.case_id for case in cases.list_cases(node, PUBLISHED, _MOST, 0)]
        published = [case_id for case_id in published if case_id not in self._kept]
        if not published or self._turn % 3 == 0:
            new = add_invented(node, self._random, self._random.randrange(_MOST))
            publishing.publish(node, [new], ACTOR)
            return "published a new case"
        case_id = self._random.choice(published)
        if self._turn % 3 == 1:
            cases.change_case(node, case_id, {"clothing": _SEEN}, ACTOR, node.scratch())
            publishing.publish(node, [case_id], ACTOR)
            return "published a new version"
        publishing.withdraw(node, case_id, ACTOR, {"outcome": "recovered_safe"})
        return "closed a case"
