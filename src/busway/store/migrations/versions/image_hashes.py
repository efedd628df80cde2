"""The secure hash of an image's data is of the algorithm that the operator chose; until now it was always SHA-512."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "image_hashes"
down_revision = "ephemeral_images"


def upgrade() -> None:
    """Names the algorithm of each hash."""
    with op.batch_alter_table("images") as table:
        table.alter_column("sha512", new_column_name="hash_value", existing_type=sa.String(128))
        table.add_column(sa.Column("hash_algo", sa.String(64)))
    op.execute("UPDATE images SET hash_algo = 'sha512' WHERE hash_value IS NOT NULL")
