"""Indexes by which lists of security groups and rules find their page."""

from __future__ import annotations

from alembic import op

revision = "security_group_indexes"
down_revision = "network_flags"


def upgrade() -> None:
    """Adds the indexes; the longer one of projects takes the place of the short one."""
    op.drop_index("ix_security_groups_project_id", "security_groups")
    op.create_index("ix_security_groups_name", "security_groups", ["name"])
    op.create_index("ix_security_groups_created_id", "security_groups", ["created", "id"])
    op.create_index("ix_security_groups_project_id_created_id", "security_groups", ["project_id", "created", "id"])
    op.create_index("ix_security_group_rules_created_id", "security_group_rules", ["created", "id"])
