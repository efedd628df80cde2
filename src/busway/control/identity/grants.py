"""The use cases of role assignments: a role of a user or a group on a project, a domain or the system."""

from __future__ import annotations

from dataclasses import replace

from busway.control.context import Control
from busway.control.identity.tree import TURN, check_admin_left
from busway.domain.assignment import Actor, Assignment, Place
from busway.domain.caller import Caller
from busway.domain.errors import Forbidden, NotFound
from busway.domain.identity import Project, Role, User
from busway.domain.user_group import UserGroup
from busway.policy import authorize
from busway.store import assignment_list, assignments, projects, roles, user_groups, users
from busway.store.assignment_list import AssignmentFilter, NamedAssignment
from busway.store.database import Tx, take_turn
from busway.store.identity_tokens import revoke_assigned_tokens


def list_assignments(control: Control, caller: Caller, wanted: AssignmentFilter) -> list[NamedAssignment]:
    """Lists the assignments that match a filter; with a token of a domain, those on it and in its projects."""
    if wanted.with_subtree:
        authorize(caller, "identity:list_role_assignments_for_tree", {"target.project.id": wanted.project_id})
    else:
        authorize(caller, "identity:list_role_assignments", {"target.domain_id": caller.domain_id})
    with control.db.read() as tx:
        return assignment_list.list_assignments(tx, replace(wanted, within=caller.domain_id or None))


def list_given(control: Control, caller: Caller, asked: Assignment, rule: str) -> list[Role]:
    """Lists the roles assigned directly to this actor on this target, by name; `asked.role` is ignored."""
    with control.db.read() as tx:
        _permit(tx, caller, rule, asked)
        return assignments.list_given_roles(tx, asked.actor_id, asked.place_id, inherited=asked.inherited)


def list_own_system_roles(control: Control, caller: Caller) -> list[Role]:
    """Lists the roles of the caller on the system, direct or by a group."""
    authorize(caller, "identity:get_auth_system")
    with control.db.read() as tx:
        return assignments.list_held_roles(tx, caller.user_id, is_system=True)


def check(control: Control, caller: Caller, asked: Assignment, rule: str) -> None:
    """Raises `NotFound` if exactly this assignment does not exist."""
    with control.db.read() as tx:
        _permit(tx, caller, rule, asked)
        if not assignments.has(tx, asked):
            raise _not_given(asked)


def give(control: Control, caller: Caller, asked: Assignment, rule: str) -> None:
    """Assigns a role; idempotent."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        role, domain = _permit(tx, caller, rule, asked)
        assert role is not None
        if role.domain_id not in ("", domain):
            raise Forbidden(
                f"Role {role.name} is one of another domain",
                detail=f"It is for domain {role.domain_id} and what is in it.",
                remedy="Give it there, or give a role of the whole cloud.",
                code="role-elsewhere",
            )
        assignments.assign(tx, asked)


def take(control: Control, caller: Caller, asked: Assignment, rule: str) -> None:
    """Removes an assignment and revokes the tokens that depend on it; raises `NotFound` if it does not exist."""
    with control.db.write() as tx:
        take_turn(tx, TURN)
        _permit(tx, caller, rule, asked)
        if not assignments.unassign(tx, asked):
            raise _not_given(asked)
        revoke_assigned_tokens(tx, asked, control.now())
        check_admin_left(tx)


def _permit(tx: Tx, caller: Caller, rule: str, asked: Assignment) -> tuple[Role | None, str]:
    """Authorizes the act and checks that actor, target and role exist; returns the role and the domain of the target."""
    actor = _actor(tx, asked)
    place = projects.find_project(tx, asked.place_id) if asked.place is not Place.SYSTEM else None
    role = roles.find_role(tx, asked.role_id) if asked.role_id else None
    target = {
        "target.user.id": asked.actor_id if asked.actor is Actor.USER else "",
        f"target.{asked.actor}.domain_id": actor.domain_id if actor else "",
        "target.role.name": role.name if role else "",
        "target.role.domain_id": (role.domain_id or None) if role else "",
    }
    domain = ""
    if place is not None:
        domain = place.id if place.is_domain else place.domain_id
        target["target.domain.id" if asked.place is Place.DOMAIN else "target.project.domain_id"] = domain
    authorize(caller, rule, target)
    _check_there(tx, asked, actor, place)
    return roles.get_role(tx, asked.role_id) if asked.role_id else None, domain


def _actor(tx: Tx, asked: Assignment) -> User | UserGroup | None:
    if asked.actor is Actor.USER:
        return users.find_user(tx, asked.actor_id)
    return user_groups.find_group(tx, asked.actor_id)


def _check_there(tx: Tx, asked: Assignment, actor: User | UserGroup | None, place: Project | None) -> None:
    """Raises `NotFound` for an actor or a target that does not exist."""
    if actor is None and asked.actor is Actor.USER:
        users.get_user(tx, asked.actor_id)
    elif actor is None:
        user_groups.get_group(tx, asked.actor_id)
    if asked.place is Place.DOMAIN:
        projects.get_domain(tx, asked.place_id)
    if asked.place is Place.PROJECT and (place is None or place.is_domain):
        raise NotFound(
            f"Could not find project: {asked.place_id}",
            remedy="Give a role on a domain with --domain." if place else "List projects: openstack project list",
            code="project-not-found",
        )


def _not_given(asked: Assignment) -> NotFound:
    where = "the system" if asked.place is Place.SYSTEM else f"{asked.place} {asked.place_id}"
    return NotFound(
        f"{asked.actor.capitalize()} {asked.actor_id} was not given role {asked.role_id} on {where}",
        remedy="See who has what: openstack role assignment list --names",
        code="assignment-not-found",
    )
