"""Links to guests' consoles, with their tokens and who waits for a host."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "remote_consoles"
down_revision = "image_words"


def upgrade() -> None:
    """Creates the links."""
    op.create_table(
        "remote_consoles",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("call_id", sa.String(36)),
        sa.Column("called", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_remote_consoles"),
        sa.UniqueConstraint("token_hash", name="uq_remote_consoles_token_hash"),
        sa.UniqueConstraint("call_id", name="uq_remote_consoles_call_id"),
    )
    op.create_index("ix_remote_consoles_server_id", "remote_consoles", ["server_id"])
    op.create_index("ix_remote_consoles_expires", "remote_consoles", ["expires"])
