"""The reservation of a server, which all servers of one request have in common, and its place among them.

Until now a server's reservation followed from its id: those that are there keep it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "reservations"
down_revision = "domains"


def upgrade() -> None:
    """Adds the columns, and writes down the reservations that were told."""
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("reservation_id", sa.String(36), nullable=False, server_default=""))
        table.add_column(sa.Column("launch_index", sa.Integer(), nullable=False, server_default="0"))
        table.create_index("ix_servers_reservation_id", ["reservation_id"])
    op.execute("UPDATE servers SET reservation_id = 'r-' || substr(id, 1, 8)")
