"""Trunks, and the ports that they carry with their VLAN ids."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "trunks"
down_revision = "security_group_indexes"


def upgrade() -> None:
    """Adds the tables."""
    op.create_table(
        "trunk_subports",
        sa.Column("port_id", sa.String(length=36), nullable=False),
        sa.Column("trunk_id", sa.String(length=36), nullable=False),
        sa.Column("vlan", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("port_id", name=op.f("pk_trunk_subports")),
        sa.UniqueConstraint("trunk_id", "vlan", name=op.f("uq_trunk_subports_trunk_id_vlan")),
    )
    op.create_table(
        "trunks",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.Column("port_id", sa.String(length=36), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trunks")),
        sa.UniqueConstraint("port_id", name=op.f("uq_trunks_port_id")),
    )
    with op.batch_alter_table("trunks", schema=None) as batch_op:
        batch_op.create_index("ix_trunks_created_id", ["created", "id"], unique=False)
        batch_op.create_index("ix_trunks_project_id_created_id", ["project_id", "created", "id"], unique=False)
