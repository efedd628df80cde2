"""Groups of users and their members. A role of a group is a role of each member.

Whoever deletes a group deletes its assignments too (`busway.store.assignments`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)

from busway.domain.errors import Conflict, NotFound
from busway.domain.user_group import UserGroup
from busway.store.database import Tx
from busway.store.filtered_list import Likeness, alike, equal, read_page
from busway.store.metadata import Json, metadata

user_groups = Table(
    "user_groups",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("description", Text, nullable=False),
    Column("domain_id", String(64), nullable=False),
    Column("extra", Json, nullable=False),
    UniqueConstraint("domain_id", "name"),
    Index("ix_user_groups_name_id", "name", "id"),
)

group_members = Table(
    "group_members",
    metadata,
    Column("group_id", ForeignKey("user_groups.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True),
)


@dataclass(frozen=True, slots=True)
class UserGroupFilter:
    """A filter for groups, by name; `user_id` matches those that the user is a member of."""

    name: str | None = None
    domain_id: str | None = None
    user_id: str | None = None
    limit: int | None = None
    marker: str | None = None
    name_like: tuple[Likeness, ...] = ()


ALL_GROUPS = UserGroupFilter()


def add_group(tx: Tx, group: UserGroup) -> None:
    """Adds a group; raises `Conflict` if its name is taken in the domain."""
    check_group_name(tx, group)
    tx.execute(insert(user_groups).values(**_values(group)))


def check_group_name(tx: Tx, group: UserGroup) -> None:
    """Raises `Conflict` if another group of the domain has the name."""
    which = (user_groups.c.name == group.name, user_groups.c.domain_id == group.domain_id)
    found = tx.execute(select(user_groups.c.id).where(*which)).scalar_one_or_none()
    if found is not None and found != group.id:
        raise Conflict(f"Group '{group.name}' already exists", code="user-group-exists")


def save_group(tx: Tx, group: UserGroup) -> None:
    """Updates all fields of a group."""
    tx.execute(update(user_groups).where(user_groups.c.id == group.id).values(**_values(group)))


def find_group(tx: Tx, group_id: str) -> UserGroup | None:
    """Returns a group by its id, or None."""
    row = tx.execute(select(user_groups).where(user_groups.c.id == group_id)).one_or_none()
    return None if row is None else group_of(row)


def get_group(tx: Tx, group_id: str) -> UserGroup:
    """Returns a group by its id; raises `NotFound`."""
    found = find_group(tx, group_id)
    if found is None:
        raise NotFound(f"Could not find group: {group_id}", code="user-group-not-found")
    return found


def list_groups(tx: Tx, wanted: UserGroupFilter = ALL_GROUPS) -> list[UserGroup]:
    """Lists the groups that match a filter, by name; raises `BadInput` for an unknown marker."""
    statement = select(user_groups).where(*equal(user_groups, wanted, "name", "domain_id"))
    statement = statement.where(*alike(tx, user_groups.c.name, wanted.name_like))
    if wanted.user_id is not None:
        theirs = select(group_members.c.group_id).where(group_members.c.user_id == wanted.user_id)
        statement = statement.where(user_groups.c.id.in_(theirs))
    return [group_of(row) for row in read_page(tx, statement, (user_groups.c.name, user_groups.c.id), wanted)]


def delete_group(tx: Tx, group_id: str) -> None:
    """Deletes a group; its users stay."""
    tx.execute(delete(user_groups).where(user_groups.c.id == group_id))


def delete_groups_of(tx: Tx, domain_id: str) -> None:
    """Deletes all groups of a domain."""
    tx.execute(delete(user_groups).where(user_groups.c.domain_id == domain_id))


def add_member(tx: Tx, group_id: str, user_id: str) -> None:
    """Adds a user to a group; idempotent."""
    if not is_member(tx, group_id, user_id):
        tx.execute(insert(group_members).values(group_id=group_id, user_id=user_id))


def remove_member(tx: Tx, group_id: str, user_id: str) -> bool:
    """Removes a user from a group; returns True if they were a member."""
    which = (group_members.c.group_id == group_id, group_members.c.user_id == user_id)
    return tx.execute(delete(group_members).where(*which)).rowcount > 0


def is_member(tx: Tx, group_id: str, user_id: str) -> bool:
    """Returns True if a user is a member of a group."""
    which = (group_members.c.group_id == group_id, group_members.c.user_id == user_id)
    return tx.execute(select(group_members.c.user_id).where(*which)).first() is not None


def group_of(row: Row[Any]) -> UserGroup:
    """Reads a group from a row."""
    return UserGroup(**{column.name: row._mapping[column.name] for column in user_groups.c})


def _values(group: UserGroup) -> dict[str, Any]:
    values: dict[str, Any] = {column.name: getattr(group, column.name) for column in user_groups.c}
    return {**values, "extra": dict(group.extra)}
