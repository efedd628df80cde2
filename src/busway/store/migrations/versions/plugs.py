"""Cards that are plugged into guests that run, and the root ports that are left for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "plugs"
down_revision = "metadefs"


def upgrade() -> None:
    """Adds the columns."""
    with op.batch_alter_table("ports") as table:
        table.add_column(sa.Column("root_port", sa.Integer))
        table.add_column(sa.Column("plug", sa.String(8)))
        table.add_column(sa.Column("tag", sa.String(60)))
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("spare_ports", sa.Integer))
        table.add_column(sa.Column("root_ports", sa.Integer))
