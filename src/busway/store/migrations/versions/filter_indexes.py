"""Indexes by which filters find ports, subnets, images and migrations."""

from __future__ import annotations

from alembic import op

revision = "filter_indexes"
down_revision = "given_files"


def upgrade() -> None:
    """Adds the indexes; the longer one of owners takes the place of the short one. A subnet without a name has an empty one."""
    op.execute("UPDATE networks SET subnet_name = '' WHERE subnet_id IS NOT NULL AND subnet_name IS NULL")
    op.execute("UPDATE networks SET subnet6_name = '' WHERE subnet6_id IS NOT NULL AND subnet6_name IS NULL")
    op.drop_index("ix_images_owner", "images")
    for table, columns in (
        ("ports", ("name", "address")),
        ("networks", ("subnet_name", "subnet6_name", "cidr", "cidr6", "vlan")),
        ("moves", ("user_id",)),
    ):
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column])
    for column in ("owner", "status", "md5", "hash_value"):
        op.create_index(f"ix_images_{column}_deleted_created_id", "images", [column, "deleted", "created", "id"])
