"""Limits of projects, and those of all projects that have none of their own."""

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
from busway.store.metadata import metadata
from busway.store.paging import SortKey, page_of
from busway.store.projects import ids_in_domain, projects

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
class LimitFilter:
    """Which limits of projects and domains a list holds; `resources` None for all.

    `within` is a domain: its own limits and those of its projects.
    """

    project_id: str | None = None
    domain_id: str | None = None
    within: str | None = None
    resources: Collection[str] | None = None
    limit: int | None = None
    marker: str | None = None


def list_limits(tx: Tx, owner: str) -> dict[str, int]:
    """The limits that were set for a project, or for `EVERYBODY`."""
    return limits_of(tx, [owner])[owner]


def limits_of(tx: Tx, owners: Collection[str]) -> dict[str, dict[str, int]]:
    """The limits that were set for each of some projects, or for `EVERYBODY`."""
    found: dict[str, dict[str, int]] = {owner: {} for owner in owners}
    for row in tx.execute(select(quotas).where(quotas.c.owner.in_(owners)).order_by(quotas.c.resource)):
        found[row.owner][row.resource] = row.limit
    return found


def set_limits(tx: Tx, owner: str, limits: Mapping[str, int]) -> None:
    """Sets limits; others stay as they are, and so do descriptions."""
    for resource, limit in limits.items():
        which = (quotas.c.owner == owner, quotas.c.resource == resource)
        if tx.execute(update(quotas).where(*which).values(limit=limit)).rowcount == 0:
            values = {"owner": owner, "resource": resource, "limit": limit, "id": limit_id(owner, resource)}
            tx.execute(insert(quotas).values(values))


def limit_id(owner: str, resource: str) -> str:
    """The id of an owner's limit of a resource: the same whenever it is set."""
    return hashlib.sha256(f"limit/{owner}/{resource}".encode()).hexdigest()[:32]


def describe(tx: Tx, owner: str, resource: str, description: str | None) -> None:
    """Says what a limit is for."""
    which = (quotas.c.owner == owner, quotas.c.resource == resource)
    tx.execute(update(quotas).where(*which).values(description=description))


def list_descriptions(tx: Tx, owner: str) -> dict[str, str | None]:
    """What the limits of an owner are for, by resource."""
    statement = select(quotas.c.resource, quotas.c.description).where(quotas.c.owner == owner)
    return {row.resource: row.description for row in tx.execute(statement)}


def find_limit(tx: Tx, known_id: str) -> Limit | None:
    """A limit of a project or a domain by its id, or None."""
    row = tx.execute(_OWNED.where(quotas.c.id == known_id)).one_or_none()
    return None if row is None else _limit(row)


def list_limits_of_owners(tx: Tx, wanted: LimitFilter) -> list[Limit]:
    """The limits of projects and domains that a filter lets through, by id."""
    statement = _OWNED
    if wanted.project_id is not None:
        statement = statement.where(quotas.c.owner == wanted.project_id, projects.c.is_domain.is_(False))
    if wanted.domain_id is not None:
        statement = statement.where(quotas.c.owner == wanted.domain_id, projects.c.is_domain)
    if wanted.within is not None:
        statement = statement.where(_within(wanted.within))
    if wanted.resources is not None:
        statement = statement.where(quotas.c.resource.in_(wanted.resources))
    marker = quotas.c.id == wanted.marker if wanted.marker is not None else None
    paged = page_of(tx, statement, [SortKey(quotas.c.id)], marker=marker, limit=wanted.limit)
    return [_limit(row) for row in tx.execute(paged)]


def forget_limits(tx: Tx, owner: str) -> None:
    """Forgets all limits of an owner."""
    tx.execute(delete(quotas).where(quotas.c.owner == owner))


def forget_limits_within(tx: Tx, domain_id: str) -> None:
    """Forgets all limits of a domain and of its projects."""
    tx.execute(delete(quotas).where(_within(domain_id)))


def find_highest_within(tx: Tx, domain_id: str, resource: str) -> Limit | None:
    """The highest limit of a resource that a project of a domain has of its own, no limit (-1) above all; or None."""
    height = case((quotas.c.limit < 0, 1), else_=0)
    statement = (
        _OWNED.where(quotas.c.resource == resource, quotas.c.owner.in_(ids_in_domain(domain_id)))
        .order_by(height.desc(), quotas.c.limit.desc(), quotas.c.id)
        .limit(1)
    )
    row = tx.execute(statement).one_or_none()
    return None if row is None else _limit(row)


def forget_limit(tx: Tx, owner: str, resource: str) -> None:
    """Forgets one limit of an owner."""
    tx.execute(delete(quotas).where(quotas.c.owner == owner, quotas.c.resource == resource))


def _within(domain_id: str) -> ColumnElement[bool]:
    return or_(quotas.c.owner == domain_id, quotas.c.owner.in_(ids_in_domain(domain_id)))


def _limit(row: Row[Any]) -> Limit:
    return Limit(
        row.id, ProjectId(row.owner), counted_as(row.resource), row.limit, row.description, is_of_domain=row.is_domain
    )
