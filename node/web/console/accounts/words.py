"""Names of things in the reader's language that several pages show."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from flask_babel import lazy_gettext as _

from node.domain.permissions import Role

ROLE_NAMES: Mapping[Role, Any] = MappingProxyType(
    {
        Role.OPERATOR: _("Operator"),
        Role.APPROVER: _("Approver"),
        Role.INVESTIGATOR: _("Investigator"),
        Role.ANALYST: _("Analyst"),
        Role.ADMINISTRATOR: _("Administrator"),
        Role.AUDITOR: _("Auditor"),
    }
)


def role_names(roles: Iterable[Role]) -> str:
    """Write some roles as a list."""
    return str(_(", ")).join(str(ROLE_NAMES[role]) for role in Role if role in set(roles))


ROLE_TASKS: Mapping[Role, Any] = MappingProxyType(
    {
        Role.OPERATOR: _("Enters cases, searches, and works on leads."),
        Role.APPROVER: _("Decides what leaves the house. Never approves what they wrote themselves."),
        Role.INVESTIGATOR: _("As an operator, and reads what is for police alone."),
        Role.ANALYST: _("Searches and sees statistics; changes nothing."),
        Role.ADMINISTRATOR: _("Manages people and the federation; sees no cases."),
        Role.AUDITOR: _("Reads the journal of who did what; sees no cases."),
    }
)
