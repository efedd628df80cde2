"""Since when a server is in its state."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "stays"
down_revision = "wiring"


def upgrade() -> None:
    """Adds the column; of servers that are there it is not known."""
    op.add_column("servers", sa.Column("since", sa.DateTime(timezone=True)))
