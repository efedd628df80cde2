"""A server keeps what its image said of its guest: its machine does not change when the image does or goes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "image_words"
down_revision = "stays"


def upgrade() -> None:
    """Adds the column; servers that are there have the machine that they have."""
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("image_words", sa.JSON(none_as_null=True)))
