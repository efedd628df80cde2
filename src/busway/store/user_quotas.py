"""Limits of single users in a project, below those of the project. They go with their project and with their user."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Column, ForeignKey, Integer, String, Table, delete, func, insert, select, update

from busway.domain.ids import UserId
from busway.domain.quota import adds_up
from busway.store.database import Tx
from busway.store.metadata import metadata

user_quotas = Table(
    "user_quotas",
    metadata,
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("resource", String(255), primary_key=True),
    Column("limit", Integer, nullable=False),
)


def list_user_limits(tx: Tx, project_id: str, user_id: str) -> dict[str, int]:
    """Returns the limits that were set for a user in a project, by resource."""
    statement = select(user_quotas.c.resource, user_quotas.c.limit).where(
        user_quotas.c.project_id == project_id, user_quotas.c.user_id == user_id
    )
    return {row.resource: row.limit for row in tx.execute(statement.order_by(user_quotas.c.resource))}


def set_user_limits(tx: Tx, project_id: str, user_id: UserId, limits: Mapping[str, int]) -> None:
    """Sets limits of a user in a project; the others stay."""
    for resource, limit in limits.items():
        values = {"project_id": project_id, "user_id": user_id, "resource": resource}
        which = [user_quotas.c[name] == value for name, value in values.items()]
        if tx.execute(update(user_quotas).where(*which).values(limit=limit)).rowcount == 0:
            tx.execute(insert(user_quotas).values(**values, limit=limit))


def forget_user_limits(tx: Tx, project_id: str, user_id: str | None = None) -> None:
    """Deletes the limits of a user in a project, or those of all its users."""
    statement = delete(user_quotas).where(user_quotas.c.project_id == project_id)
    tx.execute(statement if user_id is None else statement.where(user_quotas.c.user_id == user_id))


def given_to_users(tx: Tx, project_id: str, but: str = "") -> dict[str, int]:
    """Returns what a project's users, without the user `but`, may have by their own limits.

    That is the sum of their limits where amounts add up, and otherwise the highest of them.
    """
    limit = user_quotas.c.limit
    statement = (
        select(user_quotas.c.resource, func.sum(limit).label("total"), func.max(limit).label("highest"))
        .where(user_quotas.c.project_id == project_id, user_quotas.c.user_id != but, limit >= 0)
        .group_by(user_quotas.c.resource)
    )
    return {row.resource: int(row.total if adds_up(row.resource) else row.highest) for row in tx.execute(statement)}
