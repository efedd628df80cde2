"""Namespaces of metadata definitions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "metadefs"
down_revision = "questions"

_JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "metadef_namespaces",
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(80)),
        sa.Column("description", sa.Text()),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("resource_types", _JSON, nullable=False),
        sa.Column("properties", _JSON, nullable=False),
        sa.Column("objects", _JSON, nullable=False),
        sa.Column("tags", _JSON, nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_metadef_namespaces"),
    )
