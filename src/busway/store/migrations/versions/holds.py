"""What holds a server's guest that is switched on: it is paused, or its memory is saved."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "holds"
down_revision = "acts"


def upgrade() -> None:
    """Adds the column; no guest is held by an earlier Busway."""
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("hold", sa.String(16)))
