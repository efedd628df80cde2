"""Traits that operators give to hosts through Placement, and the custom traits that they have named."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "host_traits"
down_revision = "reservations"


def upgrade() -> None:
    """Adds both tables."""
    op.create_table(
        "traits",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_traits"),
    )
    op.create_table(
        "host_traits",
        sa.Column("host_id", sa.String(36), sa.ForeignKey("hosts.id"), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("host_id", "name", name="pk_host_traits"),
    )
    op.create_index("ix_host_traits_name", "host_traits", ["name"])
