"""Credentials that users keep, sealed; and access rules of their own, taken from application credentials."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "kept_credentials"
down_revision = "service_catalog"


def upgrade() -> None:
    """Adds both tables, and the rules that there are."""
    op.create_table(
        "credentials",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=255), nullable=False),
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=True),
        sa.Column("access_hash", sa.String(length=64), nullable=True),
        sa.Column("key_hash", sa.String(length=16), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_credentials_user_id_users", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_credentials_project_id_projects", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_credentials"),
        sa.UniqueConstraint("access_hash", name="uq_credentials_access_hash"),
    )
    for column in ("user_id", "project_id", "key_hash"):
        op.create_index(f"ix_credentials_{column}", "credentials", [column])
    rules = op.create_table(
        "access_rules",
        sa.Column("user_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("service", sa.String(length=255), nullable=False),
        sa.Column("method", sa.String(length=16), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_access_rules_user_id_users", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "id", name="pk_access_rules"),
    )
    found = {}
    for user, text in op.get_bind().execute(sa.text("SELECT user_id, access_rules FROM application_credentials")):
        for rule in (json.loads(text) if isinstance(text, str) else text) or []:
            found[user, rule["id"]] = {"user_id": user, **rule}
    if found:
        op.bulk_insert(rules, list(found.values()))
