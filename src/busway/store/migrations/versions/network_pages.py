"""Indexes by which a page of networks or subnets is found."""

from __future__ import annotations

from alembic import op

revision = "network_pages"
down_revision = "image_hashes"


def upgrade() -> None:
    """Adds the indexes; the longer one of owners takes the place of the short one."""
    op.drop_index("ix_networks_owner", "networks")
    for columns in (("created", "id"), ("owner", "created", "id"), ("shared", "created", "id")):
        op.create_index(f"ix_networks_{'_'.join(columns)}", "networks", list(columns))
    for column in ("name", "subnet_id", "subnet6_id"):
        op.create_index(f"ix_networks_{column}", "networks", [column])
