"""Names of things in the reader's language that several pages show."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from flask_babel import lazy_gettext as _

from node.domain.permissions import Role
from node.services.people.provider import Why

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
        Role.ANALYST: _("Searches, and sees own cases; changes nothing."),
        Role.ADMINISTRATOR: _("Manages people and the federation; sees no cases."),
        Role.AUDITOR: _("Reads the journal of who did what; sees no cases."),
    }
)

REFUSALS: Mapping[Why, Any] = MappingProxyType(
    {
        Why.NO_ANSWER: _(
            "The sign-in service does not answer. Wait a minute and try again; if it lasts, tell your "
            "administrator."
        ),
        Why.LOST: _(
            "This sign-in was not begun in this browser, took too long, or was used already. Begin again."
        ),
        Why.DECLINED: _("You were not signed in there. Begin again when you are ready."),
        Why.NOT_TRUSTED: _(
            "The answer of the sign-in service cannot be trusted, so you are not signed in. Tell your "
            "administrator the time: the journal says why."
        ),
        Why.CLOCK: _(
            "The clocks of this console and of the sign-in service differ. Tell your administrator: one of "
            "them must be set."
        ),
        Why.TOO_WEAK: _(
            "You signed in there without the second factor, or too long ago. Begin again, and use the second "
            "factor; if you are not asked for it, tell your administrator."
        ),
        Why.NOT_LINKED: _(
            "No account here is linked to you yet. Read this reference out to your administrator, who can "
            "link your account: %(reference)s"
        ),
        Why.DISABLED: _("Your account here is disabled. Ask your administrator."),
    }
)
