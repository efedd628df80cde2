"""What the network API has keeps a number that grows with each of its changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "revisions"
down_revision = "task_secrets"


def upgrade() -> None:
    """Adds the columns; what is there has been shown with 1."""
    for name in ("floating_ips", "networks", "ports", "routers", "security_group_rules", "security_groups"):
        with op.batch_alter_table(name) as table:
            for column in ("revision", "subnet_revision", "subnet6_revision") if name == "networks" else ("revision",):
                table.add_column(sa.Column(column, sa.Integer(), nullable=False, server_default=sa.text("1")))
