"""Trusts, and tokens that were made with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "trusts"
down_revision = "plugs"


def upgrade() -> None:
    """Adds the table, and which trust a token comes from."""
    op.create_table(
        "trusts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("trustor_id", sa.String(length=64), nullable=False),
        sa.Column("trustee_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("impersonation", sa.Boolean(), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=True),
        sa.Column("remaining_uses", sa.Integer(), nullable=True),
        sa.Column("redelegation_count", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.String(length=32), nullable=True),
        sa.ForeignKeyConstraint(["trustor_id"], ["users.id"], name="fk_trusts_trustor_id_users", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["trustee_id"], ["users.id"], name="fk_trusts_trustee_id_users", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_trusts_project_id_projects", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["trusts.id"],
            name="fk_trusts_parent_id_trusts",
            ondelete="CASCADE",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_trusts"),
    )
    for column in ("trustor_id", "trustee_id", "project_id", "expires", "parent_id"):
        op.create_index(f"ix_trusts_{column}", "trusts", [column])
    with op.batch_alter_table("tokens") as table:
        table.add_column(sa.Column("trust_id", sa.String(length=32), nullable=True))
        table.create_index("ix_tokens_trust_id", ["trust_id"])
