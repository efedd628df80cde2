"""Roles of the whole cloud and of domains, and which role implies which.

A role of a domain gives no rights itself; the roles that it implies do. `domain_id` is "" for a role of the whole
cloud.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ForeignKey, Row, String, Table, Text, UniqueConstraint, delete, insert, select, update

from busway.domain.errors import Conflict, NotFound
from busway.domain.identity import Role
from busway.store.database import Tx
from busway.store.filtered_list import Likeness, alike
from busway.store.metadata import Json, metadata

roles = Table(
    "roles",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("domain_id", String(64), nullable=False),
    Column("description", Text),
    Column("options", Json, nullable=False),
    Column("extra", Json, nullable=False),
    UniqueConstraint("domain_id", "name"),
)

implied_roles = Table(
    "implied_roles",
    metadata,
    Column("prior_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True),
    Column("implied_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)


def add_role(tx: Tx, role: Role) -> None:
    """Adds a role; raises `Conflict` if its name is taken."""
    check_role_name(tx, role)
    tx.execute(insert(roles).values(**_values(role)))


def check_role_name(tx: Tx, role: Role) -> None:
    """Raises `Conflict` if another role of the cloud, or of the domain, has the name."""
    which = (roles.c.name == role.name, roles.c.domain_id == role.domain_id)
    found = tx.execute(select(roles.c.id).where(*which)).scalar_one_or_none()
    if found is not None and found != role.id:
        raise Conflict(f"Role '{role.name}' already exists", code="role-exists")


def save_role(tx: Tx, role: Role) -> None:
    """Updates all fields of a role."""
    tx.execute(update(roles).where(roles.c.id == role.id).values(**_values(role)))


def list_roles(tx: Tx, domain_id: str = "", like: Sequence[Likeness] = ()) -> list[Role]:
    """Lists the roles of the whole cloud, or of one domain, by name; those whose names are `like` all of these."""
    which = (roles.c.domain_id == domain_id, *alike(tx, roles.c.name, like))
    statement = select(roles).where(*which).order_by(roles.c.name)
    return [role_of(row) for row in tx.execute(statement)]


def find_role(tx: Tx, role_id: str) -> Role | None:
    """Returns a role by its id, or None."""
    row = tx.execute(select(roles).where(roles.c.id == role_id)).one_or_none()
    return None if row is None else role_of(row)


def get_role(tx: Tx, role_id: str) -> Role:
    """Returns a role by its id; raises `NotFound`."""
    found = find_role(tx, role_id)
    if found is None:
        raise NotFound(f"Could not find role: {role_id}", code="role-not-found")
    return found


def delete_role(tx: Tx, role_id: str) -> None:
    """Deletes a role and its assignments."""
    tx.execute(delete(roles).where(roles.c.id == role_id))


def delete_roles_of(tx: Tx, domain_id: str) -> None:
    """Deletes all roles of a domain and their assignments."""
    tx.execute(delete(roles).where(roles.c.domain_id == domain_id))


def imply(tx: Tx, prior_id: str, implied_id: str) -> None:
    """Adds an implication; idempotent."""
    key = {"prior_id": prior_id, "implied_id": implied_id}
    if tx.execute(select(implied_roles).filter_by(**key)).first() is None:
        tx.execute(insert(implied_roles).values(**key))


def unimply(tx: Tx, prior_id: str, implied_id: str) -> bool:
    """Removes an implication; returns True if it existed."""
    key = {"prior_id": prior_id, "implied_id": implied_id}
    return tx.execute(delete(implied_roles).filter_by(**key)).rowcount > 0


def list_implied(tx: Tx, prior_id: str) -> list[Role]:
    """Lists the roles that a role implies directly, by name."""
    joined = select(roles).join(implied_roles, implied_roles.c.implied_id == roles.c.id)
    statement = joined.where(implied_roles.c.prior_id == prior_id).order_by(roles.c.name, roles.c.id)
    return [role_of(row) for row in tx.execute(statement)]


def list_inferences(tx: Tx) -> list[tuple[Role, list[Role]]]:
    """Lists each role that implies others, with those, by name."""
    known = {row.id: role_of(row) for row in tx.execute(select(roles).order_by(roles.c.name, roles.c.id))}
    found: dict[str, set[str]] = {}
    for row in tx.execute(select(implied_roles)):
        found.setdefault(row.prior_id, set()).add(row.implied_id)
    return [
        (role, [each for each in known.values() if each.id in found[role.id]])
        for role in known.values()
        if role.id in found
    ]


def list_closure(tx: Tx, prior_id: str) -> set[str]:
    """Returns the ids of all roles that a role implies, directly or not."""
    # WITH RECURSIVE closure(id) AS (… UNION SELECT implied_id FROM implied_roles JOIN closure ON prior_id = id)
    first = select(implied_roles.c.implied_id.label("id")).where(implied_roles.c.prior_id == prior_id)
    closure = first.cte("closure", recursive=True)
    more = select(implied_roles.c.implied_id).join_from(
        implied_roles, closure, implied_roles.c.prior_id == closure.c.id
    )
    return set(tx.execute(select(closure.union(more).c.id)).scalars())


def role_of(row: Row[Any]) -> Role:
    """Reads a role from a row."""
    return Role(**{column.name: row._mapping[column.name] for column in roles.c})


def _values(role: Role) -> dict[str, Any]:
    values: dict[str, Any] = {column.name: getattr(role, column.name) for column in roles.c}
    return {**values, "options": dict(role.options), "extra": dict(role.extra)}
