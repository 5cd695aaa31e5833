"""Who may do what: what the rules of the domain say of the table."""

import re
from pathlib import Path

from node.domain.permissions import PERMISSIONS, POLICE_ONLY, Permission, Role, permissions_of

CASES = {
    Permission.SEE_CASES,
    Permission.WRITE_CASES,
    Permission.SEARCH,
    Permission.READ_NETWORK_PARTS,
    Permission.READ_POLICE_PARTS,
    Permission.SEE_LEADS,
    Permission.WORK_LEADS,
}


def holders(permission: Permission) -> set[Role]:
    return {role for role in Role if permission in PERMISSIONS[role]}


def test_every_role_is_in_the_table_and_uses_the_console() -> None:
    assert set(PERMISSIONS) == set(Role) == holders(Permission.USE_CONSOLE)


def test_every_permission_is_somebodys() -> None:
    assert all(holders(permission) for permission in Permission)


def test_every_permission_is_asked_for_somewhere() -> None:
    code = "".join(file.read_text() for file in (Path(__file__).parents[3] / "node" / "web").rglob("*.py"))
    asked = set(re.findall(r"\bPermission\.([A-Z_]+)", code))
    assert {permission.name for permission in Permission} == asked


def test_no_role_both_writes_and_approves() -> None:
    assert not holders(Permission.WRITE_CASES) & holders(Permission.APPROVE)


def test_what_is_for_police_alone_is_read_by_police_alone() -> None:
    assert holders(Permission.READ_POLICE_PARTS) == POLICE_ONLY


def test_a_death_is_recorded_by_those_who_approve() -> None:
    assert holders(Permission.RECORD_DECEASED) == {Role.APPROVER}


def test_who_runs_the_node_and_who_audits_it_see_no_case() -> None:
    for role in (Role.ADMINISTRATOR, Role.AUDITOR):
        assert not PERMISSIONS[role] & CASES


def test_people_are_managed_and_the_journal_is_read_by_one_role_each() -> None:
    assert holders(Permission.MANAGE_PEOPLE) == {Role.ADMINISTRATOR}
    assert holders(Permission.READ_AUDIT) == {Role.AUDITOR}


def test_several_roles_add_up() -> None:
    both = permissions_of([Role.OPERATOR, Role.APPROVER])
    assert both == PERMISSIONS[Role.OPERATOR] | PERMISSIONS[Role.APPROVER]
    assert permissions_of([]) == frozenset()
