"""Lists are filtered, sorted and cut in SQL: what they need of columns and indexes."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "pages"
down_revision = "ledger"

_BATCH = 1000


def upgrade() -> None:
    """Gives servers the id of their flavor, hosts a number that never changes, and lists their indexes."""
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("flavor_id", sa.String(255), nullable=False, server_default=""))
    _name_flavors()
    with op.batch_alter_table("servers") as table:
        table.alter_column("flavor_id", existing_type=sa.String(255), server_default=None)
    with op.batch_alter_table("hosts") as table:
        table.add_column(sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
    _number_hosts()
    with op.batch_alter_table("hosts") as table:
        table.alter_column("number", existing_type=sa.Integer(), server_default=None)
        table.create_unique_constraint("uq_hosts_number", ["number"])
    op.drop_index("ix_servers_project_id", "servers")
    op.drop_index("ix_servers_host_id", "servers")
    op.drop_index("ix_images_deleted", "images")
    for name, several in _INDEXES.items():
        for columns in several:
            op.create_index(f"ix_{name}_{'_'.join(columns)}", name, list(columns))


_INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    "servers": (
        *(("project_id", "number"), ("name", "project_id"), ("host_id", "project_id")),
        *(("user_id",), ("flavor_id",), ("image_id",), ("updated",)),
    ),
    "moves": (("source_host_id",), ("target_host_id",), ("project_id",)),
    "devices": (("address",),),
    "ports": (("created", "id"), ("project_id", "created", "id")),
    "images": (("deleted", "created", "id"), ("name", "deleted")),
}


def _name_flavors() -> None:
    servers = sa.table("servers", sa.column("number"), sa.column("flavor"), sa.column("flavor_id"))
    connection = op.get_bind()
    last = 0
    read = sa.select(servers.c.number, sa.cast(servers.c.flavor, sa.Text)).order_by(servers.c.number).limit(_BATCH)
    while rows := connection.execute(read.where(servers.c.number > last)).all():
        write = sa.update(servers).where(servers.c.number == sa.bindparam("n")).values(flavor_id=sa.bindparam("f"))
        connection.execute(write, [{"n": number, "f": json.loads(flavor)["id"]} for number, flavor in rows])
        last = rows[-1][0]


def _number_hosts() -> None:
    hosts = sa.table("hosts", sa.column("id"), sa.column("number"), sa.column("created"))
    connection = op.get_bind()
    ids = connection.execute(sa.select(hosts.c.id).order_by(hosts.c.created, hosts.c.id)).scalars().all()
    for number, host_id in enumerate(ids, start=1):
        connection.execute(sa.update(hosts).where(hosts.c.id == host_id).values(number=number))
