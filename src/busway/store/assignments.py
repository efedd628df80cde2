"""Role assignments, and the roles that a user holds through them.

Actors (users, groups) and targets (projects, domains, the system) are in several tables, so there is no foreign
key: whoever deletes one deletes its assignments in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    CTE,
    Boolean,
    Column,
    ForeignKey,
    FromClause,
    Select,
    String,
    Table,
    and_,
    delete,
    insert,
    literal,
    or_,
    select,
)

from busway.domain.assignment import Assignment, Place
from busway.domain.identity import Role
from busway.store.database import Tx
from busway.store.metadata import metadata
from busway.store.projects import project_tree
from busway.store.roles import implied_roles, role_of, roles
from busway.store.user_groups import group_members, user_groups

assignments = Table(
    "assignments",
    metadata,
    Column("actor_id", String(64), primary_key=True),
    Column("place_id", String(64), primary_key=True, index=True),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("inherited", Boolean, primary_key=True),
    Column("actor", String(8), nullable=False),
    Column("place", String(8), nullable=False),
)
_NAMES = [column.name for column in assignments.c]


def assign(tx: Tx, given: Assignment) -> None:
    """Adds an assignment; idempotent."""
    if not has(tx, given):
        tx.execute(insert(assignments).values({name: getattr(given, name) for name in _NAMES}))


def unassign(tx: Tx, given: Assignment) -> bool:
    """Removes an assignment; returns True if it existed."""
    return tx.execute(delete(assignments).where(*_same(given))).rowcount > 0


def has(tx: Tx, given: Assignment) -> bool:
    """Returns True if exactly this assignment exists, whatever else the actor has."""
    return tx.execute(select(assignments.c.role_id).where(*_same(given))).first() is not None


def list_given_roles(tx: Tx, actor_id: str, place_id: str, *, inherited: bool = False) -> list[Role]:
    """Lists the roles assigned directly to this actor on this target, by name."""
    statement = (
        select(roles)
        .join(assignments, assignments.c.role_id == roles.c.id)
        .where(assignments.c.actor_id == actor_id, assignments.c.place_id == place_id)
        .where(assignments.c.inherited.is_(inherited))
        .order_by(roles.c.name)
    )
    return [role_of(row) for row in tx.execute(statement)]


def list_held_roles(
    tx: Tx, user_id: str, *, project_id: str | None = None, domain_id: str | None = None, is_system: bool = False
) -> list[Role]:
    """Lists the roles that a token of a user has there: direct, by groups, inherited and implied ones; by name."""
    asked = select(
        literal(user_id).label("user_id"),
        literal(project_id).label("project_id"),
        literal(domain_id).label("domain_id"),
        literal(is_system).label("is_system"),
    ).cte("asked")
    held = held_roles(asked)
    statement = select(roles).join(held, held.c.role_id == roles.c.id).where(roles.c.domain_id == "")
    return [role_of(row) for row in tx.execute(statement.order_by(roles.c.name))]


def held_roles(asked: FromClause) -> CTE:
    """Returns a statement for the role ids that the user of each row of `asked` holds in its scope, roles of domains included.

    `asked` has the columns `user_id`, `project_id`, `domain_id` and `is_system`.
    """
    actors = actors_of(asked)
    scopes = (
        select(asked.c.project_id.label("id"), literal(False).label("inherited"))
        .where(asked.c.project_id.is_not(None))
        .union_all(
            select(asked.c.domain_id, literal(False)).where(asked.c.domain_id.is_not(None)),
            select(literal(""), literal(False)).where(asked.c.is_system),
            select(project_tree.c.ancestor_id, literal(True)).join_from(
                project_tree, asked, project_tree.c.project_id == asked.c.project_id
            ),
        )
        .cte("scopes")
    )
    given = (
        select(assignments.c.role_id)
        .join(actors, actors.c.id == assignments.c.actor_id)
        .join(scopes, and_(scopes.c.id == assignments.c.place_id, scopes.c.inherited == assignments.c.inherited))
    )
    return with_implied(given)


def actors_of(asked: FromClause) -> CTE:
    """Returns a statement for the user of each row of `asked` and their groups, as column `id`."""
    groups = select(group_members.c.group_id).join_from(
        group_members, asked, group_members.c.user_id == asked.c.user_id
    )
    return select(asked.c.user_id.label("id")).union_all(groups).cte("actors")


def with_implied(given: Select[Any]) -> CTE:
    """Returns a statement for the role ids of another statement and those that they imply."""
    # WITH RECURSIVE held(role_id) AS (… UNION SELECT implied_id FROM implied_roles JOIN held ON prior_id = role_id)
    held = given.cte("held", recursive=True)
    return held.union(
        select(implied_roles.c.implied_id).join_from(implied_roles, held, implied_roles.c.prior_id == held.c.role_id)
    )


def list_implied_ids(tx: Tx, role_ids: Collection[str]) -> set[str]:
    """Returns the ids of these roles and of all roles that they imply."""
    held = with_implied(select(roles.c.id.label("role_id")).where(roles.c.id.in_(role_ids)))
    return set(tx.execute(select(held.c.role_id)).scalars())


def list_project_ids(tx: Tx, user_id: str) -> set[str]:
    """Lists the ids of the projects in which a user has a role: direct, by a group, or inherited."""
    places = _places_of(user_id)
    direct = places.where(assignments.c.place == Place.PROJECT, assignments.c.inherited.is_(False))
    below = select(project_tree.c.project_id).where(
        project_tree.c.ancestor_id.in_(places.where(assignments.c.inherited))
    )
    return {*tx.execute(direct).scalars(), *tx.execute(below).scalars()}


def list_domain_ids(tx: Tx, user_id: str) -> set[str]:
    """Lists the ids of the domains on which a user has a role, direct or by a group."""
    on = _places_of(user_id).where(assignments.c.place == Place.DOMAIN, assignments.c.inherited.is_(False))
    return set(tx.execute(on).scalars())


def _places_of(user_id: str) -> Select[Any]:
    groups = select(group_members.c.group_id).where(group_members.c.user_id == user_id)
    actors = select(literal(user_id)).union_all(groups)
    return select(assignments.c.place_id).where(assignments.c.actor_id.in_(actors))


def forget_actor(tx: Tx, actor_id: str) -> None:
    """Deletes all assignments of a user or group."""
    tx.execute(delete(assignments).where(assignments.c.actor_id == actor_id))


def forget_groups_of(tx: Tx, domain_id: str) -> None:
    """Deletes all assignments of the groups of a domain."""
    theirs = select(user_groups.c.id).where(user_groups.c.domain_id == domain_id)
    tx.execute(delete(assignments).where(assignments.c.actor_id.in_(theirs)))


def forget_place(tx: Tx, place_id: str) -> None:
    """Deletes the assignments on a project, or on a domain and all projects in it."""
    within = select(project_tree.c.project_id).where(project_tree.c.ancestor_id == place_id)
    tx.execute(delete(assignments).where(or_(assignments.c.place_id == place_id, assignments.c.place_id.in_(within))))


def _same(given: Assignment) -> list[Any]:
    return [
        assignments.c.actor_id == given.actor_id,
        assignments.c.place_id == given.place_id,
        assignments.c.role_id == given.role_id,
        assignments.c.inherited.is_(given.inherited),
    ]
