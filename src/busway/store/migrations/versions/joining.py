"""Hosts join with a token of one use, and renew their credentials with overlap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "joining"
down_revision = "requests"


def upgrade() -> None:
    """Creates the invitations, and the column for the next credential."""
    op.create_table(
        "join_tokens",
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_join_tokens_host_id_hosts"),
        sa.PrimaryKeyConstraint("host_id", name="pk_join_tokens"),
        sa.UniqueConstraint("secret_hash", name="uq_join_tokens_secret_hash"),
    )
    with op.batch_alter_table("hosts") as hosts:
        hosts.add_column(sa.Column("next_token_hash", sa.String(64)))
