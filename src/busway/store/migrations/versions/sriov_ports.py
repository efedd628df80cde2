"""Ports that are functions of network cards, with a NUMA policy of their own; the interfaces of network cards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "sriov_ports"
down_revision = "guest_passwords"


def upgrade() -> None:
    """Adds the columns; what is there is a port of a bridge, and a card whose interface is told with its next report."""
    with op.batch_alter_table("devices") as batch:
        batch.add_column(sa.Column("netdev", sa.String(64), server_default="", nullable=False))
        batch.add_column(sa.Column("mac", sa.String(17), server_default="", nullable=False))
        batch.add_column(sa.Column("uplink", sa.String(64), server_default="", nullable=False))
    with op.batch_alter_table("ports") as batch:
        batch.add_column(sa.Column("vnic", sa.String(16), server_default="normal", nullable=False))
        batch.add_column(sa.Column("numa_policy", sa.String(16), nullable=True))
