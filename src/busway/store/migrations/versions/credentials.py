"""A host is found by the hash of its credential without looking at all hosts."""

from __future__ import annotations

from alembic import op

revision = "credentials"
down_revision = "mediated"


def upgrade() -> None:
    """Adds the indexes."""
    op.create_index("ix_hosts_token_hash", "hosts", ["token_hash"])
    op.create_index("ix_hosts_next_token_hash", "hosts", ["next_token_hash"])
