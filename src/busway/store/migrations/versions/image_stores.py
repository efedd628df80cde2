"""An image's data may be in several stores; until now all data was in the one folder, whose store is `file`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "image_stores"
down_revision = "filter_indexes"


def upgrade() -> None:
    """Says of each image with data that it is in the store `file`."""
    with op.batch_alter_table("images") as table:
        table.add_column(sa.Column("stores", sa.JSON(none_as_null=True), nullable=False, server_default="[]"))
        table.add_column(sa.Column("importing_to", sa.JSON(none_as_null=True)))
        table.add_column(sa.Column("failed_import", sa.JSON(none_as_null=True)))
    op.execute("""UPDATE images SET stores = '["file"]' WHERE sha256 IS NOT NULL""")
