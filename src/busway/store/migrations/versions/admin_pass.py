"""The password of a guest's administrator, until the guest that gets it runs; that of a rescue is kept there too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "admin_pass"
down_revision = "kept_credentials"


def upgrade() -> None:
    """Adds the column. A rescue that is under way keeps its password in its own record, which nothing reads any more."""
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("admin_pass", sa.String(255)))
