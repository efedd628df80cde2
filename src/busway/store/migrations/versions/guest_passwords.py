"""Questions to hosts may be about a user in the guest, with a secret, which is sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "guest_passwords"
down_revision = "limits"


def upgrade() -> None:
    """Adds the columns."""
    with op.batch_alter_table("host_questions") as table:
        table.add_column(sa.Column("user", sa.String(64), nullable=False, server_default=""))
        table.add_column(sa.Column("secret", sa.Text(), nullable=False, server_default=""))
