"""Indexes by which flavors find what one device of a model is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "models"
down_revision = "shelved_images"


def upgrade() -> None:
    """Adds the indexes."""
    parents = sa.text("mdev IS NOT NULL")
    op.create_index("ix_devices_vendor_id_product_id", "devices", ["vendor_id", "product_id"])
    op.create_index(
        "ix_devices_parents", "devices", ["vendor_id", "product_id"], sqlite_where=parents, postgresql_where=parents
    )
