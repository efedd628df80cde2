"""The use cases of projects. The projects of a domain form a tree below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from busway.control import domain_limits
from busway.control.context import Control
from busway.control.identity.tree import (
    TURN,
    check_admin_left,
    check_mutable,
    check_place,
    check_switch,
    merged_options,
    refuse_move,
)
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, Forbidden, NotFound
from busway.domain.identity import DOMAIN_ID, MOST_DEPTH, Project
from busway.domain.ids import ProjectId
from busway.policy import authorize
from busway.store import assignments, quotas
from busway.store import projects as store
from busway.store.database import Tx, take_turn
from busway.store.identity_tokens import revoke_project_tokens
from busway.store.projects import ALL_PROJECTS, ProjectFilter
from busway.store.users import get_user


def list_projects(control: Control, caller: Caller, wanted: ProjectFilter = ALL_PROJECTS) -> list[Project]:
    """Lists the projects that match a filter; with a token of a domain, those of that domain."""
    authorize(caller, "identity:list_projects", {"target.domain_id": wanted.domain_id or caller.domain_id})
    if caller.domain_id:
        if wanted.domain_id not in (None, caller.domain_id):
            return []
        wanted = replace(wanted, domain_id=caller.domain_id)
    with control.db.read() as tx:
        return store.list_projects(tx, wanted)


def list_own_projects(control: Control, caller: Caller) -> list[Project]:
    """Lists the enabled projects in which the caller has a role."""
    authorize(caller, "identity:get_auth_projects")
    with control.db.read() as tx:
        return _projects_of(tx, caller.user_id, enabled=True)


def list_user_projects(control: Control, caller: Caller, user_id: str) -> list[Project]:
    """Lists the projects in which a user has a role."""
    with control.db.read() as tx:
        user = get_user(tx, user_id) if user_id != caller.user_id else None
        domain = user.domain_id if user else caller.user_domain_id
        authorize(caller, "identity:list_user_projects", {"target.user.id": user_id, "target.user.domain_id": domain})
        return _projects_of(tx, user_id)


def _projects_of(tx: Tx, user_id: str, *, enabled: bool | None = None) -> list[Project]:
    return store.list_projects(tx, ProjectFilter(ids=assignments.list_project_ids(tx, user_id), enabled=enabled))


def get_project(control: Control, caller: Caller, project_id: str, rule: str = "identity:get_project") -> Project:
    """Returns a project or a domain by its id; raises `NotFound`."""
    with control.db.read() as tx:
        return permitted(tx, caller, rule, project_id)


def permitted(tx: Tx, caller: Caller, rule: str, project_id: str) -> Project:
    """Returns a project if a rule permits the act; raises `NotFound` only if the caller may know that, else `Forbidden`."""
    found = store.find_project(tx, project_id)
    domain = "" if found is None else found.id if found.is_domain else found.domain_id
    authorize(caller, rule, {"target.project.id": project_id, "target.project.domain_id": domain})
    if found is None:
        raise NotFound(
            f"Could not find project: {project_id}",
            remedy="List projects: openstack project list",
            code="project-not-found",
        )
    return found


def list_parents(control: Control, project: Project) -> list[Project]:
    """Lists the ancestors of a project, nearest first and its domain last."""
    with control.db.read() as tx:
        above = {each.id: each for each in store.list_ancestors(tx, project.id)}
    chain, at = [], project.parent_id
    while at is not None and ProjectId(at) in above:
        chain.append(above[ProjectId(at)])
        at = chain[-1].parent_id
    return chain


def list_subtree(control: Control, project: Project) -> list[Project]:
    """Lists all descendants of a project."""
    with control.db.read() as tx:
        return store.list_below(tx, project.id)


def own_ids(control: Control, caller: Caller) -> set[str]:
    """Returns the ids of the projects in which the caller has a role."""
    with control.db.read() as tx:
        return assignments.list_project_ids(tx, caller.user_id)


def create_project(
    control: Control, caller: Caller, project: Project, parent_id: str | None, domain_id: str | None
) -> Project:
    """Creates a project, with a new id, in a domain or below another project.

    Without either it is created in the domain of the caller's token.
    """
    with control.db.write() as tx:
        take_turn(tx, TURN)
        domain = _domain_of(tx, caller, parent_id, domain_id)
        authorize(caller, "identity:create_project", {"target.project.domain_id": domain})
        parent = parent_id or store.get_domain(tx, domain).id
        new_id = control.new_id().replace("-", "")
        made = replace(project, id=ProjectId(new_id), domain_id=domain, parent_id=parent)
        check_place(tx, made, 1 if domain_limits.hold(control) else MOST_DEPTH)
        store.add_project(tx, made)
    return made


def _domain_of(tx: Tx, caller: Caller, parent_id: str | None, domain_id: str | None) -> str:
    if parent_id is None:
        return domain_id or caller.domain_id or caller.project_domain_id or DOMAIN_ID
    parent = store.get_project(tx, parent_id)
    domain = parent.id if parent.is_domain else parent.domain_id
    if domain_id not in (None, domain):
        raise BadInput(
            f"Project {parent.name} is not in domain {domain_id}",
            detail=f"It is in domain {domain}, and what is below it is there too.",
            remedy="Name that domain, or none.",
            code="parent-elsewhere",
        )
    return domain


def update_project(control: Control, caller: Caller, project_id: str, changes: dict[str, Any]) -> Project:
    """Changes a project that is not a domain; disabling it revokes its tokens."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = permitted(tx, caller, "identity:update_project", project_id)
        if known.is_domain:
            raise Forbidden(
                f"{known.name} is a domain", remedy="Change it as one: openstack domain set.", code="is-a-domain"
            )
        return change(control, tx, known, changes)


def change(control: Control, tx: Tx, known: Project, changes: dict[str, Any]) -> Project:
    """Changes a project or a domain; checks all rules of the tree."""
    check_mutable(known, changes)
    kind = "domain" if known.is_domain else "project"
    for name in ("domain_id", "parent_id", "is_domain"):
        if name in changes:
            refuse_move(kind, name, getattr(known, name) or None, changes[name] or None)
    values = {name: value for name, value in changes.items() if name not in ("domain_id", "parent_id", "is_domain")}
    if "options" in values:
        values["options"] = merged_options(known.options, values["options"])
    if "extra" in values:
        values["extra"] = merged_options(known.extra, values["extra"])
    project = replace(known, **values)
    if project.enabled is not known.enabled:
        check_switch(tx, project)
    store.check_project_name(tx, project)
    store.save_project(tx, project)
    if not project.enabled and not project.is_domain:
        revoke_project_tokens(tx, project.id, control.now())
        check_admin_left(tx)
    return project


def delete_project(control: Control, caller: Caller, project_id: str) -> None:
    """Deletes a project without children and revokes its tokens; its resources stay until an admin deletes them."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        project = permitted(tx, caller, "identity:delete_project", project_id)
        if project.is_domain:
            raise Forbidden(
                f"{project.name} is a domain", remedy="Delete it as one: openstack domain delete.", code="is-a-domain"
            )
        check_mutable(project, None)
        if project.id == caller.project_id:
            raise Conflict(
                "You act in this project", remedy="Get a token for another project first.", code="own-project"
            )
        if store.count_below(tx, project.id):
            raise Forbidden(
                f"Project {project.name} has projects below it",
                remedy=f"Delete those first: openstack project list --parent {project.name}",
                code="not-a-leaf",
            )
        revoke_project_tokens(tx, project.id, control.now())
        assignments.forget_place(tx, project.id)
        quotas.forget_limits(tx, project.id)
        store.delete_project(tx, project.id)
        check_admin_left(tx)


def change_tags(
    control: Control, caller: Caller, project_id: str, rule: str, act: Callable[[tuple[str, ...]], tuple[str, ...]]
) -> Project:
    """Replaces the tags of a project by what `act` returns for them."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        known = permitted(tx, caller, rule, project_id)
        return change(control, tx, known, {"tags": act(known.tags)})
