"""Networks of projects with subnets of both versions, ports of their own, and security groups.

Each project that has ports gets its default group, and they are in it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "security_groups"
down_revision = "handovers"

_SPACE = uuid.UUID("6f0f3a0e-6d5a-4a57-9b53-0f7b3a5f5d0c")


def upgrade() -> None:
    """Widens networks and ports, then makes the groups."""
    _networks()
    _ports()
    _groups()
    _default_groups()


def _networks() -> None:
    with op.batch_alter_table("networks") as table:
        table.drop_constraint("uq_networks_name", type_="unique")
        for name, length in (("subnet_id", 36), ("cidr", 18), ("first", 15), ("last", 15), ("gateway", 15)):
            table.alter_column(name, existing_type=sa.String(length), nullable=True)
        table.add_column(sa.Column("shared", sa.Boolean(), nullable=False, server_default=sa.true()))
        table.add_column(sa.Column("driver", sa.String(16), nullable=False, server_default="local"))
        table.add_column(sa.Column("physical", sa.String(64), nullable=False, server_default=""))
        table.add_column(sa.Column("vlan", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("mtu", sa.Integer(), nullable=False, server_default="1500"))
        table.add_column(sa.Column("description", sa.String(255), nullable=False, server_default=""))
        table.add_column(sa.Column("subnet_name", sa.String(255)))
        table.add_column(sa.Column("dhcp", sa.Boolean()))
        table.add_column(sa.Column("dns", sa.JSON(none_as_null=True)))
        table.add_column(sa.Column("subnet6_id", sa.String(36)))
        table.add_column(sa.Column("subnet6_name", sa.String(255)))
        table.add_column(sa.Column("cidr6", sa.String(43)))
        table.add_column(sa.Column("gateway6", sa.String(39)))
        table.add_column(sa.Column("dhcp6", sa.Boolean()))
        table.add_column(sa.Column("dns6", sa.JSON(none_as_null=True)))
    op.execute(sa.text("UPDATE networks SET subnet_name = name, dhcp = :yes").bindparams(yes=True))
    with op.batch_alter_table("networks") as table:
        for name in ("shared", "driver", "physical", "vlan", "mtu", "description"):
            table.alter_column(name, server_default=None)
    op.create_index("ix_networks_owner", "networks", ["owner"])


def _ports() -> None:
    with op.batch_alter_table("ports") as table:
        table.alter_column("server_id", existing_type=sa.String(36), nullable=True)
        table.alter_column("address", existing_type=sa.String(15), nullable=True)
        table.add_column(sa.Column("name", sa.String(255), nullable=False, server_default=""))
        table.add_column(sa.Column("description", sa.String(255), nullable=False, server_default=""))
        table.add_column(sa.Column("own", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("security", sa.Boolean(), nullable=False, server_default=sa.true()))
        table.add_column(sa.Column("pairs", sa.JSON(none_as_null=True)))
    with op.batch_alter_table("ports") as table:
        for name in ("name", "description", "own", "security"):
            table.alter_column(name, server_default=None)


def _groups() -> None:
    op.create_table(
        "security_groups",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("description", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_security_groups"),
    )
    op.create_index("ix_security_groups_project_id", "security_groups", ["project_id"])
    op.create_table(
        "security_group_rules",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("group_id", sa.String(36), nullable=False),
        sa.Column("direction", sa.String(7), nullable=False),
        sa.Column("ethertype", sa.String(4), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("protocol", sa.String(16)),
        sa.Column("port_min", sa.Integer()),
        sa.Column("port_max", sa.Integer()),
        sa.Column("remote_cidr", sa.String(43)),
        sa.Column("remote_group", sa.String(36)),
        sa.Column("description", sa.String(255), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"], ["security_groups.id"], name="fk_security_group_rules_group_id_security_groups"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_security_group_rules"),
    )
    op.create_index("ix_security_group_rules_group_id", "security_group_rules", ["group_id"])
    op.create_index("ix_security_group_rules_remote_group", "security_group_rules", ["remote_group"])
    op.create_table(
        "port_security_groups",
        sa.Column("port_id", sa.String(36), nullable=False),
        sa.Column("group_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["port_id"], ["ports.id"], name="fk_port_security_groups_port_id_ports"),
        sa.PrimaryKeyConstraint("port_id", "group_id", name="pk_port_security_groups"),
    )
    op.create_index("ix_port_security_groups_group_id", "port_security_groups", ["group_id"])
    op.create_table(
        "network_changes",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_network_changes"),
    )


def _default_groups() -> None:
    connection = op.get_bind()
    tables = {
        name: sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
        for name in ("ports", "security_groups", "security_group_rules", "port_security_groups", "network_changes")
    }
    now = datetime.now(UTC)
    now = now.replace(tzinfo=None) if connection.dialect.name == "sqlite" else now
    ports = tables["ports"]
    for port in connection.execute(sa.select(ports.c.id, ports.c.project_id).where(ports.c.released.is_(False))).all():
        group = str(uuid.uuid5(_SPACE, port.project_id))
        groups = tables["security_groups"]
        if connection.execute(sa.select(groups.c.id).where(groups.c.id == group)).first() is None:
            _default_group(tables, group, port.project_id, now)
        connection.execute(tables["port_security_groups"].insert().values(port_id=port.id, group_id=group))


def _default_group(tables: dict[str, sa.Table], group: str, project: str, now: datetime) -> None:
    connection = op.get_bind()
    values = {"id": group, "project_id": project, "name": "default", "created": now}
    connection.execute(tables["security_groups"].insert().values(**values, description="Default security group"))
    for ethertype in ("IPv4", "IPv6"):
        for direction, remote in (("egress", None), ("ingress", group)):
            connection.execute(
                tables["security_group_rules"]
                .insert()
                .values(
                    id=str(uuid.uuid5(_SPACE, f"{group}/{direction}/{ethertype}")),
                    group_id=group,
                    direction=direction,
                    ethertype=ethertype,
                    created=now,
                    remote_group=remote,
                    description="",
                )
            )
    connection.execute(tables["network_changes"].insert().values(project_id=project, at=now))
