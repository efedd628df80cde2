"""Quotas have an id and a description: they are limits of the identity API too."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "limits"
down_revision = "password_rules"


def upgrade() -> None:
    """Adds both, and gives each quota its id."""
    with op.batch_alter_table("quotas") as table:
        table.add_column(sa.Column("id", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("description", sa.Text(), nullable=True))
    quotas = sa.table("quotas", sa.column("owner"), sa.column("resource"), sa.column("id"))
    tx = op.get_bind()
    for owner, resource in tx.execute(sa.select(quotas.c.owner, quotas.c.resource)).all():
        named = hashlib.sha256(f"limit/{owner}/{resource}".encode()).hexdigest()[:32]
        which = sa.and_(quotas.c.owner == owner, quotas.c.resource == resource)
        tx.execute(sa.update(quotas).where(which).values(id=named))
    with op.batch_alter_table("quotas") as table:
        table.alter_column("id", existing_type=sa.String(length=32), nullable=False)
        table.create_unique_constraint("uq_quotas_id", ["id"])
