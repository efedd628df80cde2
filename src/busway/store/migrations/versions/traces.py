"""The trace of the request that asked for an act on a server, where it is traced."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "traces"
down_revision = "conditions"


def upgrade() -> None:
    """Adds the column; what was asked before has no trace."""
    with op.batch_alter_table("server_actions") as table:
        table.add_column(sa.Column("trace", sa.String(length=64), nullable=True))
