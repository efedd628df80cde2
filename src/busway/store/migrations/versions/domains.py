"""Domains with projects as a tree, groups of users, roles of domains and implied ones, and assignments of every kind.

What there is belongs to the domain `default`. Roles that application credentials stand for are named by their ids.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "domains"
down_revision = "rescues"

_JSON = sa.JSON(none_as_null=True)
_IMPLIED = {"admin": "manager", "manager": "member", "member": "reader"}


def upgrade() -> None:
    """Widens projects, users, roles and tokens, and makes the other tables out of what there is."""
    _widen()
    _tree()
    _groups()
    _implied()
    _assignments()
    _credentials()


def _widen() -> None:
    with op.batch_alter_table("projects") as table:
        table.drop_constraint("uq_projects_name", type_="unique")
        _in_domain(table)
        table.add_column(sa.Column("parent_id", sa.String(64), server_default="default"))
        table.add_column(sa.Column("is_domain", sa.Boolean(), nullable=False, server_default=sa.false()))
        table.add_column(sa.Column("tags", _JSON, nullable=False, server_default="[]"))
    with op.batch_alter_table("users") as table:
        table.drop_constraint("uq_users_name", type_="unique")
        _in_domain(table)
    with op.batch_alter_table("roles") as table:
        table.drop_constraint("uq_roles_name", type_="unique")
        _in_domain(table, "")
        table.add_column(sa.Column("description", sa.Text()))
    for name, columns in (
        ("projects", ("parent_id", "is_domain", "tags")),
        ("users", ()),
        ("roles", ()),
    ):
        with op.batch_alter_table(name) as table:
            for column in ("domain_id", "options", "extra", *columns):
                table.alter_column(column, server_default=None)
            table.create_unique_constraint(f"uq_{name}_domain_id_name", ["domain_id", "name"])
            if name != "roles":
                table.create_index(f"ix_{name}_name_id", ["name", "id"])
    op.create_index("ix_projects_parent_id", "projects", ["parent_id"])
    with op.batch_alter_table("tokens") as table:
        table.add_column(sa.Column("domain_id", sa.String(64)))


def _in_domain(table: Any, domain: str = "default") -> None:
    table.add_column(sa.Column("domain_id", sa.String(64), nullable=False, server_default=domain))
    table.add_column(sa.Column("options", _JSON, nullable=False, server_default="{}"))
    table.add_column(sa.Column("extra", _JSON, nullable=False, server_default="{}"))


def _tree() -> None:
    tree = op.create_table(
        "project_tree",
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("ancestor_id", sa.String(64), nullable=False),
        _cascade("project_tree", "project_id", "projects"),
        _cascade("project_tree", "ancestor_id", "projects"),
        sa.PrimaryKeyConstraint("project_id", "ancestor_id", name="pk_project_tree"),
    )
    op.create_index("ix_project_tree_ancestor_id", "project_tree", ["ancestor_id"])
    projects = _table("projects")
    tx = op.get_bind()
    known = tx.execute(sa.select(projects.c.id)).scalars().all()
    if known:
        domain = {"id": "default", "name": "Default", "description": "The default domain", "enabled": True}
        tx.execute(projects.insert().values(**domain, domain_id="", is_domain=True, tags=[], options={}, extra={}))
        op.bulk_insert(tree, [{"project_id": each, "ancestor_id": "default"} for each in known])


def _groups() -> None:
    op.create_table(
        "user_groups",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("domain_id", sa.String(64), nullable=False),
        sa.Column("extra", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_user_groups"),
        sa.UniqueConstraint("domain_id", "name", name="uq_user_groups_domain_id_name"),
    )
    op.create_index("ix_user_groups_name_id", "user_groups", ["name", "id"])
    op.create_table(
        "group_members",
        sa.Column("group_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        _cascade("group_members", "group_id", "user_groups"),
        _cascade("group_members", "user_id", "users"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name="pk_group_members"),
    )
    op.create_index("ix_group_members_user_id", "group_members", ["user_id"])


def _implied() -> None:
    implied = op.create_table(
        "implied_roles",
        sa.Column("prior_id", sa.String(64), nullable=False),
        sa.Column("implied_id", sa.String(64), nullable=False),
        _cascade("implied_roles", "prior_id", "roles"),
        _cascade("implied_roles", "implied_id", "roles"),
        sa.PrimaryKeyConstraint("prior_id", "implied_id", name="pk_implied_roles"),
    )
    op.create_index("ix_implied_roles_implied_id", "implied_roles", ["implied_id"])
    ids = _roles()
    pairs = [(ids[one], ids[other]) for one, other in _IMPLIED.items() if one in ids and other in ids]
    op.bulk_insert(implied, [{"prior_id": prior, "implied_id": other} for prior, other in pairs])


def _assignments() -> None:
    made = op.create_table(
        "assignments",
        sa.Column("actor_id", sa.String(64), nullable=False),
        sa.Column("place_id", sa.String(64), nullable=False),
        sa.Column("role_id", sa.String(64), nullable=False),
        sa.Column("inherited", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.String(8), nullable=False),
        sa.Column("place", sa.String(8), nullable=False),
        _cascade("assignments", "role_id", "roles"),
        sa.PrimaryKeyConstraint("actor_id", "place_id", "role_id", "inherited", name="pk_assignments"),
    )
    op.create_index("ix_assignments_place_id", "assignments", ["place_id"])
    op.create_index("ix_assignments_role_id", "assignments", ["role_id"])
    for name, place in (("role_assignments", "project"), ("system_assignments", "system")):
        old = _table(name)
        where = old.c.project_id if place == "project" else sa.literal("")
        rows = sa.select(old.c.user_id, where, old.c.role_id, sa.false(), sa.literal("user"), sa.literal(place))
        names = ["actor_id", "place_id", "role_id", "inherited", "actor", "place"]
        op.get_bind().execute(made.insert().from_select(names, rows))
        op.drop_table(name)


def _credentials() -> None:
    ids, credentials, tx = _roles(), _table("application_credentials"), op.get_bind()
    for row in tx.execute(sa.select(credentials.c.id, credentials.c.roles)).all():
        names = set(row.roles)
        for prior, implied in _IMPLIED.items():  # from admin downwards
            names |= {implied} if prior in names else set()
        # A role that is gone stays as its name: no user has it, and the credential stays without effect.
        roles = sorted(ids.get(name, name) for name in names)
        tx.execute(credentials.update().where(credentials.c.id == row.id).values(roles=roles))


def _roles() -> dict[str, str]:
    roles = _table("roles")
    return {row.name: row.id for row in op.get_bind().execute(sa.select(roles.c.name, roles.c.id))}


def _cascade(table: str, column: str, referred: str) -> sa.ForeignKeyConstraint:
    name = f"fk_{table}_{column}_{referred}"
    return sa.ForeignKeyConstraint([column], [f"{referred}.id"], name=name, ondelete="CASCADE")


def _table(name: str) -> sa.Table:
    return sa.Table(name, sa.MetaData(), autoload_with=op.get_bind(), resolve_fks=False)
