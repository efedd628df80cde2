"""Trusts of users; expired ones are treated as missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from busway.domain.ids import ProjectId, UserId
from busway.domain.trust import Trust
from busway.store.database import Tx
from busway.store.filtered_list import equal, read_page
from busway.store.metadata import Json, UtcTime, metadata

trusts = Table(
    "trusts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("trustor_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("trustee_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("roles", Json, nullable=False),
    Column("impersonation", Boolean, nullable=False),
    Column("expires", UtcTime, index=True),
    Column("remaining_uses", Integer),
    Column("redelegation_count", Integer, nullable=False),
    # Deferred: rows are copied to another database in any order.
    Column(
        "parent_id",
        ForeignKey("trusts.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        index=True,
    ),
)


@dataclass(frozen=True, slots=True)
class TrustFilter:
    """A filter for trusts; None matches everything."""

    trustor_id: str | None = None
    trustee_id: str | None = None
    limit: int | None = None
    marker: str | None = None


def add_trust(tx: Tx, trust: Trust) -> None:
    """Adds a trust."""
    values = {column.name: getattr(trust, column.name) for column in trusts.c}
    tx.execute(insert(trusts).values({**values, "roles": list(trust.roles)}))


def find_trust(tx: Tx, trust_id: str, now: datetime) -> Trust | None:
    """Returns a trust that has not expired, or None."""
    row = tx.execute(select(trusts).where(trusts.c.id == trust_id, _lives(now))).one_or_none()
    return None if row is None else _trust(row)


def list_trusts(tx: Tx, wanted: TrustFilter, now: datetime) -> list[Trust]:
    """Lists the trusts that match a filter and have not expired, by id."""
    statement = select(trusts).where(_lives(now), *equal(trusts, wanted, "trustor_id", "trustee_id"))
    return [_trust(row) for row in read_page(tx, statement, (trusts.c.id,), wanted)]


def count_trusts(tx: Tx, trustor_id: str, now: datetime) -> int:
    """Returns how many unexpired trusts a user has made."""
    statement = select(func.count()).select_from(trusts).where(trusts.c.trustor_id == trustor_id, _lives(now))
    return int(tx.execute(statement).scalar_one())


def use_trust(tx: Tx, trust: Trust) -> bool:
    """Counts one use of a trust; returns False if none is left."""
    if trust.remaining_uses is None:
        return True
    left = update(trusts).where(trusts.c.id == trust.id, trusts.c.remaining_uses > 0)
    return tx.execute(left.values(remaining_uses=trusts.c.remaining_uses - 1)).rowcount == 1


def list_made(tx: Tx, trust_id: str) -> list[str]:
    """Lists the ids of a trust and of all trusts made by passing it on."""
    # WITH RECURSIVE chain AS (the trust UNION those whose parent is in the chain) SELECT id FROM chain
    chain = select(trusts.c.id).where(trusts.c.id == trust_id).cte("chain", recursive=True)
    made = trusts.alias("made")
    chain = chain.union(select(made.c.id).join(chain, made.c.parent_id == chain.c.id))
    return list(tx.execute(select(chain.c.id)).scalars())


def delete_trusts(tx: Tx, trust_ids: list[str]) -> None:
    """Deletes trusts."""
    tx.execute(delete(trusts).where(trusts.c.id.in_(trust_ids)))


def _lives(now: datetime) -> ColumnElement[bool]:
    return or_(trusts.c.expires.is_(None), trusts.c.expires > now)


def _trust(row: Row[Any]) -> Trust:
    values = dict(row._mapping)
    return Trust(
        **{
            **values,
            "trustor_id": UserId(values["trustor_id"]),
            "trustee_id": UserId(values["trustee_id"]),
            "project_id": ProjectId(values["project_id"]),
            "roles": tuple(values["roles"]),
        }
    )
