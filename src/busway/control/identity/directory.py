"""The use cases of users and projects, and what the first start creates."""

from __future__ import annotations

import json
from dataclasses import replace

from busway.control.context import Control
from busway.control.identity.passwords import NO_PASSWORD, passwords
from busway.control.identity.proof import check_password
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict
from busway.domain.identity import DOMAIN_ID, ROLE_NAMES, Project, Role, User
from busway.domain.ids import ProjectId, UserId
from busway.policy import authorize
from busway.store import identity as store
from busway.store.database import Tx, take_turn
from busway.store.identity import EVERYBODY, DirectoryFilter
from busway.store.identity_tokens import revoke_project_tokens, revoke_user_tokens
from busway.store.login_failures import forget_all_failures

# Changes that could take the last admin away wait for each other.
_TURN = "identity"


class Unchanged:
    """The mark of a value that is not given."""


UNCHANGED = Unchanged()


def is_first_start(control: Control) -> bool:
    """True on a database without users; never again, for the last admin can't be removed."""
    with control.db.read() as tx:
        return not store.has_users(tx)


def bootstrap_admin(control: Control, password: str) -> Project:
    """Makes project admin, user admin and the roles where there are no users yet; returns the operator's project."""
    hashed = passwords(control.settings).hash(password)
    with control.db.write() as tx:
        take_turn(tx, _TURN)
        return _operators_project(tx) if store.has_users(tx) else make_admin(control, tx, hashed)


def recover_admin(control: Control, password: str) -> None:
    """Lets user admin in again with a new password, with all rights; their tokens end, and nobody waits for a try."""
    hashed = passwords(control.settings).hash(password)
    with control.db.write() as tx:
        take_turn(tx, _TURN)
        make_admin(control, tx, hashed)
        user = store.find_user_by_name(tx, "admin")
        assert user is not None
        revoke_user_tokens(tx, user.id, control.now())
        forget_all_failures(tx)


def make_admin(control: Control, tx: Tx, password_hash: str) -> Project:
    """Sees to it that user admin is enabled, with a password and the role admin in project admin; safe to repeat."""
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
        store.add_user(tx, user, password_hash)
    store.save_project(tx, replace(project, enabled=True))
    store.save_user(tx, replace(user, enabled=True))
    store.save_password(tx, user.id, password_hash)
    store.assign_role(tx, user.id, project.id, known["admin"].id)
    return project


def get_operators_project(control: Control) -> Project:
    """The project that owns what belongs to everybody: admin, or any where that is gone."""
    with control.db.read() as tx:
        return _operators_project(tx)


def _operators_project(tx: Tx) -> Project:
    return store.find_project_by_name(tx, "admin") or store.list_projects(tx)[0]


def clouds_yaml(url: str, password: str, *, cloud: str = "busway", region: str = "RegionOne", cacert: str = "") -> str:
    """The clouds.yaml with which OpenStack's clients reach this cloud as admin; `cacert` is a file's path, "" for none."""
    quoted = password.replace("'", "''")
    trust = f"    cacert: {json.dumps(cacert)}\n" if cacert else ""
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
{trust}"""


def list_projects(
    control: Control, caller: Caller, wanted: DirectoryFilter = EVERYBODY, *, own: bool = False
) -> list[Project]:
    """The projects that a filter lets through, or with `own` those in which the caller has a role."""
    authorize(caller, "identity:get_auth_projects" if own else "identity:list_projects")
    with control.db.read() as tx:
        if not own:
            return store.list_projects(tx, wanted)
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
    """Changes name, description or enabled; disabling ends the project's tokens."""
    authorize(caller, "identity:update_project")
    with control.db.write() as tx:
        take_turn(tx, _TURN)
        project = replace(store.get_project(tx, project_id), **changes)  # type: ignore[arg-type]
        store.save_project(tx, project)
        if not project.enabled:
            revoke_project_tokens(tx, project.id, control.now())
            check_admin_left(tx)
    return project


def delete_project(control: Control, caller: Caller, project_id: str) -> None:
    """Removes a project and ends its tokens; its servers and images stay until an admin deletes them."""
    authorize(caller, "identity:delete_project")
    with control.db.write() as tx:
        take_turn(tx, _TURN)
        project = store.get_project(tx, project_id)
        if project.id == caller.project_id:
            raise Conflict(
                "You act in this project", remedy="Get a token for another project first.", code="own-project"
            )
        revoke_project_tokens(tx, project.id, control.now())
        store.delete_project(tx, project.id)
        check_admin_left(tx)


def list_users(control: Control, caller: Caller, wanted: DirectoryFilter = EVERYBODY) -> list[User]:
    """The users that a filter lets through."""
    authorize(caller, "identity:list_users")
    with control.db.read() as tx:
        return store.list_users(tx, wanted)


def get_user(control: Control, caller: Caller, user_id: str) -> User:
    """One user by id."""
    authorize(caller, "identity:get_user", {"target.user.id": user_id})
    with control.db.read() as tx:
        return store.get_user(tx, user_id)


def create_user(control: Control, caller: Caller, user: User, password: str | None) -> User:
    """Creates a user; the id that `user` has is replaced by a new one.

    Without a password they can't log in with one.
    """
    authorize(caller, "identity:create_user")
    made = replace(user, id=UserId(_hex_id(control)))
    hashed = NO_PASSWORD if password is None else passwords(control.settings).hash(password)
    with control.db.write() as tx:
        store.add_user(tx, made, hashed)
    return made


def update_user(
    control: Control,
    caller: Caller,
    user_id: str,
    changes: dict[str, object],
    password: str | Unchanged | None = UNCHANGED,
) -> User:
    """Changes a user; a new password or a disabled user ends all their tokens. A password of None takes it away."""
    authorize(caller, "identity:update_user")
    hashed = None
    if not isinstance(password, Unchanged):
        hashed = NO_PASSWORD if password is None else passwords(control.settings).hash(password)
    with control.db.write() as tx:
        take_turn(tx, _TURN)
        user = replace(store.get_user(tx, user_id), **changes)  # type: ignore[arg-type]
        store.save_user(tx, user)
        if hashed is not None:
            store.save_password(tx, user.id, hashed)
        if hashed is not None or not user.enabled:
            revoke_user_tokens(tx, user.id, control.now())
            check_admin_left(tx)
    return user


def change_password(control: Control, user_id: str, original: str, password: str, address: str = "") -> None:
    """A user changes their own password, proved by the old one; all their tokens end."""
    proof = check_password(control, user_id, original, address)
    if password == original:
        raise BadInput(
            "The new password is the same as the old one", remedy="Choose another one.", code="same-password"
        )
    hashed = passwords(control.settings).hash(password)
    with control.db.write() as tx:
        proof.settle(tx, control.now())
        store.save_password(tx, proof.user.id, hashed)
        revoke_user_tokens(tx, proof.user.id, control.now())


def delete_user(control: Control, caller: Caller, user_id: str) -> None:
    """Removes a user with their application credentials, and ends their tokens."""
    authorize(caller, "identity:delete_user")
    with control.db.write() as tx:
        take_turn(tx, _TURN)
        user = store.get_user(tx, user_id)
        revoke_user_tokens(tx, user.id, control.now())
        store.delete_user(tx, user.id)
        check_admin_left(tx)


def check_admin_left(tx: Tx) -> None:
    """Raises `Conflict` when nobody could log in as an admin any more; the transaction is rolled back by that."""
    if store.count_admins(tx, NO_PASSWORD) == 0:
        raise Conflict(
            "Nobody would be left who can log in as an admin",
            detail="An enabled user with a password and the role admin in an enabled project is required.",
            remedy="Create another admin first: openstack user create, then openstack role add --project admin "
            "--user NAME admin.",
            code="last-admin",
        )


def _hex_id(control: Control) -> str:
    return control.new_id().replace("-", "")
