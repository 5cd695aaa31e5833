"""Why somebody reads the closed parts of a foreign case: asked once, and good for that case for a while.

Guarantees: a purpose opens one case, in the session in which it was stated, for HOLDS; it is kept encrypted.
That every reading under it is in the journal is for `finding` to see.
"""

from datetime import timedelta

from node.runtime import Node
from node.services.people import sessions
from node.services.people.sessions import Visit
from node.services.search.finding import check_purpose

HOLDS = timedelta(minutes=30)
"""How long somebody need not say again why they read a case."""


def state_purpose(node: Node, visit: Visit, case_id: str, purpose: str) -> None:
    """Note why somebody is about to read the closed parts of a case.

    Raises:
        InvalidInput: the purpose is too short to mean anything, too long, or of more than one line.
    """
    check_purpose(purpose)
    said = [("purpose", purpose.strip())]
    sessions.keep_form(node, visit.person, _name(visit, case_id), said, HOLDS)


def stated_purpose(node: Node, visit: Visit, case_id: str) -> str:
    """Return why somebody reads a case; empty when they have not said it, or too long ago."""
    said = sessions.find_form(node, visit.person, _name(visit, case_id))
    return dict(said)["purpose"] if said else ""


def _name(visit: Visit, case_id: str) -> str:
    return f"purpose {visit.session.hash.hex()} {case_id}"
