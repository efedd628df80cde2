"""The bridges above each device, from its root port down."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "wiring"
down_revision = "pages"


def upgrade() -> None:
    """Adds the column; the next report of a host fills it."""
    with op.batch_alter_table("devices") as table:
        table.add_column(sa.Column("bridges", sa.Text(), nullable=False, server_default=""))
