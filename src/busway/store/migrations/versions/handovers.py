"""How devices came back from servers, what they are to be, and when a claim was seen in use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "handovers"
down_revision = "units"


def upgrade() -> None:
    """Creates the records, and their columns of claims, devices and hosts."""
    op.create_table(
        "handovers",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("device_id", sa.String(36), nullable=False),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("received", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reset", sa.Boolean(), nullable=False),
        sa.Column("verdict", sa.Text()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("signature", sa.String(256), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_handovers_host_id_hosts"),
        sa.PrimaryKeyConstraint("number", name="pk_handovers"),
    )
    op.create_index("ix_handovers_device_id", "handovers", ["device_id"])
    op.create_index("ix_handovers_host_id", "handovers", ["host_id"])
    op.add_column("claims", sa.Column("allocated", sa.DateTime(timezone=True)))
    op.add_column("devices", sa.Column("identity", sa.JSON(none_as_null=True)))
    op.add_column("hosts", sa.Column("handover_key", sa.Text()))
