"""The ledger: who had which device from when to when; of claims that are there, what is known of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "ledger"
down_revision = "rights"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Creates the table, and an entry for each claim."""
    ledger = op.create_table(
        "ledger",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("server_name", sa.String(255), nullable=False),
        sa.Column("flavor", sa.String(255), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("device_id", sa.String(36), nullable=False),
        sa.Column("address", sa.String(16), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("vendor_id", sa.String(4), nullable=False),
        sa.Column("product_id", sa.String(4), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("unit", sa.String(128), nullable=False),
        sa.Column("alias", sa.String(256)),
        sa.Column("claimed", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger()),
        sa.Column("released", sa.BigInteger()),
        sa.Column("freed", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_ledger"),
    )
    for column in ("server_id", "project_id", "host_id", "device_id"):
        op.create_index(f"ix_ledger_{column}", "ledger", [column])
    op.create_index("ix_ledger_claimed", "ledger", ["claimed", "id"])
    op.create_index("ix_ledger_freed", "ledger", ["freed"])
    connection = op.get_bind()
    for row in connection.execute(_CLAIMS).all():
        connection.execute(sa.insert(ledger).values(**_entry(connection, row)))


_CLAIMS = sa.text(
    "SELECT claims.*, servers.name AS server_name, servers.flavor, servers.project_id, servers.user_id, devices.address, "
    "devices.product_name, devices.vendor_id, devices.product_id, hosts.name AS host FROM claims "
    "JOIN devices ON devices.id = claims.device_id JOIN hosts ON hosts.id = claims.host_id "
    "LEFT JOIN servers ON servers.id = claims.server_id"
).columns(created=_TIME, updated=_TIME, allocated=_TIME)
# When a claim that is over was released, only the history tells.
_RELEASED = sa.text(
    "SELECT max(at) AS at FROM events WHERE device_id = :device AND server_id = :server AND new = 'releasing'"
).columns(at=_TIME)


def _entry(connection: sa.Connection, row: sa.Row[Any]) -> dict[str, object]:
    used = row.allocated or (row.updated if row.state == "allocated" else None)
    released = row.updated if row.state == "releasing" else None
    freed = row.updated if row.state == "freed" else None
    if freed is not None:
        told = connection.execute(_RELEASED, {"device": row.device_id, "server": row.server_id}).scalar()
        released = told if told is not None and row.created <= told <= freed else freed
    flavor = json.loads(row.flavor) if isinstance(row.flavor, str) else row.flavor or {}
    return {
        **{name: row._mapping[name] for name in ("id", "server_id", "host_id", "host", "device_id", "address")},
        **{name: row._mapping[name] for name in ("vendor_id", "product_id", "kind", "unit", "alias")},
        "model": row.product_name,
        "server_name": row.server_name or "",
        "flavor": flavor.get("name", ""),
        "project_id": row.project_id or "",
        "user_id": row.user_id or "",
        "claimed": _micros(row.created),
        "allocated": _micros(used),
        "released": _micros(released),
        "freed": _micros(freed),
    }


def _micros(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)
