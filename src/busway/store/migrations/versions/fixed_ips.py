"""A port may have several addresses of its IPv4 subnet: those after its first one are in a table of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "fixed_ips"
down_revision = "user_quotas"


def upgrade() -> None:
    """Adds the table; the ports that are there have one address each."""
    op.create_table(
        "port_addresses",
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("address", sa.String(length=15), nullable=False),
        sa.Column("port_id", sa.String(length=36), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["port_id"], ["ports.id"], name=op.f("fk_port_addresses_port_id_ports")),
        sa.PrimaryKeyConstraint("network_id", "address", name=op.f("pk_port_addresses")),
    )
    with op.batch_alter_table("port_addresses", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_port_addresses_address"), ["address"], unique=False)
        batch_op.create_index(batch_op.f("ix_port_addresses_port_id"), ["port_id"], unique=False)
