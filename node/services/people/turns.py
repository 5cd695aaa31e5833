"""How often somebody may search at the console: more than people do, and too little to carry off all that is
here.

Guarantees: who has searched too often is told when they may again; what they looked for is not kept for it.
"""

import secrets
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
_SEARCH = "search"


def take_search(node: Node, person: Person) -> None:
    """Count a search of a person.

    Raises:
        TooOften: they have searched `MAX_SEARCHES` times within a minute.
    """
    now, whose = node.clock(), actor_of(person)
    with writing(node.engine) as conn:
        if access.count_requests(conn, whose, _SEARCH, now - _MINUTE) >= MAX_SEARCHES:
            free_at = access.first_request(conn, whose, _SEARCH, now - _MINUTE) + _MINUTE
            raise TooOften(
                "You have searched too often.",
                "%(most)s searches a minute are enough.",
                int((free_at - now).total_seconds()) + 1,
                most=MAX_SEARCHES,
            )
        access.take_request(conn, whose, secrets.token_hex(8), _SEARCH, now, now + _MINUTE)
