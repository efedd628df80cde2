"""What the first start creates: the admin user, its project, the roles, the catalog. Also the recovery of a lost admin password."""

from __future__ import annotations

import json
from dataclasses import replace

from busway.control.context import Control
from busway.control.identity.passwords import passwords
from busway.control.identity.service_catalog import fill_catalog
from busway.control.identity.tree import TURN
from busway.domain.assignment import Actor, Assignment, Place
from busway.domain.identity import DOMAIN_ID, DOMAIN_NAME, IMPLIED, ROLE_NAMES, Project, Role, User, new_domain
from busway.domain.ids import ProjectId, UserId
from busway.store import assignments, projects, roles, users
from busway.store.database import Tx, take_turn
from busway.store.identity_tokens import revoke_user_tokens
from busway.store.login_failures import forget_all_failures


def is_first_start(control: Control) -> bool:
    """Returns True if the database has no users; that is so only once, because the last admin can't be deleted."""
    with control.db.read() as tx:
        return not users.has_users(tx)


def bootstrap_admin(control: Control, password: str) -> Project:
    """Creates user and project admin, the built-in roles and the catalog if they are missing; returns the project."""
    hashed = passwords(control.settings).hash(password)
    with control.db.write() as tx:
        take_turn(tx, TURN)
        fill_catalog(control, tx)
        return _operators_project(tx) if users.has_users(tx) else make_admin(control, tx, hashed)


def recover_admin(control: Control, password: str) -> None:
    """Gives user admin a new password, which is enough, and all rights; revokes its tokens, and lifts every wait after failed log-ins."""
    hashed = passwords(control.settings).hash(password)
    with control.db.write() as tx:
        take_turn(tx, TURN)
        make_admin(control, tx, hashed)
        user = users.find_user_by_name(tx, "admin")
        assert user is not None
        others = {name: value for name, value in user.options.items() if not name.startswith("multi_factor")}
        users.save_user(tx, replace(user, options=others))
        revoke_user_tokens(tx, user.id, control.now())
        forget_all_failures(tx)


def make_admin(control: Control, tx: Tx, password_hash: str) -> Project:
    """Makes sure that user admin is enabled, has a password, and has the role admin in project admin; idempotent."""
    _make_domain(tx)
    known = _make_roles(control, tx)
    project = projects.find_project_by_name(tx, "admin")
    if project is None:
        project = Project(ProjectId(_hex_id(control)), "admin", "The operator's project")
        projects.add_project(tx, project)
    user = users.find_user_by_name(tx, "admin")
    if user is None:
        user = User(UserId(_hex_id(control)), "admin", default_project_id=project.id, password_changed=control.now())
        users.add_user(tx, user, password_hash)
    projects.save_project(tx, replace(project, enabled=True))
    users.save_user(tx, replace(user, enabled=True, password_changed=control.now()))
    users.save_password(tx, user.id, password_hash)
    assignments.assign(tx, Assignment(Actor.USER, user.id, Place.PROJECT, project.id, known["admin"].id))
    return project


def _make_domain(tx: Tx) -> None:
    domain = projects.find_project(tx, DOMAIN_ID)
    if domain is None:
        projects.add_project(tx, new_domain(DOMAIN_ID, DOMAIN_NAME, "The default domain"))
    elif not domain.enabled:
        projects.save_project(tx, replace(domain, enabled=True))


def _make_roles(control: Control, tx: Tx) -> dict[str, Role]:
    """Creates the built-in roles that are missing, with their implications; returns all of them by name."""
    known = {role.name: role for role in roles.list_roles(tx)}
    new = [name for name in ROLE_NAMES if name not in known]
    for name in new:
        known[name] = Role(_hex_id(control), name)
        roles.add_role(tx, known[name])
    for name in new:
        if name in IMPLIED:
            roles.imply(tx, known[name].id, known[IMPLIED[name]].id)
    return known


def get_operators_project(control: Control) -> Project:
    """Returns the project that owns public resources: admin, or the first project if that is gone."""
    with control.db.read() as tx:
        return _operators_project(tx)


def _operators_project(tx: Tx) -> Project:
    return projects.find_project_by_name(tx, "admin") or projects.list_projects(tx)[0]


def clouds_yaml(url: str, password: str, *, region: str = "RegionOne", cacert: str = "") -> str:
    """Returns the text of a clouds.yaml for user admin; `cacert` is the path of a file, "" for none."""
    quoted = password.replace("'", "''")
    trust = f"    cacert: {json.dumps(cacert)}\n" if cacert else ""
    return f"""clouds:
  busway:
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


def _hex_id(control: Control) -> str:
    return control.new_id().replace("-", "")
