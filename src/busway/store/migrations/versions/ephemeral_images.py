"""Ephemeral disks that came from another host, and the images that they are made from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ephemeral_images"
down_revision = "network_tags"


def upgrade() -> None:
    """Adds the column."""
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("ephemeral_image_id", sa.String(36)))
