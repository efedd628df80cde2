"""A network may be switched off, and may say that ports which are made on it have no port security."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "network_flags"
down_revision = "default_external"


def upgrade() -> None:
    """Adds the columns; the networks that are there are on, and their ports are secured."""
    with op.batch_alter_table("networks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("up", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column("security", sa.Boolean(), server_default=sa.true(), nullable=False))
