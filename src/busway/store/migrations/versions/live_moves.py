"""What is special about a live migration: where its target listens, how far it has come, and its user's wishes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "live_moves"
down_revision = "sriov_ports"


def upgrade() -> None:
    """Adds the column."""
    with op.batch_alter_table("moves") as table:
        table.add_column(sa.Column("live", sa.JSON()))
