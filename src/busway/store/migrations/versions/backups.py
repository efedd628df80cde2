"""Backups of servers: how many of a kind stay once another one has arrived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "backups"
down_revision = "live_moves"


def upgrade() -> None:
    """Adds the column; what is asked for already is no backup."""
    with op.batch_alter_table("disk_uploads") as table:
        table.add_column(sa.Column("rotation", sa.Integer()))
