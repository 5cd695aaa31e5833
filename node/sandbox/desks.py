"""The people of the sandbox's consoles: one of every role at every member, so that all of it can be tried.

Their password is no secret, and `gmcn user code` shows what their authenticators would: nothing here is real,
and that command works in an exercise alone.
"""

from node.domain.permissions import POLICE_ONLY, Role
from node.runtime import Node
from node.services.people import accounts, second_factor
from node.store.database import writing
from node.store.staff import people

PASSWORD = "sandbox-exercise-1"  # noqa: S105 - printed for whoever tries the sandbox


def add_people(node: Node, actor: str) -> None:
    """Add somebody of every role that the member gives; they sign in with the name of their role."""
    police = node.entry().kind == "law_enforcement"
    for role in Role:
        if police or role not in POLICE_ONLY:
            name = f"Sandbox {role}"
            made, _ = accounts.add_person(node, str(role), name, [role], actor, PASSWORD)
            with writing(node.engine) as conn:
                second_factor.enrol(conn, node, made, second_factor.new_secret())
                people.change_person(conn, made.id, must_change=False)
