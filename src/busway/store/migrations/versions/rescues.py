"""The rescue of a server: the disk that it boots from instead of its own, and the image of that."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "rescues"
down_revision = "traces"


def upgrade() -> None:
    """Adds the columns; no server is rescued by an earlier Busway."""
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("rescue", sa.JSON(none_as_null=True)))
        table.add_column(sa.Column("rescue_image_id", sa.String(36)))
