"""Servers keep the files that their users put into their guests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "given_files"
down_revision = "routers"


def upgrade() -> None:
    """Adds the column; no server has such files yet."""
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("files", sa.JSON(none_as_null=True)))
