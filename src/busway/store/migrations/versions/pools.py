"""A subnet may have several ranges of addresses for ports, or none; it had one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "pools"
down_revision = "fixed_ips"


def upgrade() -> None:
    """Makes the range that each subnet has the only one of its pools."""
    with op.batch_alter_table("networks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pools", sa.JSON(none_as_null=True)))
    known = sa.table(
        "networks",
        *(sa.column(name, sa.String) for name in ("id", "first", "last")),
        sa.column("pools", sa.JSON(none_as_null=True)),
    )
    connection = op.get_bind()
    for row in connection.execute(sa.select(known).where(known.c.first.is_not(None))).all():
        connection.execute(sa.update(known).where(known.c.id == row.id).values(pools=[[row.first, row.last]]))
    with op.batch_alter_table("networks", schema=None) as batch_op:
        batch_op.drop_column("first")
        batch_op.drop_column("last")
