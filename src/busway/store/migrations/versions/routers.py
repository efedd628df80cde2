"""Routers and floating addresses, external networks, and ports that no server can have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "routers"
down_revision = "flavor_rxtx"


def upgrade() -> None:
    """Adds the tables and the columns."""
    op.create_table(
        "floating_ips",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("network_id", sa.String(length=36), nullable=False),
        sa.Column("address", sa.String(length=15), nullable=False),
        sa.Column("own_port", sa.String(length=36), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("port_id", sa.String(length=36), nullable=True),
        sa.Column("fixed_address", sa.String(length=15), nullable=True),
        sa.Column("router_id", sa.String(length=36), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_floating_ips")),
        sa.UniqueConstraint("port_id", name=op.f("uq_floating_ips_port_id")),
    )
    with op.batch_alter_table("floating_ips", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_floating_ips_address"), ["address"], unique=False)
        batch_op.create_index("ix_floating_ips_created_id", ["created", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_floating_ips_network_id"), ["network_id"], unique=False)
        batch_op.create_index("ix_floating_ips_project_id_created_id", ["project_id", "created", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_floating_ips_router_id"), ["router_id"], unique=False)

    op.create_table(
        "routers",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("description", sa.String(length=255), nullable=False),
        sa.Column("up", sa.Boolean(), nullable=False),
        sa.Column("gateway", sa.String(length=36), nullable=True),
        sa.Column("snat", sa.Boolean(), nullable=False),
        sa.Column("routes", sa.JSON(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routers")),
    )
    with op.batch_alter_table("routers", schema=None) as batch_op:
        batch_op.create_index("ix_routers_created_id", ["created", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_routers_gateway"), ["gateway"], unique=False)
        batch_op.create_index("ix_routers_project_id_created_id", ["project_id", "created", "id"], unique=False)

    with op.batch_alter_table("networks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("external", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.create_index("ix_networks_external_created_id", ["external", "created", "id"], unique=False)

    with op.batch_alter_table("ports", schema=None) as batch_op:
        batch_op.add_column(sa.Column("device_owner", sa.String(length=32), nullable=True))
        batch_op.add_column(sa.Column("device_id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("address6", sa.String(length=39), nullable=True))
        batch_op.create_index(batch_op.f("ix_ports_device_id"), ["device_id"], unique=False)
