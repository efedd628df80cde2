"""Limits of projects and domains, and the defaults (`EVERYBODY`) of those that have none."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    case,
    delete,
    insert,
    or_,
    select,
    update,
)

from busway.domain.ids import ProjectId
from busway.domain.limit import Limit, counted_as
from busway.store.database import Tx
from busway.store.filtered_list import read_page
from busway.store.metadata import metadata
from busway.store.projects import ids_in_domain, projects
from busway.store.user_quotas import list_user_limits

# The owner of the limits that hold for every project without its own.
EVERYBODY = ""

quotas = Table(
    "quotas",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("resource", String(255), primary_key=True),
    Column("limit", Integer, nullable=False),
    Column("id", String(32), nullable=False),
    Column("description", Text),
    UniqueConstraint("id"),
)


# SELECT quotas.*, is_domain FROM quotas JOIN projects: those of all projects (`EVERYBODY`) are no project's
_OWNED: Select[Any] = select(quotas, projects.c.is_domain).join(projects, projects.c.id == quotas.c.owner)


@dataclass(frozen=True, slots=True)
class SetLimits:
    """The limits that were set, by resource: `by_owner` those of everybody and of a project, `of_user` those of a user in it."""

    by_owner: Mapping[str, Mapping[str, int]]
    of_user: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LimitFilter:
    """A filter for limits of projects and domains; `resources` None matches all.

    `within` is a domain: its own limits and those of its projects.
    """

    project_id: str | None = None
    domain_id: str | None = None
    within: str | None = None
    resources: Collection[str] | None = None
    limit: int | None = None
    marker: str | None = None


def list_limits(tx: Tx, owner: str) -> dict[str, int]:
    """Returns the limits that were set for a project, a domain, or `EVERYBODY`, by resource."""
    return limits_of(tx, [owner])[owner]


def limits_of(tx: Tx, owners: Collection[str]) -> dict[str, dict[str, int]]:
    """Returns the limits that were set for each of these owners."""
    found: dict[str, dict[str, int]] = {owner: {} for owner in owners}
    for row in tx.execute(select(quotas).where(quotas.c.owner.in_(owners)).order_by(quotas.c.resource)):
        found[row.owner][row.resource] = row.limit
    return found


def read_set_limits(tx: Tx, project_id: str, user_id: str | None = None) -> SetLimits:
    """Returns the limits that were set for everybody and a project, and those of a user in it."""
    of_user = {} if user_id is None else list_user_limits(tx, project_id, user_id)
    return SetLimits(limits_of(tx, [EVERYBODY, project_id]), of_user)


def set_limits(tx: Tx, owner: str, limits: Mapping[str, int]) -> None:
    """Sets limits; other limits and all descriptions stay."""
    for resource, limit in limits.items():
        which = (quotas.c.owner == owner, quotas.c.resource == resource)
        if tx.execute(update(quotas).where(*which).values(limit=limit)).rowcount == 0:
            values = {"owner": owner, "resource": resource, "limit": limit, "id": limit_id(owner, resource)}
            tx.execute(insert(quotas).values(values))


def limit_id(owner: str, resource: str) -> str:
    """Returns the id of an owner's limit of a resource; always the same."""
    return hashlib.sha256(f"limit/{owner}/{resource}".encode()).hexdigest()[:32]


def describe(tx: Tx, owner: str, resource: str, description: str | None) -> None:
    """Sets the description of a limit."""
    which = (quotas.c.owner == owner, quotas.c.resource == resource)
    tx.execute(update(quotas).where(*which).values(description=description))


def list_descriptions(tx: Tx, owner: str) -> dict[str, str | None]:
    """Returns the descriptions of an owner's limits, by resource."""
    statement = select(quotas.c.resource, quotas.c.description).where(quotas.c.owner == owner)
    return {row.resource: row.description for row in tx.execute(statement)}


def find_limit(tx: Tx, known_id: str) -> Limit | None:
    """Returns a limit of a project or domain by its id, or None."""
    row = tx.execute(_OWNED.where(quotas.c.id == known_id)).one_or_none()
    return None if row is None else _limit(row)


def list_limits_of_owners(tx: Tx, wanted: LimitFilter) -> list[Limit]:
    """Lists the limits of projects and domains that match a filter, by id."""
    statement = _OWNED
    if wanted.project_id is not None:
        statement = statement.where(quotas.c.owner == wanted.project_id, projects.c.is_domain.is_(False))
    if wanted.domain_id is not None:
        statement = statement.where(quotas.c.owner == wanted.domain_id, projects.c.is_domain)
    if wanted.within is not None:
        statement = statement.where(_within(wanted.within))
    if wanted.resources is not None:
        statement = statement.where(quotas.c.resource.in_(wanted.resources))
    return [_limit(row) for row in read_page(tx, statement, (quotas.c.id,), wanted)]


def forget_limits(tx: Tx, owner: str, *, only: Collection[str] | None = None, keeping: Collection[str] = ()) -> None:
    """Deletes the limits of an owner, or `only` those of some resources; those of the resources in `keeping` stay."""
    statement = delete(quotas).where(quotas.c.owner == owner, quotas.c.resource.not_in(keeping))
    tx.execute(statement if only is None else statement.where(quotas.c.resource.in_(only)))


def forget_limits_within(tx: Tx, domain_id: str) -> None:
    """Deletes all limits of a domain and of its projects."""
    tx.execute(delete(quotas).where(_within(domain_id)))


def find_highest_within(tx: Tx, domain_id: str, resource: str) -> Limit | None:
    """Returns the highest limit of a resource among a domain's projects, -1 (no limit) above all; None if none is set."""
    height = case((quotas.c.limit < 0, 1), else_=0)
    statement = (
        _OWNED.where(quotas.c.resource == resource, quotas.c.owner.in_(ids_in_domain(domain_id)))
        .order_by(height.desc(), quotas.c.limit.desc(), quotas.c.id)
        .limit(1)
    )
    row = tx.execute(statement).one_or_none()
    return None if row is None else _limit(row)


def forget_limit(tx: Tx, owner: str, resource: str) -> None:
    """Deletes one limit of an owner."""
    tx.execute(delete(quotas).where(quotas.c.owner == owner, quotas.c.resource == resource))


def _within(domain_id: str) -> ColumnElement[bool]:
    return or_(quotas.c.owner == domain_id, quotas.c.owner.in_(ids_in_domain(domain_id)))


def _limit(row: Row[Any]) -> Limit:
    return Limit(
        row.id, ProjectId(row.owner), counted_as(row.resource), row.limit, row.description, is_of_domain=row.is_domain
    )
