"""Projects that images are shared with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "image_members"
down_revision = "port_state"


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "image_members",
        sa.Column("image_id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["image_id"], ["images.id"], name="fk_image_members_image_id_images", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("image_id", "project_id", name="pk_image_members"),
    )
    op.create_index("ix_image_members_project_id", "image_members", ["project_id"])
