"""Users of domains, with the hashes of their passwords."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from busway.domain.assignment import Place
from busway.domain.errors import Conflict, NotFound
from busway.domain.identity import DOMAIN_ID, User
from busway.domain.ids import ProjectId, UserId
from busway.store.assignments import assignments, forget_actor
from busway.store.database import Tx
from busway.store.filtered_list import Likeness, alike, equal, read_page
from busway.store.metadata import Json, UtcTime, metadata
from busway.store.password_history import remember
from busway.store.projects import projects
from busway.store.roles import roles
from busway.store.user_groups import group_members

users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    Column("email", String(255)),
    Column("default_project_id", String(64)),
    Column("password_hash", String(255), nullable=False),
    Column("domain_id", String(64), nullable=False),
    Column("options", Json, nullable=False),
    Column("extra", Json, nullable=False),
    Column("password_changed", UtcTime),
    UniqueConstraint("domain_id", "name"),
    Index("ix_users_name_id", "name", "id"),
)
_COLUMNS = [column for column in users.c if column.name != "password_hash"]


@dataclass(frozen=True, slots=True)
class UserFilter:
    """A filter for users, by name; `group_id` matches the members of a group."""

    name: str | None = None
    enabled: bool | None = None
    domain_id: str | None = None
    group_id: str | None = None
    limit: int | None = None
    marker: str | None = None
    name_like: tuple[Likeness, ...] = ()


EVERYBODY = UserFilter()


def add_user(tx: Tx, user: User, password_hash: str) -> None:
    """Adds a user; raises `Conflict` if the name is taken in the domain."""
    check_user_name(tx, user)
    tx.execute(insert(users).values(**_values(user), password_hash=password_hash))


def check_user_name(tx: Tx, user: User) -> None:
    """Raises `Conflict` if another user of the domain has the name."""
    found = find_user_by_name(tx, user.name, user.domain_id)
    if found is not None and found.id != user.id:
        raise Conflict(f"User '{user.name}' already exists", code="user-exists")


def save_user(tx: Tx, user: User) -> None:
    """Updates all fields of a user except the password."""
    tx.execute(update(users).where(users.c.id == user.id).values(**_values(user)))


def save_password(tx: Tx, user_id: UserId, password_hash: str) -> None:
    """Replaces the hash of a user's unchanged password."""
    tx.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))


def replace_password(tx: Tx, user_id: UserId, password_hash: str, now: datetime, remembered: int) -> None:
    """Replaces the password of a user; keeps the hashes of the last `remembered` ones, the new one included."""
    remember(tx, user_id, get_password_hash(tx, user_id), now, remembered - 1 if remembered else 0)
    values = {"password_hash": password_hash, "password_changed": now}
    tx.execute(update(users).where(users.c.id == user_id).values(values))


def find_user(tx: Tx, user_id: str) -> User | None:
    """Returns a user by id, or None."""
    row = tx.execute(select(*_COLUMNS).where(users.c.id == user_id)).one_or_none()
    return None if row is None else user_of(row)


def find_user_by_name(tx: Tx, name: str, domain_id: str = DOMAIN_ID) -> User | None:
    """Returns a user by name in a domain, or None."""
    which = (users.c.name == name, users.c.domain_id == domain_id)
    row = tx.execute(select(*_COLUMNS).where(*which)).one_or_none()
    return None if row is None else user_of(row)


def get_user(tx: Tx, user_id: str) -> User:
    """Returns a user by id; raises `NotFound`."""
    found = find_user(tx, user_id)
    if found is None:
        raise NotFound(f"Could not find user: {user_id}", code="user-not-found")
    return found


def get_password_hash(tx: Tx, user_id: UserId) -> str:
    """Returns the hash of a user's password."""
    return str(tx.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar_one())


def list_users(tx: Tx, wanted: UserFilter = EVERYBODY) -> list[User]:
    """Lists the users that match a filter, by name; raises `BadInput` for an unknown marker."""
    statement: Select[Any] = select(*_COLUMNS).where(*equal(users, wanted, "name", "domain_id"))
    statement = statement.where(*alike(tx, users.c.name, wanted.name_like))
    if wanted.enabled is not None:
        statement = statement.where(users.c.enabled.is_(wanted.enabled))
    if wanted.group_id is not None:
        inside = select(group_members.c.user_id).where(group_members.c.group_id == wanted.group_id)
        statement = statement.where(users.c.id.in_(inside))
    return [user_of(row) for row in read_page(tx, statement, (users.c.name, users.c.id), wanted)]


def delete_user(tx: Tx, user_id: UserId) -> None:
    """Deletes a user and their role assignments."""
    forget_actor(tx, user_id)
    tx.execute(delete(users).where(users.c.id == user_id))


def delete_users_of(tx: Tx, domain_id: str) -> None:
    """Deletes all users of a domain and their role assignments."""
    theirs = select(users.c.id).where(users.c.domain_id == domain_id)
    tx.execute(delete(assignments).where(assignments.c.actor_id.in_(theirs)))
    tx.execute(delete(users).where(users.c.domain_id == domain_id))


def has_users(tx: Tx) -> bool:
    """Returns True if there is any user."""
    return tx.execute(select(users.c.id).limit(1)).first() is not None


def count_admins(tx: Tx, no_password: str) -> int:
    """Counts the enabled users with a password and a direct assignment of role admin in an enabled project of an enabled domain."""
    theirs, of_project = projects.alias("theirs"), projects.alias("of_project")
    statement = (
        select(func.count(users.c.id.distinct()))
        .select_from(users)
        .join(theirs, theirs.c.id == users.c.domain_id)
        .join(assignments, assignments.c.actor_id == users.c.id)
        .join(roles, roles.c.id == assignments.c.role_id)
        .join(projects, projects.c.id == assignments.c.place_id)
        .join(of_project, of_project.c.id == projects.c.domain_id)
        .where(roles.c.name == "admin", roles.c.domain_id == "", assignments.c.place == Place.PROJECT)
        .where(assignments.c.inherited.is_(False), users.c.password_hash != no_password)
        .where(users.c.enabled, theirs.c.enabled, projects.c.enabled, of_project.c.enabled)
    )
    return int(tx.execute(statement).scalar_one())


def user_of(row: Row[Any]) -> User:
    """Reads a user from a row."""
    values = {column.name: row._mapping[column.name] for column in _COLUMNS}
    project = values["default_project_id"]
    return User(**{**values, "id": UserId(values["id"]), "default_project_id": ProjectId(project) if project else None})


def _values(user: User) -> dict[str, Any]:
    values: dict[str, Any] = {column.name: getattr(user, column.name) for column in _COLUMNS}
    return {**values, "options": dict(user.options), "extra": dict(user.extra)}
