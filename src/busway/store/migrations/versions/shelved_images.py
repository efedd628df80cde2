"""Images that are the disks of shelved servers; the disks of those that are shelved already stay unseen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "shelved_images"
down_revision = "pools"


def upgrade() -> None:
    """Adds the column."""
    op.add_column("images", sa.Column("disk_of", sa.String(36)))
