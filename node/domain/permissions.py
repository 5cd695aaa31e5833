"""Who may do what at the console: roles, permissions, and the one table between them.

Guarantees: a permission is held through a role and in no other way; every role may use the console; parts of
cases that are for police alone are read in one role only, which only members that are police give. That
nobody approves what they wrote themselves is for the gate to see, case by case: one person may hold several
roles.
"""

from collections.abc import Iterable, Mapping
from enum import Enum, StrEnum
from types import MappingProxyType


class Permission(Enum):
    """One thing that somebody may do; a page names the one that it needs."""

    USE_CONSOLE = "use the console, and change one's own password and language"
    SEE_CASES = "see the member's own cases, drafts included"
    WRITE_CASES = "enter and change own cases, assess their risk, propose them for publishing"
    IMPORT_CASES = "enter own cases from a spreadsheet, and take such an import back"
    APPROVE = "let what somebody else wrote leave the house, and review an override afterwards"
    OVERRIDE = "publish in an emergency without a second person, with a reason"
    END_CASES = "close, withdraw and erase own cases, and undo that in time"
    MOVE_CASES = "hand a case over to another member, or exclude a member from it"
    RECORD_DECEASED = "record that a child was found dead"
    SEARCH = "search all cases and read their public parts"
    READ_NETWORK_PARTS = "read the network parts of foreign cases, for a purpose"
    READ_POLICE_PARTS = "read the police parts of foreign cases, for a purpose"
    SEE_LEADS = "see the information that came in about own cases"
    WORK_LEADS = "assign, decide and answer leads, and send leads about foreign cases"
    SEE_FEDERATION = "see the members, how fresh their cases are, and who erased what when"
    RUN_FEDERATION = "accept members, pull at once, decide about a member that shows two faces"
    RUN_SITE = "make the public site what it is: its look, pages, numbers and library"
    MANAGE_PEOPLE = "add people, give and take roles, reset what they sign in with"
    READ_AUDIT = "read, search and export the journal"


class Role(StrEnum):
    """What somebody is at a member."""

    OPERATOR = "operator"
    APPROVER = "approver"
    INVESTIGATOR = "investigator"
    ANALYST = "analyst"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


POLICE_ONLY = frozenset({Role.INVESTIGATOR})
"""Roles that only a member that is police gives."""

_EVERYBODY = {Permission.USE_CONSOLE, Permission.SEE_FEDERATION}
_DESK = {
    *_EVERYBODY,
    Permission.SEE_CASES,
    Permission.SEARCH,
    Permission.READ_NETWORK_PARTS,
    Permission.SEE_LEADS,
    Permission.WORK_LEADS,
}

PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.OPERATOR: frozenset(
            {
                *_DESK,
                Permission.WRITE_CASES,
                Permission.IMPORT_CASES,
                Permission.OVERRIDE,
                Permission.END_CASES,
                Permission.RUN_SITE,
            }
        ),
        Role.APPROVER: frozenset(
            {
                *_DESK,
                Permission.APPROVE,
                Permission.END_CASES,
                Permission.MOVE_CASES,
                Permission.RECORD_DECEASED,
            }
        ),
        Role.INVESTIGATOR: frozenset(
            {
                *_DESK,
                Permission.WRITE_CASES,
                Permission.IMPORT_CASES,
                Permission.OVERRIDE,
                Permission.END_CASES,
                Permission.READ_POLICE_PARTS,
            }
        ),
        Role.ANALYST: frozenset({*_EVERYBODY, Permission.SEE_CASES, Permission.SEARCH}),
        Role.ADMINISTRATOR: frozenset(
            {*_EVERYBODY, Permission.RUN_FEDERATION, Permission.MANAGE_PEOPLE, Permission.RUN_SITE}
        ),
        Role.AUDITOR: frozenset({*_EVERYBODY, Permission.READ_AUDIT}),
    }
)
"""The table: role → permissions. Those who run the node and those who audit it see no case."""


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Return what somebody may do who has some roles; nothing without any."""
    return frozenset[Permission]().union(*(PERMISSIONS[role] for role in roles))
