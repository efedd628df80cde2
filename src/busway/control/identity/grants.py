"""The use cases of roles and role assignments."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.identity.directory import check_admin_left
from busway.domain.caller import Caller
from busway.domain.errors import Conflict
from busway.domain.identity import ROLE_NAMES, Project, Role, RoleAssignment, User
from busway.policy import authorize
from busway.store import identity as store
from busway.store.database import Tx, take_turn
from busway.store.identity_tokens import revoke_project_tokens, revoke_system_tokens


def list_roles(control: Control, _caller: Caller) -> list[Role]:
    """All roles."""
    with control.db.read() as tx:
        return store.list_roles(tx)


def create_role(control: Control, caller: Caller, name: str) -> Role:
    """Creates a role; one that no rule of rights names opens nothing."""
    authorize(caller, "identity:create_role")
    role = Role(control.new_id().replace("-", ""), name)
    with control.db.write() as tx:
        store.add_role(tx, role)
    return role


def delete_role(control: Control, caller: Caller, role_id: str) -> None:
    """Removes a role that is not one of the built-in ones."""
    authorize(caller, "identity:delete_role")
    with control.db.write() as tx:
        role = store.get_role(tx, role_id)
        if role.name in ROLE_NAMES:
            raise Conflict(f"Role {role.name} is built in", code="role-built-in")
        store.delete_role(tx, role.id)


def list_assignments(
    control: Control,
    caller: Caller,
    user_id: str | None = None,
    project_id: str | None = None,
    rule: str = "identity:list_role_assignments",
) -> list[RoleAssignment]:
    """Who has which role where."""
    authorize(caller, rule, {"target.user.id": user_id, "target.project.id": project_id})
    with control.db.read() as tx:
        return store.list_assignments(tx, user_id=user_id, project_id=project_id)


def assign_role(control: Control, caller: Caller, user_id: str, project_id: str, role_id: str) -> None:
    """Gives a user a role in a project."""
    authorize(caller, "identity:create_grant")
    with control.db.write() as tx:
        user, project, role = _assignment(tx, user_id, project_id, role_id)
        store.assign_role(tx, user.id, project.id, role.id)


def unassign_role(control: Control, caller: Caller, user_id: str, project_id: str, role_id: str) -> bool:
    """Takes a role from a user and ends their tokens for the project; True when they had it."""
    authorize(caller, "identity:revoke_grant")
    with control.db.write() as tx:
        take_turn(tx, "identity")
        user, project, role = _assignment(tx, user_id, project_id, role_id)
        had = store.unassign_role(tx, user.id, project.id, role.id)
        if had:
            revoke_project_tokens(tx, project.id, control.now(), user.id)
            check_admin_left(tx)
        return had


def list_system_roles(
    control: Control, caller: Caller, user_id: str, rule: str = "identity:list_system_grants_for_user"
) -> list[Role]:
    """A user's roles on the whole system."""
    authorize(caller, rule, {"target.user.id": user_id})
    with control.db.read() as tx:
        return store.list_system_roles(tx, store.get_user(tx, user_id).id)


def assign_system_role(control: Control, caller: Caller, user_id: str, role_id: str) -> None:
    """Gives a user a role on the whole system."""
    authorize(caller, "identity:create_system_grant_for_user")
    with control.db.write() as tx:
        store.assign_system_role(tx, store.get_user(tx, user_id).id, store.get_role(tx, role_id).id)


def unassign_system_role(control: Control, caller: Caller, user_id: str, role_id: str) -> bool:
    """Takes a role on the whole system from a user and ends their tokens for it; True when they had it."""
    authorize(caller, "identity:revoke_system_grant_for_user")
    with control.db.write() as tx:
        user = store.get_user(tx, user_id)
        had = store.unassign_system_role(tx, user.id, store.get_role(tx, role_id).id)
        if had:
            revoke_system_tokens(tx, user.id, control.now())
        return had


def _assignment(tx: Tx, user_id: str, project_id: str, role_id: str) -> tuple[User, Project, Role]:
    return store.get_user(tx, user_id), store.get_project(tx, project_id), store.get_role(tx, role_id)
