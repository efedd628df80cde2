"""Subnets have routes of their own, and ports can be switched off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "port_state"
down_revision = "host_traits"


def upgrade() -> None:
    """Adds the columns: a port is on, and a subnet without routes has none."""
    with op.batch_alter_table("networks") as table:
        table.add_column(sa.Column("routes", sa.JSON(none_as_null=True), nullable=True))
        table.add_column(sa.Column("routes6", sa.JSON(none_as_null=True), nullable=True))
    with op.batch_alter_table("ports") as table:
        table.add_column(sa.Column("up", sa.Boolean(), nullable=False, server_default=sa.true()))
