"""Questions of the control plane to hosts, and passwords that guests have posted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "questions"
down_revision = "admin_pass"


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "host_questions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("asked", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_host_questions"),
    )
    op.create_index("ix_host_questions_host_id", "host_questions", ["host_id"])
    op.create_table(
        "server_passwords",
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("password", sa.String(1020), nullable=False),
        sa.Column("posted", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("server_id", name="pk_server_passwords"),
    )
