"""Roles manager and service, chains of tokens, system scope, application credentials, failed log-ins, and the audit."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "rights"
down_revision = "security_groups"


def upgrade() -> None:
    """Adds the columns and tables; roles are added where a first start has made the others already."""
    with op.batch_alter_table("tokens") as batch:
        batch.add_column(sa.Column("parent", sa.String(64)))
        batch.add_column(sa.Column("is_system", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("credential_id", sa.String(32)))
        batch.create_index("ix_tokens_parent", ["parent"])
        batch.create_index("ix_tokens_credential_id", ["credential_id"])
    with op.batch_alter_table("tokens") as batch:
        batch.alter_column("is_system", server_default=None)
    op.create_table(
        "system_assignments",
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("role_id", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["role_id"], ["roles.id"], name="fk_system_assignments_role_id_roles", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_system_assignments_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "role_id", name="pk_system_assignments"),
    )
    _credentials()
    op.create_table(
        "login_failures",
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("name", "address", name="pk_login_failures"),
    )
    op.create_index("ix_login_failures_last", "login_failures", ["last"])
    _audit()
    _roles()


def _credentials() -> None:
    op.create_table(
        "application_credentials",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.String(255), nullable=False),
        sa.Column("roles", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("access_rules", sa.JSON(none_as_null=True)),
        sa.Column("unrestricted", sa.Boolean(), nullable=False),
        sa.Column("expires", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_application_credentials_project_id_projects", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name="fk_application_credentials_user_id_users", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_application_credentials"),
        sa.UniqueConstraint("user_id", "name", name="uq_application_credentials_user_id_name"),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("operation", sa.String(128), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("credential_id", sa.String(32)),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("result", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    for column in ("at", "request_id", "user_id", "project_id"):
        op.create_index(f"ix_audit_{column}", "audit", [column])


def _roles() -> None:
    roles = sa.table("roles", sa.column("id", sa.String(64)), sa.column("name", sa.String(255)))
    tx = op.get_bind()
    known = {row.name for row in tx.execute(sa.select(roles.c.name))}
    for name in ("manager", "service"):
        if known and name not in known:
            tx.execute(sa.insert(roles).values(id=uuid.uuid4().hex, name=name))
