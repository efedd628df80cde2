"""When an import of an image has ended: those that fetch or convert take longer than their request."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "image_imports"
down_revision = "image_tasks"


def upgrade() -> None:
    """Adds the time, and finds those that are under way."""
    with op.batch_alter_table("image_tasks") as table:
        table.add_column(sa.Column("ended", sa.DateTime(timezone=True)))
    op.create_index("ix_image_tasks_status", "image_tasks", ["status"])
