"""Rules of the tree of domains and projects that every change must keep. The caller holds the turn `TURN`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from busway.control.identity.passwords import NO_PASSWORD
from busway.domain.errors import BadInput, Conflict, Forbidden
from busway.domain.identity import Project
from busway.store import projects as store
from busway.store import users
from busway.store.database import Tx

# Changes of who may do what wait for each other: what one of them has looked at stays until it is done.
TURN = "identity"


def check_place(tx: Tx, project: Project, most_depth: int) -> None:
    """Raises `Forbidden` for a new project below a disabled one, or deeper than `most_depth` (domains are at 0)."""
    assert project.parent_id is not None
    parent = store.get_project(tx, project.parent_id)
    above = [parent, *store.list_ancestors(tx, parent.id)]
    disabled = [each.name for each in above if not each.enabled]
    if disabled:
        raise Forbidden(
            f"Project {project.name} can't be made below {disabled[0]}, which is disabled",
            remedy=f"Enable it first: openstack project set --enable {disabled[0]}",
            code="parent-disabled",
        )
    if len(above) > most_depth:
        raise Forbidden(
            f"Project {project.name} would stand deeper than {most_depth} projects below its domain",
            remedy="Make it below another project.",
            code="tree-too-deep",
        )


def check_mutable(project: Project, changes: Mapping[str, Any] | None) -> None:
    """Raises `Forbidden` for a change of an immutable project or domain; `changes` None is its deletion.

    Removing the option `immutable` is permitted.
    """
    frees = changes is not None and changes.get("options", {}).get("immutable", True) in (False, None)
    if project.is_immutable and not frees:
        kind = "domain" if project.is_domain else "project"
        raise Forbidden(
            f"{kind.capitalize()} {project.name} is immutable",
            remedy=f"Take that option away first: openstack {kind} set --no-immutable {project.name}",
            code="immutable",
        )


def check_switch(tx: Tx, project: Project) -> None:
    """Raises `Forbidden` for enabling a project below a disabled one, and for disabling one above an enabled one."""
    if project.is_domain:
        return
    if project.enabled:
        off = [each.name for each in store.list_ancestors(tx, project.id) if not each.enabled]
        if off:
            raise Forbidden(
                f"Project {project.name} can't be enabled below {off[0]}, which is disabled",
                remedy=f"Enable that first: openstack project set --enable {off[0]}",
                code="parent-disabled",
            )
    elif store.count_below(tx, project.id, enabled=True):
        raise Forbidden(
            f"Project {project.name} has projects below it that are enabled",
            remedy="Disable those first: openstack project list --parent " + project.name,
            code="children-enabled",
        )


def merged_options(known: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the known options updated by the given ones; a value None removes its key."""
    return {key: value for key, value in {**known, **given}.items() if value is not None}


def refuse_move(kind: str, name: str, known: object, given: object) -> None:
    """Raises `BadInput` if an immutable attribute would get another value."""
    if given != known:
        raise BadInput(
            f"The {name} of a {kind} can't be changed",
            detail=f"It is {known}.",
            remedy=f"Make a new {kind} instead.",
            code="fixed-attribute",
        )


def check_admin_left(tx: Tx) -> None:
    """Raises `Conflict`, which rolls the transaction back, if no user could log in as an admin any more."""
    if users.count_admins(tx, NO_PASSWORD) == 0:
        raise Conflict(
            "Nobody would be left who can log in as an admin",
            detail="An enabled user with a password and the role admin, not by a group, in an enabled project is required.",
            remedy="Create another admin first: openstack user create, then openstack role add --project admin "
            "--user NAME admin.",
            code="last-admin",
        )
