"""Lists of role assignments with names: as assigned, or their effects on each user. All filters are in the statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from busway.domain.assignment import Actor, Assignment, Place
from busway.store.assignments import assignments
from busway.store.database import Tx
from busway.store.projects import project_tree, projects
from busway.store.roles import implied_roles, roles
from busway.store.user_groups import group_members, user_groups
from busway.store.users import users

_ROW = ("actor", "actor_id", "place", "place_id", "role_id", "inherited")
# How it comes about: the group by which a user has it, the place that it is inherited from, and the role that implies it.
_WHY = ("group_id", "source", "source_id", "prior_id")


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """A filter for role assignments by actor, target and role; None matches everything.

    `effective` resolves groups, inheritance and implied roles to users. `with_subtree` adds the projects below
    `project_id`. `within` is a domain: only assignments on it and in its projects match.
    """

    user_id: str | None = None
    group_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    is_system: bool = False
    role_id: str | None = None
    inherited: bool | None = None
    effective: bool = False
    with_subtree: bool = False
    within: str | None = None


@dataclass(frozen=True, slots=True)
class Name:
    """A name and its domain; `domain_id` is "" for what belongs to no domain."""

    name: str
    domain_id: str
    domain_name: str


@dataclass(frozen=True, slots=True)
class NamedAssignment:
    """An assignment with the names in it; an effective one also says which assignment it follows from."""

    assignment: Assignment
    actor: Name
    place: Name
    role: Name
    group_id: str | None = None
    source: Assignment | None = None
    prior_id: str | None = None


def list_assignments(tx: Tx, wanted: AssignmentFilter) -> list[NamedAssignment]:
    """Lists the assignments that match a filter, ordered by the names of actor, target and role."""
    found = _effective(wanted) if wanted.effective else _given()
    own_domain, place_domain, role_domain, places = (
        projects.alias(name) for name in ("own_domain", "place_domain", "role_domain", "places")
    )
    actor_name = func.coalesce(users.c.name, user_groups.c.name)
    statement = (
        select(
            *(found.c[name] for name in (*_ROW, *_WHY)),
            actor_name.label("actor_name"),
            own_domain.c.id.label("actor_domain_id"),
            own_domain.c.name.label("actor_domain_name"),
            func.coalesce(places.c.name, "").label("place_name"),
            func.coalesce(place_domain.c.id, "").label("place_domain_id"),
            func.coalesce(place_domain.c.name, "").label("place_domain_name"),
            roles.c.name.label("role_name"),
            roles.c.domain_id.label("role_domain_id"),
            func.coalesce(role_domain.c.name, "").label("role_domain_name"),
        )
        .select_from(found)
        .join(roles, roles.c.id == found.c.role_id)
        .outerjoin(users, and_(found.c.actor == Actor.USER, users.c.id == found.c.actor_id))
        .outerjoin(user_groups, and_(found.c.actor == Actor.GROUP, user_groups.c.id == found.c.actor_id))
        .join(own_domain, own_domain.c.id == func.coalesce(users.c.domain_id, user_groups.c.domain_id))
        .outerjoin(places, places.c.id == found.c.place_id)
        .outerjoin(place_domain, place_domain.c.id == places.c.domain_id)
        .outerjoin(role_domain, role_domain.c.id == roles.c.domain_id)
        .where(*_conditions(found, places.c.domain_id, wanted))
        .distinct()
    )
    if wanted.effective:
        statement = statement.where(roles.c.domain_id == "")
    order = ("actor_name", "place_name", "role_name", "actor_id", "place_id", "role_id", "inherited")
    return [_named(row._mapping) for row in tx.execute(statement.order_by(*order))]


def _given() -> CTE:
    nothing = [null().label(name) for name in _WHY]
    return select(*(assignments.c[name] for name in _ROW), *nothing).cte("found")


def _effective(wanted: AssignmentFilter) -> CTE:
    placed = _placed(_by_user(wanted))
    # WITH RECURSIVE implied(prior_id, role_id) AS (… what each role implies, and what that implies)
    implied = select(implied_roles.c.prior_id, implied_roles.c.implied_id.label("role_id")).cte(
        "implied", recursive=True
    )
    implied = implied.union(
        select(implied.c.prior_id, implied_roles.c.implied_id).join_from(
            implied, implied_roles, implied_roles.c.prior_id == implied.c.role_id
        )
    )
    plain = select(*(placed.c[name] for name in _ROW), *(placed.c[name] for name in _WHY[:3]), null().label("prior_id"))
    names = [implied.c.role_id if name == "role_id" else placed.c[name] for name in _ROW]
    more = select(*names, *(placed.c[name] for name in _WHY[:3]), implied.c.prior_id).join_from(
        placed, implied, implied.c.prior_id == placed.c.role_id
    )
    return plain.union_all(more).cte("found")


def _by_user(wanted: AssignmentFilter) -> CTE:
    """Returns the assignments with those of a group replaced by one for each member."""
    member = and_(assignments.c.actor == Actor.GROUP, group_members.c.group_id == assignments.c.actor_id)
    user_id = func.coalesce(group_members.c.user_id, assignments.c.actor_id)
    statement: Select[Any] = (
        select(
            literal(Actor.USER.value).label("actor"),
            user_id.label("actor_id"),
            *(assignments.c[name] for name in ("place", "place_id", "role_id", "inherited")),
            group_members.c.group_id,
        )
        .select_from(assignments.outerjoin(group_members, member))
        .where(or_(assignments.c.actor == Actor.USER, group_members.c.user_id.is_not(None)))
    )
    if wanted.user_id is not None:
        own_groups = select(group_members.c.group_id).where(group_members.c.user_id == wanted.user_id)
        actors = union_all(select(literal(wanted.user_id)), own_groups)
        # The second condition follows from the first, and an index serves it.
        statement = statement.where(user_id == wanted.user_id, assignments.c.actor_id.in_(actors))
    if wanted.project_id is not None and not wanted.with_subtree:
        above = select(project_tree.c.ancestor_id).where(project_tree.c.project_id == wanted.project_id)
        there = assignments.c.place_id == wanted.project_id
        statement = statement.where(or_(there, and_(assignments.c.inherited, assignments.c.place_id.in_(above))))
    return statement.cte("by_user")


def _placed(given: CTE) -> CTE:
    """Returns the assignments with inherited ones replaced by one for each project below."""
    plain = select(
        *(given.c[name] for name in _ROW), given.c.group_id, null().label("source"), null().label("source_id")
    ).where(given.c.inherited.is_(False))
    below = {"place": literal(Place.PROJECT.value), "place_id": project_tree.c.project_id, "inherited": literal(False)}
    inherited = (
        select(
            *(below.get(name, given.c[name]) for name in _ROW),
            given.c.group_id,
            given.c.place.label("source"),
            given.c.place_id.label("source_id"),
        )
        .join_from(given, project_tree, project_tree.c.ancestor_id == given.c.place_id)
        .where(given.c.inherited)
    )
    return plain.union_all(inherited).cte("placed")


def _conditions(found: CTE, domain: ColumnElement[str], wanted: AssignmentFilter) -> list[ColumnElement[bool]]:
    pairs: dict[str, tuple[str, str | None]] = {
        "user_id": (Actor.USER, wanted.user_id),
        "group_id": (Actor.GROUP, wanted.group_id),
    }
    conditions: list[ColumnElement[bool]] = [
        and_(found.c.actor == kind, found.c.actor_id == value) for kind, value in pairs.values() if value is not None
    ]
    if wanted.project_id is not None:
        here: ColumnElement[bool] = found.c.place_id == wanted.project_id
        if wanted.with_subtree:
            below = select(project_tree.c.project_id).where(project_tree.c.ancestor_id == wanted.project_id)
            here = or_(here, found.c.place_id.in_(below))
        conditions += [found.c.place == Place.PROJECT, here]
    if wanted.domain_id is not None:
        conditions += [found.c.place == Place.DOMAIN, found.c.place_id == wanted.domain_id]
    if wanted.is_system:
        conditions.append(found.c.place == Place.SYSTEM)
    if wanted.role_id is not None:
        conditions.append(found.c.role_id == wanted.role_id)
    if wanted.inherited is not None:
        conditions.append(found.c.inherited.is_(wanted.inherited))
    if wanted.within is not None:
        conditions.append(or_(found.c.place_id == wanted.within, domain == wanted.within))
    return conditions


def _named(row: Any) -> NamedAssignment:
    values = {name: row[name] for name in _ROW}
    assignment = Assignment(**{**values, "actor": Actor(values["actor"]), "place": Place(values["place"])})
    source = None
    if row["source"] is not None:
        # The role that was given there is the one that implies this one, where there is such a one.
        actor, actor_id = (Actor.GROUP, row["group_id"]) if row["group_id"] else (Actor.USER, row["actor_id"])
        source = Assignment(
            actor, actor_id, Place(row["source"]), row["source_id"], row["prior_id"] or row["role_id"], inherited=True
        )
    return NamedAssignment(
        assignment,
        _name(row, "actor"),
        _name(row, "place"),
        _name(row, "role"),
        row["group_id"],
        source,
        row["prior_id"],
    )


def _name(row: Any, kind: str) -> Name:
    return Name(row[f"{kind}_name"], row[f"{kind}_domain_id"], row[f"{kind}_domain_name"])
