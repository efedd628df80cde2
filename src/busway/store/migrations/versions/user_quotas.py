"""A user may have limits of their own in a project."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "user_quotas"
down_revision = "trunks"


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "user_quotas",
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.String(length=255), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_user_quotas_project_id_projects"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_user_quotas_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "user_id", "resource", name=op.f("pk_user_quotas")),
    )
    op.create_index(op.f("ix_user_quotas_user_id"), "user_quotas", ["user_id"])
