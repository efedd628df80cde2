"""What users say of their servers beside their size: locks, addresses of their own and the disk's configuration."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "acts"
down_revision = "credentials"


def upgrade() -> None:
    """Adds the columns."""
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("locked_by", sa.String(8)))
        table.add_column(sa.Column("locked_reason", sa.String(255)))
        table.add_column(sa.Column("access_ipv4", sa.String(15)))
        table.add_column(sa.Column("access_ipv6", sa.String(45)))
        table.add_column(sa.Column("disk_config", sa.String(8), nullable=False, server_default="MANUAL"))
