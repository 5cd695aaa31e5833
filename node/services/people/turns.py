"""How often somebody may search at the console: more than people do, and too little to carry off all that is
here.

Guarantees: who has searched too often is told when they may again; what they looked for is not kept for it.
"""

from datetime import timedelta

from node.runtime import Node
from node.services.people.sessions import actor_of
from node.services.serving import TooOften
from node.store.database import writing
from node.store.staff import access
from node.store.staff.people import Person

MAX_SEARCHES = 30
"""How often one person may search in a minute; each page of results counts."""

_MINUTE = timedelta(minutes=1)


def take_search(node: Node, person: Person) -> None:
    """Count a search of a person.

    Raises:
        TooOften: they have searched `MAX_SEARCHES` times within a minute.
    """
    limits = {actor_of(person): MAX_SEARCHES}
    with writing(node.engine) as conn:
        if wait := access.take_turn(conn, "search", limits, node.clock(), _MINUTE):
            raise TooOften(
                "You have searched too often.",
                "%(most)s searches a minute are enough.",
                wait,
                most=MAX_SEARCHES,
            )
