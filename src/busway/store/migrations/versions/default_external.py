"""One external network may be the default: routers that are made for projects have their gateways on it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "default_external"
down_revision = "revisions"


def upgrade() -> None:
    """Adds the column; no network is the default until an admin says so."""
    with op.batch_alter_table("networks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_default", sa.Boolean(), server_default=sa.false(), nullable=False))
