"""The first schema: the tables as they were when migrations began; older databases count as this one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "first"
down_revision = None

TABLES = (
    "claims",
    "consoles",
    "devices",
    "events",
    "flavor_access",
    "flavors",
    "hosts",
    "images",
    "keypairs",
    "networks",
    "ports",
    "projects",
    "role_assignments",
    "roles",
    "server_actions",
    "servers",
    "tokens",
    "users",
)
_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True)


def upgrade() -> None:
    """Creates all tables."""
    _identity()
    _server_parts()
    _hosts()
    _servers()
    _history()


def _identity() -> None:
    """Who may do what."""
    op.create_table(
        "projects",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("name", name="uq_projects_name"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("email", sa.String(255)),
        sa.Column("default_project_id", sa.String(64)),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("name", name="uq_users_name"),
    )
    op.create_table(
        "roles",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_roles"),
        sa.UniqueConstraint("name", name="uq_roles_name"),
    )
    op.create_table(
        "role_assignments",
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("role_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_role_assignments_project_id_projects", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["role_id"], ["roles.id"], name="fk_role_assignments_role_id_roles", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_role_assignments_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "project_id", "role_id", name="pk_role_assignments"),
    )
    op.create_table(
        "tokens",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64)),
        sa.Column("methods", _JSON, nullable=False),
        sa.Column("audit_id", sa.String(64), nullable=False),
        sa.Column("issued", _TIME, nullable=False),
        sa.Column("expires", _TIME, nullable=False),
        sa.Column("revoked", _TIME),
        sa.PrimaryKeyConstraint("digest", name="pk_tokens"),
    )
    op.create_index("ix_tokens_expires", "tokens", ["expires"])
    op.create_index("ix_tokens_user_id", "tokens", ["user_id"])


def _server_parts() -> None:
    """Flavors, images, key pairs and networks."""
    op.create_table(
        "flavors",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("ram_mb", sa.Integer(), nullable=False),
        sa.Column("vcpus", sa.Integer(), nullable=False),
        sa.Column("disk_gb", sa.Integer(), nullable=False),
        sa.Column("ephemeral_gb", sa.Integer(), nullable=False),
        sa.Column("swap_mb", sa.Integer(), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("extra_specs", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_flavors"),
        sa.UniqueConstraint("id", name="uq_flavors_id"),
        sa.UniqueConstraint("name", name="uq_flavors_name"),
    )
    op.create_table(
        "flavor_access",
        sa.Column("flavor_id", sa.String(255), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["flavor_id"], ["flavors.id"], name="fk_flavor_access_flavor_id_flavors", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("flavor_id", "project_id", name="pk_flavor_access"),
    )
    op.create_table(
        "images",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("updated", _TIME, nullable=False),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("disk_format", sa.String(20)),
        sa.Column("container_format", sa.String(20)),
        sa.Column("size", sa.BigInteger()),
        sa.Column("virtual_size", sa.BigInteger()),
        sa.Column("md5", sa.String(32)),
        sa.Column("sha256", sa.String(64)),
        sa.Column("sha512", sa.String(128)),
        sa.Column("min_disk", sa.Integer(), nullable=False),
        sa.Column("min_ram", sa.Integer(), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("tags", _JSON, nullable=False),
        sa.Column("properties", _JSON, nullable=False),
        sa.Column("deleted", _TIME),
        sa.PrimaryKeyConstraint("id", name="pk_images"),
    )
    op.create_index("ix_images_deleted", "images", ["deleted"])
    op.create_index("ix_images_owner", "images", ["owner"])
    op.create_index("ix_images_sha256", "images", ["sha256"])
    op.create_table(
        "keypairs",
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(255), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("user_id", "name", name="pk_keypairs"),
    )
    op.create_table(
        "networks",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("subnet_id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("cidr", sa.String(18), nullable=False),
        sa.Column("first", sa.String(15), nullable=False),
        sa.Column("last", sa.String(15), nullable=False),
        sa.Column("gateway", sa.String(15), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_networks"),
        sa.UniqueConstraint("name", name="uq_networks_name"),
    )
    op.create_table(
        "ports",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("network_id", sa.String(36), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("address", sa.String(15), nullable=False),
        sa.Column("mac", sa.String(17), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["network_id"], ["networks.id"], name="fk_ports_network_id_networks"),
        sa.PrimaryKeyConstraint("id", name="pk_ports"),
    )
    op.create_index("ix_ports_server_id", "ports", ["server_id"])
    op.create_index(
        "uq_ports_live_address",
        "ports",
        ["network_id", "address"],
        unique=True,
        sqlite_where=sa.text("released IS 0"),
        postgresql_where=sa.text("released IS false"),
    )
    op.create_index(
        "uq_ports_live_mac",
        "ports",
        ["mac"],
        unique=True,
        sqlite_where=sa.text("released IS 0"),
        postgresql_where=sa.text("released IS false"),
    )


def _hosts() -> None:
    """Hosts with their devices and who has them."""
    op.create_table(
        "hosts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.Text()),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("boot_id", sa.String(64), nullable=False),
        sa.Column("seen", _TIME),
        sa.Column("resources", _JSON),
        sa.Column("agent_version", sa.String(64), nullable=False),
        sa.Column("iommu", sa.Boolean(), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_hosts"),
        sa.UniqueConstraint("name", name="uq_hosts_name"),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("address", sa.String(16), nullable=False),
        sa.Column("vendor_id", sa.String(4), nullable=False),
        sa.Column("product_id", sa.String(4), nullable=False),
        sa.Column("class_code", sa.String(6), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("subsystem_vendor_id", sa.String(4), nullable=False),
        sa.Column("subsystem_id", sa.String(4), nullable=False),
        sa.Column("revision", sa.String(4), nullable=False),
        sa.Column("driver", sa.String(64)),
        sa.Column("iommu_group", sa.Integer()),
        sa.Column("numa_node", sa.Integer()),
        sa.Column("parent", sa.String(16)),
        sa.Column("vendor_name", sa.Text(), nullable=False),
        sa.Column("product_name", sa.Text(), nullable=False),
        sa.Column("class_name", sa.Text(), nullable=False),
        sa.Column("present", sa.Boolean(), nullable=False),
        sa.Column("quarantined", sa.Text()),
        sa.Column("discovered", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_devices_host_id_hosts"),
        sa.PrimaryKeyConstraint("id", name="pk_devices"),
        sa.UniqueConstraint("host_id", "address", name="uq_devices_host_id_address"),
    )
    op.create_index("ix_devices_host_id", "devices", ["host_id"])
    op.create_table(
        "claims",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("device_id", sa.String(36), nullable=False),
        sa.Column("host_id", sa.String(36), nullable=False),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("alias", sa.String(256)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("updated", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name="fk_claims_device_id_devices"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_claims_host_id_hosts"),
        sa.PrimaryKeyConstraint("id", name="pk_claims"),
    )
    op.create_index("ix_claims_host_id", "claims", ["host_id"])
    op.create_index("ix_claims_server_id", "claims", ["server_id"])
    op.create_index(
        "uq_claims_live_device",
        "claims",
        ["device_id"],
        unique=True,
        sqlite_where=sa.text("state <> 'freed'"),
        postgresql_where=sa.text("state <> 'freed'"),
    )


def _servers() -> None:
    """Servers and what was asked of them."""
    op.create_table(
        "servers",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("hostname", sa.String(255), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("task_state", sa.String(32)),
        sa.Column("power", sa.String(16)),
        sa.Column("intent", sa.String(16), nullable=False),
        sa.Column("absent_generation", sa.Integer(), nullable=False),
        sa.Column("host_id", sa.String(36)),
        sa.Column("wanted_host", sa.String(255)),
        sa.Column("flavor", _JSON, nullable=False),
        sa.Column("image_id", sa.String(36), nullable=False),
        sa.Column("key_name", sa.String(255)),
        sa.Column("public_key", sa.Text()),
        sa.Column("user_data", sa.Text()),
        sa.Column("config_drive", sa.Boolean(), nullable=False),
        sa.Column("metadata", _JSON, nullable=False),
        sa.Column("tags", _JSON, nullable=False),
        sa.Column("hints", _JSON, nullable=False),
        sa.Column("availability_zone", sa.String(255), nullable=False),
        sa.Column("powered", sa.Boolean(), nullable=False),
        sa.Column("starts", sa.Integer(), nullable=False),
        sa.Column("reboots", sa.Integer(), nullable=False),
        sa.Column("hard_reboot", sa.Boolean(), nullable=False),
        sa.Column("fault", _JSON),
        sa.Column("created", _TIME, nullable=False),
        sa.Column("updated", _TIME, nullable=False),
        sa.Column("launched", _TIME),
        sa.Column("terminated", _TIME),
        sa.PrimaryKeyConstraint("number", name="pk_servers"),
        sa.UniqueConstraint("id", name="uq_servers_id"),
    )
    op.create_index("ix_servers_host_id", "servers", ["host_id"])
    op.create_index("ix_servers_intent", "servers", ["intent"])
    op.create_index("ix_servers_project_id", "servers", ["project_id"])
    op.create_index("ix_servers_status", "servers", ["status"])
    op.create_table(
        "server_actions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("action", sa.String(32), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("started", _TIME, nullable=False),
        sa.Column("updated", _TIME, nullable=False),
        sa.Column("message", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_server_actions"),
    )
    op.create_index("ix_server_actions_server_id", "server_actions", ["server_id"])
    op.create_table(
        "consoles",
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("updated", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("server_id", name="pk_consoles"),
    )


def _history() -> None:
    """What happened."""
    op.create_table(
        "events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("subject", sa.String(16), nullable=False),
        sa.Column("old", sa.String(32)),
        sa.Column("new", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("host_id", sa.String(36)),
        sa.Column("device_id", sa.String(36)),
        sa.Column("server_id", sa.String(36)),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    op.create_index("ix_events_device_id", "events", ["device_id"])
    op.create_index("ix_events_host_id", "events", ["host_id"])
    op.create_index("ix_events_server_id", "events", ["server_id"])
