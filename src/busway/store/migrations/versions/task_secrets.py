"""Tasks of images keep the sealed token with which they ask another region, until they end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "task_secrets"
down_revision = "image_stores"


def upgrade() -> None:
    """Adds the column."""
    with op.batch_alter_table("image_tasks") as table:
        table.add_column(sa.Column("secret", sa.Text(), nullable=False, server_default=""))
