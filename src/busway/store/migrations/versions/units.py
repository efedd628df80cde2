"""A claim holds a unit of a device, of a kind of resource, and is found by its guest at a port that stays the same."""

from __future__ import annotations

from itertools import groupby

import sqlalchemy as sa
from alembic import op

revision = "units"
down_revision = "joining"

_LIVE = sa.text("state <> 'freed'")


def upgrade() -> None:
    """Adds the columns, makes the index of live claims one of units, and stores the ports that guests have now."""
    op.drop_index("uq_claims_live_device", "claims")
    with op.batch_alter_table("claims") as table:
        table.add_column(sa.Column("kind", sa.String(16), nullable=False, server_default="function"))
        table.add_column(sa.Column("unit", sa.String(128), nullable=False, server_default="whole"))
        table.add_column(sa.Column("port", sa.Integer()))
    op.create_index(
        "uq_claims_live_unit",
        "claims",
        ["device_id", "unit"],
        unique=True,
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    _store_ports(op.get_bind())


def _store_ports(connection: sa.Connection) -> None:
    """Ports as they were counted before: cards of a server on a host in the order of their claims.

    Functions of one slot of the host are one card where function 0 is among them.
    """
    rows = connection.execute(
        sa.text(
            "SELECT claims.id, claims.server_id, claims.host_id, devices.address FROM claims "
            "JOIN devices ON devices.id = claims.device_id WHERE claims.state <> 'freed' "
            "ORDER BY claims.server_id, claims.host_id, claims.created, claims.id"
        )
    ).all()
    for _, group in groupby(rows, lambda row: (row.server_id, row.host_id)):
        members = list(group)
        addresses = {row.address for row in members}
        ports: dict[str, int] = {}
        for row in members:
            slot = row.address.rpartition(".")[0]
            card = slot if f"{slot}.0" in addresses else row.address
            port = ports.setdefault(card, len(ports) + 1)
            connection.execute(sa.text("UPDATE claims SET port = :port WHERE id = :id"), {"port": port, "id": row.id})
