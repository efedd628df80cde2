"""When a password was set, and former passwords."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "password_rules"
down_revision = "trusts"


def upgrade() -> None:
    """Adds the time to users, and the table; an older password has no time and does not expire."""
    with op.batch_alter_table("users") as table:
        table.add_column(sa.Column("password_changed", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "password_history",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("replaced", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_password_history_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_password_history"),
    )
    op.create_index("ix_password_history_user_id", "password_history", ["user_id"])
