"""The use cases of identity: who there is, and what bootstrap creates."""

from __future__ import annotations

from dataclasses import replace

from busway.control.context import Control
from busway.control.identity.passwords import passwords
from busway.domain.caller import Caller
from busway.domain.errors import Conflict
from busway.domain.identity import DOMAIN_ID, ROLE_NAMES, Project, Role, RoleAssignment, User
from busway.domain.ids import ProjectId, UserId
from busway.policy import authorize
from busway.store import identity as store
from busway.store.database import Tx
from busway.store.identity_tokens import revoke_user_tokens


def bootstrap_admin(control: Control, password: str) -> Project:
    """Creates project admin, user admin and the roles, and sets the password where it differs; safe to repeat."""
    with control.db.write() as tx:
        known = {role.name: role for role in store.list_roles(tx)}
        for name in ROLE_NAMES:
            if name not in known:
                known[name] = Role(_hex_id(control), name)
                store.add_role(tx, known[name])
        project = store.find_project_by_name(tx, "admin")
        if project is None:
            project = Project(ProjectId(_hex_id(control)), "admin", "The operator's project")
            store.add_project(tx, project)
        user = store.find_user_by_name(tx, "admin")
        if user is None:
            user = User(UserId(_hex_id(control)), "admin", default_project_id=project.id)
            store.add_user(tx, user, passwords(control.settings).hash(password))
        elif not passwords(control.settings).check(store.get_password_hash(tx, user.id), password):
            store.save_password(tx, user.id, passwords(control.settings).hash(password))
        store.assign_role(tx, user.id, project.id, known["admin"].id)
    return project


def find_admin_project(control: Control) -> Project | None:
    """The admin's project, None until `bootstrap_admin` has run on this database."""
    with control.db.read() as tx:
        if store.find_user_by_name(tx, "admin") is None:
            return None
        return store.find_project_by_name(tx, "admin")


def clouds_yaml(url: str, password: str, *, cloud: str = "busway", region: str = "RegionOne") -> str:
    """The clouds.yaml with which OpenStack's clients reach this cloud as admin."""
    quoted = password.replace("'", "''")
    return f"""clouds:
  {cloud}:
    auth:
      auth_url: {url.rstrip("/")}/identity
      username: admin
      password: '{quoted}'
      project_name: admin
      user_domain_id: {DOMAIN_ID}
      project_domain_id: {DOMAIN_ID}
    region_name: {region}
    identity_api_version: 3
"""


def list_projects(control: Control, caller: Caller, *, own: bool = False) -> list[Project]:
    """All projects, or with `own` those in which the caller has a role."""
    authorize(caller, "identity:get_auth_projects" if own else "identity:list_projects")
    with control.db.read() as tx:
        if not own:
            return store.list_projects(tx)
        found = {each.project.id: each.project for each in store.list_assignments(tx, user_id=caller.user_id)}
    return sorted(found.values(), key=lambda project: project.name)


def get_project(control: Control, caller: Caller, project_id: str) -> Project:
    """One project by id."""
    authorize(caller, "identity:get_project", {"target.project.id": project_id})
    with control.db.read() as tx:
        return store.get_project(tx, project_id)


def create_project(control: Control, caller: Caller, name: str, description: str, enabled: bool) -> Project:
    """Creates a project."""
    authorize(caller, "identity:create_project")
    project = Project(ProjectId(_hex_id(control)), name, description, enabled)
    with control.db.write() as tx:
        store.add_project(tx, project)
    return project


def update_project(control: Control, caller: Caller, project_id: str, changes: dict[str, object]) -> Project:
    """Changes name, description or enabled."""
    authorize(caller, "identity:update_project")
    with control.db.write() as tx:
        project = replace(store.get_project(tx, project_id), **changes)  # type: ignore[arg-type]
        store.save_project(tx, project)
    return project


def delete_project(control: Control, caller: Caller, project_id: str) -> None:
    """Removes a project; its servers and images stay until an admin deletes them."""
    authorize(caller, "identity:delete_project")
    with control.db.write() as tx:
        project = store.get_project(tx, project_id)
        if project.id == caller.project_id:
            raise Conflict(
                "You act in this project", remedy="Take a token for another project first.", code="own-project"
            )
        store.delete_project(tx, project.id)


def list_users(control: Control, caller: Caller) -> list[User]:
    """All users."""
    authorize(caller, "identity:list_users")
    with control.db.read() as tx:
        return store.list_users(tx)


def get_user(control: Control, caller: Caller, user_id: str) -> User:
    """One user by id."""
    authorize(caller, "identity:get_user", {"target.user.id": user_id})
    with control.db.read() as tx:
        return store.get_user(tx, user_id)


def create_user(control: Control, caller: Caller, user: User, password: str) -> User:
    """Creates a user; the id that `user` has is replaced by a new one."""
    authorize(caller, "identity:create_user")
    made = replace(user, id=UserId(_hex_id(control)))
    with control.db.write() as tx:
        store.add_user(tx, made, passwords(control.settings).hash(password))
    return made


def update_user(
    control: Control, caller: Caller, user_id: str, changes: dict[str, object], password: str | None = None
) -> User:
    """Changes a user; a new password or a disabled user ends all their tokens."""
    authorize(caller, "identity:update_user")
    with control.db.write() as tx:
        user = replace(store.get_user(tx, user_id), **changes)  # type: ignore[arg-type]
        store.save_user(tx, user)
        if password is not None:
            store.save_password(tx, user.id, passwords(control.settings).hash(password))
        if password is not None or not user.enabled:
            revoke_user_tokens(tx, user.id, control.now())
    return user


def delete_user(control: Control, caller: Caller, user_id: str) -> None:
    """Removes a user and ends their tokens."""
    authorize(caller, "identity:delete_user")
    with control.db.write() as tx:
        user = store.get_user(tx, user_id)
        revoke_user_tokens(tx, user.id, control.now())
        store.delete_user(tx, user.id)


def list_roles(control: Control, _caller: Caller) -> list[Role]:
    """All roles."""
    with control.db.read() as tx:
        return store.list_roles(tx)


def create_role(control: Control, caller: Caller, name: str) -> Role:
    """Creates a role; only admin, member and reader mean anything to Busway."""
    authorize(caller, "identity:create_role")
    role = Role(_hex_id(control), name)
    with control.db.write() as tx:
        store.add_role(tx, role)
    return role


def delete_role(control: Control, caller: Caller, role_id: str) -> None:
    """Removes a role that is not one of the built-in three."""
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
    """Takes a role from a user; True when they had it."""
    authorize(caller, "identity:revoke_grant")
    with control.db.write() as tx:
        user, project, role = _assignment(tx, user_id, project_id, role_id)
        return store.unassign_role(tx, user.id, project.id, role.id)


def _assignment(tx: Tx, user_id: str, project_id: str, role_id: str) -> tuple[User, Project, Role]:
    return store.get_user(tx, user_id), store.get_project(tx, project_id), store.get_role(tx, role_id)


def _hex_id(control: Control) -> str:
    return control.new_id().replace("-", "")
