"""Server groups, aggregates, quotas, the NUMA cells of placements, and the switch above a device."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "scheduling"
down_revision = "moves"


def upgrade() -> None:
    """Creates their tables, and the column of devices."""
    _aggregates()
    _groups()
    op.create_table(
        "quotas",
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("resource", sa.String(255), nullable=False),
        sa.Column("limit", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "resource", name="pk_quotas"),
    )
    op.create_table(
        "server_cells",
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("cells", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("server_id", "host_id", name="pk_server_cells"),
    )
    op.add_column("devices", sa.Column("switch", sa.String(16)))


def _aggregates() -> None:
    op.create_table(
        "aggregates",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("metadata", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_aggregates"),
        sa.UniqueConstraint("name", name="uq_aggregates_name"),
        sa.UniqueConstraint("uuid", name="uq_aggregates_uuid"),
    )
    op.create_table(
        "aggregate_hosts",
        sa.Column("aggregate_id", sa.Integer(), nullable=False),
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["aggregate_id"], ["aggregates.id"], name="fk_aggregate_hosts_aggregate_id_aggregates"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_aggregate_hosts_host_id_hosts"),
        sa.PrimaryKeyConstraint("aggregate_id", "host_id", name="pk_aggregate_hosts"),
    )
    op.create_index("ix_aggregate_hosts_host_id", "aggregate_hosts", ["host_id"])


def _groups() -> None:
    op.create_table(
        "server_groups",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("policy", sa.String(32), nullable=False),
        sa.Column("max_per_host", sa.Integer()),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_server_groups"),
        sa.UniqueConstraint("id", name="uq_server_groups_id"),
    )
    op.create_index("ix_server_groups_project_id", "server_groups", ["project_id"])
    op.create_table(
        "server_group_members",
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("group_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["server_groups.id"],
            name="fk_server_group_members_group_id_server_groups",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("server_id", name="pk_server_group_members"),
    )
    op.create_index("ix_server_group_members_group_id", "server_group_members", ["group_id"])
