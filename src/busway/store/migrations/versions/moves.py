"""Moves, departures and disk uploads; disks in numbered layers; the generation from which on a claim is released."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "moves"
down_revision = "pci_rules"

_JSON = sa.JSON(none_as_null=True)
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes the tables, and takes what servers say of their leaving over into them."""
    _tables()
    with op.batch_alter_table("claims") as claims:
        claims.add_column(sa.Column("generation", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("servers") as servers:
        servers.alter_column("absent_generation", new_column_name="generation")
        servers.alter_column("status", existing_type=sa.String(16), existing_nullable=False, type_=sa.String(32))
        servers.add_column(sa.Column("root_image_id", sa.String(36)))
        servers.add_column(sa.Column("shelved_image_id", sa.String(36)))
        servers.add_column(sa.Column("disks", _JSON, nullable=False, server_default=sa.text("'[1]'")))
        servers.add_column(sa.Column("last_disk", sa.Integer(), nullable=False, server_default="1"))
    # Whoever was leaving a host continues to leave it, and frees nothing by an older report.
    op.execute(
        "INSERT INTO departures (server_id, host_id, generation, guest_gone) "
        "SELECT id, host_id, generation, false FROM servers WHERE intent = 'absent' AND host_id IS NOT NULL"
    )
    op.execute(
        "UPDATE claims SET generation = "
        "(SELECT servers.generation FROM servers WHERE servers.id = claims.server_id) "
        "WHERE state = 'releasing' AND EXISTS (SELECT 1 FROM servers WHERE servers.id = claims.server_id)"
    )


def _tables() -> None:
    op.create_table(
        "departures",
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("guest_gone", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_departures_host_id_hosts"),
        sa.PrimaryKeyConstraint("server_id", "host_id", name="pk_departures"),
    )
    op.create_index("ix_departures_host_id", "departures", ["host_id"])
    op.create_table(
        "disk_uploads",
        sa.Column("image_id", sa.String(36), nullable=False),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_disk_uploads_host_id_hosts"),
        sa.PrimaryKeyConstraint("image_id", name="pk_disk_uploads"),
    )
    op.create_index("ix_disk_uploads_host_id", "disk_uploads", ["host_id"])
    op.create_index("ix_disk_uploads_server_id", "disk_uploads", ["server_id"])
    op.create_table(
        "moves",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(36), nullable=False),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("source_host_id", sa.String(36), nullable=False),
        sa.Column("target_host_id", sa.String(36), nullable=False),
        sa.Column("source", _JSON, nullable=False),
        sa.Column("target", _JSON, nullable=False),
        sa.Column("powered", sa.Boolean(), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("updated", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_moves"),
        sa.UniqueConstraint("uuid", name="uq_moves_uuid"),
    )
    op.create_index("ix_moves_server_id", "moves", ["server_id"])
    op.create_index("ix_moves_state", "moves", ["state"])
