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
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "host_traits",
        sa.Column("host_id", sa.String(36), sa.ForeignKey("hosts.id"), primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
    )
    op.create_index("ix_host_traits_name", "host_traits", ["name"])
