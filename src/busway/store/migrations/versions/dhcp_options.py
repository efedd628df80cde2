"""Ports have DHCP options of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "dhcp_options"
down_revision = "network_pages"


def upgrade() -> None:
    """Adds the column."""
    with op.batch_alter_table("ports") as table:
        table.add_column(sa.Column("dhcp_options", sa.JSON(none_as_null=True)))
