"""Limits of projects, and those of all projects that have none of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Column, Integer, String, Table, delete, insert, select

from busway.store.database import Tx
from busway.store.metadata import metadata

# The owner of the limits that hold for every project without its own.
EVERYBODY = ""

quotas = Table(
    "quotas",
    metadata,
    Column("owner", String(64), primary_key=True),
    Column("resource", String(255), primary_key=True),
    Column("limit", Integer, nullable=False),
)


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
    """Sets limits; others stay as they are."""
    tx.execute(delete(quotas).where(quotas.c.owner == owner, quotas.c.resource.in_(list(limits))))
    for resource, limit in limits.items():
        tx.execute(insert(quotas).values(owner=owner, resource=resource, limit=limit))


def forget_limits(tx: Tx, owner: str) -> None:
    """Forgets all limits of an owner."""
    tx.execute(delete(quotas).where(quotas.c.owner == owner))
