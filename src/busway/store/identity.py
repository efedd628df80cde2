"""Projects, users, roles and role assignments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Row,
    Select,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    update,
)

from busway.domain.errors import Conflict, NotFound
from busway.domain.identity import Project, Role, RoleAssignment, User
from busway.domain.ids import ProjectId, UserId
from busway.store.database import Tx
from busway.store.metadata import metadata
from busway.store.paging import SortKey, page_of

_T = TypeVar("_T")

projects = Table(
    "projects",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
)

users = Table(
    "users",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("enabled", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    Column("email", String(255)),
    Column("default_project_id", String(64)),
    Column("password_hash", String(255), nullable=False),
)

roles = Table(
    "roles",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(255), nullable=False, unique=True),
)

role_assignments = Table(
    "role_assignments",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True),
)

system_assignments = Table(
    "system_assignments",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True),
)


def add_project(tx: Tx, project: Project) -> None:
    """Stores a new project; raises `Conflict` when its name is taken."""
    if find_project_by_name(tx, project.name) is not None:
        raise Conflict(f"Project '{project.name}' already exists", code="project-exists")
    tx.execute(insert(projects).values(**_fields(projects, project)))


def save_project(tx: Tx, project: Project) -> None:
    """Writes all fields of a project."""
    tx.execute(update(projects).where(projects.c.id == project.id).values(**_fields(projects, project)))


def find_project(tx: Tx, project_id: str) -> Project | None:
    """Reads a project by id, or None."""
    row = tx.execute(select(projects).where(projects.c.id == project_id)).one_or_none()
    return None if row is None else Project(**row._mapping)


def find_project_by_name(tx: Tx, name: str) -> Project | None:
    """Reads a project by name, or None."""
    row = tx.execute(select(projects).where(projects.c.name == name)).one_or_none()
    return None if row is None else Project(**row._mapping)


def get_project(tx: Tx, project_id: str) -> Project:
    """Reads a project by id; raises `NotFound`."""
    return _present(find_project(tx, project_id), "project", project_id)


@dataclass(frozen=True, slots=True)
class DirectoryFilter:
    """Which users or projects a list holds, by name; `marker` is the id of the last one already seen."""

    name: str | None = None
    enabled: bool | None = None
    limit: int | None = None
    marker: str | None = None


EVERYBODY = DirectoryFilter()


def list_projects(tx: Tx, wanted: DirectoryFilter = EVERYBODY) -> list[Project]:
    """The projects that a filter lets through, by name; raises `BadInput` for an unknown marker."""
    return [Project(**row._mapping) for row in tx.execute(_page(tx, projects, wanted))]


def _page(tx: Tx, table: Table, wanted: DirectoryFilter) -> Select[Any]:
    statement = select(table)
    if wanted.name is not None:
        statement = statement.where(table.c.name == wanted.name)
    if wanted.enabled is not None:
        statement = statement.where(table.c.enabled.is_(wanted.enabled))
    marker = table.c.id == wanted.marker if wanted.marker is not None else None
    return page_of(tx, statement, [SortKey(table.c.name)], marker=marker, limit=wanted.limit)


def delete_project(tx: Tx, project_id: ProjectId) -> None:
    """Removes a project and its role assignments."""
    tx.execute(delete(projects).where(projects.c.id == project_id))


def add_user(tx: Tx, user: User, password_hash: str) -> None:
    """Stores a new user; raises `Conflict` when the name is taken."""
    if find_user_by_name(tx, user.name) is not None:
        raise Conflict(f"User '{user.name}' already exists", code="user-exists")
    tx.execute(insert(users).values(**_fields(users, user), password_hash=password_hash))


def save_user(tx: Tx, user: User) -> None:
    """Writes all fields of a user but the password."""
    tx.execute(update(users).where(users.c.id == user.id).values(**_fields(users, user)))


def save_password(tx: Tx, user_id: UserId, password_hash: str) -> None:
    """Replaces the hash of a user's password."""
    tx.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))


def find_user(tx: Tx, user_id: str) -> User | None:
    """Reads a user by id, or None."""
    row = tx.execute(select(users).where(users.c.id == user_id)).one_or_none()
    return None if row is None else _user(row)


def find_user_by_name(tx: Tx, name: str) -> User | None:
    """Reads a user by name, or None."""
    row = tx.execute(select(users).where(users.c.name == name)).one_or_none()
    return None if row is None else _user(row)


def get_user(tx: Tx, user_id: str) -> User:
    """Reads a user by id; raises `NotFound`."""
    return _present(find_user(tx, user_id), "user", user_id)


def get_password_hash(tx: Tx, user_id: UserId) -> str:
    """The hash of a user's password."""
    return str(tx.execute(select(users.c.password_hash).where(users.c.id == user_id)).scalar_one())


def list_users(tx: Tx, wanted: DirectoryFilter = EVERYBODY) -> list[User]:
    """The users that a filter lets through, by name; raises `BadInput` for an unknown marker."""
    return [_user(row) for row in tx.execute(_page(tx, users, wanted))]


def delete_user(tx: Tx, user_id: UserId) -> None:
    """Removes a user and their role assignments."""
    tx.execute(delete(users).where(users.c.id == user_id))


def add_role(tx: Tx, role: Role) -> None:
    """Stores a new role; raises `Conflict` when its name is taken."""
    if any(each.name == role.name for each in list_roles(tx)):
        raise Conflict(f"Role '{role.name}' already exists", code="role-exists")
    tx.execute(insert(roles).values(id=role.id, name=role.name))


def list_roles(tx: Tx) -> list[Role]:
    """All roles by name."""
    return [Role(**row._mapping) for row in tx.execute(select(roles).order_by(roles.c.name))]


def get_role(tx: Tx, role_id: str) -> Role:
    """Reads a role by id; raises `NotFound`."""
    row = tx.execute(select(roles).where(roles.c.id == role_id)).one_or_none()
    return _present(None if row is None else Role(**row._mapping), "role", role_id)


def delete_role(tx: Tx, role_id: str) -> None:
    """Removes a role and its assignments."""
    tx.execute(delete(roles).where(roles.c.id == role_id))


def assign_role(tx: Tx, user_id: UserId, project_id: ProjectId, role_id: str) -> None:
    """Gives a user a role in a project; giving it twice is harmless."""
    key = {"user_id": user_id, "project_id": project_id, "role_id": role_id}
    if tx.execute(select(role_assignments).filter_by(**key)).first() is None:
        tx.execute(insert(role_assignments).values(**key))


def unassign_role(tx: Tx, user_id: UserId, project_id: ProjectId, role_id: str) -> bool:
    """Takes a role from a user; True when they had it."""
    key = {"user_id": user_id, "project_id": project_id, "role_id": role_id}
    return tx.execute(delete(role_assignments).filter_by(**key)).rowcount > 0


def list_assignments(tx: Tx, *, user_id: str | None = None, project_id: str | None = None) -> list[RoleAssignment]:
    """Who has which role where, of one user or project or of all."""
    statement = (
        select(
            *(column.label(f"u_{column.name}") for column in users.c if column.name != "password_hash"),
            *(column.label(f"p_{column.name}") for column in projects.c),
            *(column.label(f"r_{column.name}") for column in roles.c),
        )
        .join_from(role_assignments, users, users.c.id == role_assignments.c.user_id)
        .join(projects, projects.c.id == role_assignments.c.project_id)
        .join(roles, roles.c.id == role_assignments.c.role_id)
        .order_by(users.c.name, projects.c.name, roles.c.name)
    )
    if user_id is not None:
        statement = statement.where(role_assignments.c.user_id == user_id)
    if project_id is not None:
        statement = statement.where(role_assignments.c.project_id == project_id)
    return [
        RoleAssignment(User(**_prefixed(row, "u_")), Project(**_prefixed(row, "p_")), Role(**_prefixed(row, "r_")))
        for row in tx.execute(statement)
    ]


def _prefixed(row: Row[Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in row._mapping.items() if name.startswith(prefix)}


def assign_system_role(tx: Tx, user_id: UserId, role_id: str) -> None:
    """Gives a user a role on the whole system; giving it twice is harmless."""
    key = {"user_id": user_id, "role_id": role_id}
    if tx.execute(select(system_assignments).filter_by(**key)).first() is None:
        tx.execute(insert(system_assignments).values(**key))


def unassign_system_role(tx: Tx, user_id: UserId, role_id: str) -> bool:
    """Takes a role on the whole system from a user; True when they had it."""
    key = {"user_id": user_id, "role_id": role_id}
    return tx.execute(delete(system_assignments).filter_by(**key)).rowcount > 0


def list_system_roles(tx: Tx, user_id: UserId) -> list[Role]:
    """A user's roles on the whole system."""
    statement = select(roles).join(system_assignments, system_assignments.c.role_id == roles.c.id)
    rows = tx.execute(statement.where(system_assignments.c.user_id == user_id).order_by(roles.c.name))
    return [Role(**row._mapping) for row in rows]


def has_users(tx: Tx) -> bool:
    """True when anybody was ever made."""
    return tx.execute(select(users.c.id).limit(1)).first() is not None


def count_admins(tx: Tx, no_password: str) -> int:
    """How many enabled users with a password have the role admin in an enabled project."""
    statement = (
        select(func.count(users.c.id.distinct()))
        .select_from(users)
        .join(role_assignments, role_assignments.c.user_id == users.c.id)
        .join(roles, roles.c.id == role_assignments.c.role_id)
        .join(projects, projects.c.id == role_assignments.c.project_id)
        .where(roles.c.name == "admin", users.c.enabled, projects.c.enabled, users.c.password_hash != no_password)
    )
    return int(tx.execute(statement).scalar_one())


def _user(row: Row[Any]) -> User:
    values = dict(row._mapping)
    del values["password_hash"]
    return User(**values)


def _fields(table: Table, thing: object) -> dict[str, Any]:
    return {c.name: getattr(thing, c.name) for c in table.c if hasattr(thing, c.name)}


def _present(thing: _T | None, kind: str, reference: str) -> _T:
    if thing is None:
        raise NotFound(f"Could not find {kind}: {reference}", code=f"{kind}-not-found")
    return thing
