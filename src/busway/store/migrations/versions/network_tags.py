"""Tags of network resources, and descriptions of subnets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "network_tags"
down_revision = "image_imports"


def upgrade() -> None:
    """Adds the table and the columns."""
    op.create_table(
        "network_tags",
        sa.Column("resource_id", sa.String(36), nullable=False),
        sa.Column("tag", sa.String(60), nullable=False),
        sa.PrimaryKeyConstraint("resource_id", "tag", name="pk_network_tags"),
    )
    op.create_index("ix_network_tags_tag", "network_tags", ["tag"])
    with op.batch_alter_table("networks") as batch:
        batch.add_column(sa.Column("subnet_description", sa.String(255)))
        batch.add_column(sa.Column("subnet6_description", sa.String(255)))
