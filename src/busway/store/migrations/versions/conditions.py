"""How each host does: its devices' links, how busy they are, and what its doctor found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "conditions"
down_revision = "holds"


def upgrade() -> None:
    """Adds the table; hosts fill it."""
    op.create_table(
        "conditions",
        sa.Column("host_id", sa.String(length=36), nullable=False),
        sa.Column("document", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_conditions_host_id_hosts"),
        sa.PrimaryKeyConstraint("host_id", name="pk_conditions"),
    )
    op.create_index("ix_conditions_changed", "conditions", ["changed"])
