"""Aliases and device specs that are made at run time, with the history of their changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "pci_rules"
down_revision = "first"


def upgrade() -> None:
    """Creates the tables of both, and of their changes."""
    op.create_table(
        "aliases",
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("definitions", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_aliases"),
    )
    op.create_table(
        "device_specs",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_device_specs"),
    )
    op.create_table(
        "rule_changes",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key", sa.String(256), nullable=False),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("definitions", sa.JSON(none_as_null=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name="pk_rule_changes"),
    )
    op.create_index("ix_rule_changes_key", "rule_changes", ["key"])
