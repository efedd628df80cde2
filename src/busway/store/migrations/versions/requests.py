"""The servers that one request created are found by its id."""

from __future__ import annotations

from alembic import op

revision = "requests"
down_revision = "scheduling"


def upgrade() -> None:
    """Creates the index."""
    op.create_index("ix_server_actions_request_id", "server_actions", ["request_id"])
