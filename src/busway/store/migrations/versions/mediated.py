"""Parents of mediated devices: what each can be cut into; those that are no PCI function are devices with a name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "mediated"
down_revision = "remote_consoles"


def upgrade() -> None:
    """Adds the column, and room for names where addresses are."""
    with op.batch_alter_table("devices") as table:
        table.add_column(sa.Column("mdev", sa.JSON(none_as_null=True)))
        table.alter_column("address", existing_type=sa.String(16), type_=sa.String(64), existing_nullable=False)
    with op.batch_alter_table("ledger") as table:
        table.alter_column("address", existing_type=sa.String(16), type_=sa.String(64), existing_nullable=False)
