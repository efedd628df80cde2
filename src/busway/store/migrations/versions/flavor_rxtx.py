"""Flavors keep the factor that their creator gives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "flavor_rxtx"
down_revision = "dhcp_options"


def upgrade() -> None:
    """Adds the column; the flavors that are there have been shown with 1."""
    with op.batch_alter_table("flavors") as table:
        table.add_column(sa.Column("rxtx_factor", sa.Float(), nullable=False, server_default="1"))
