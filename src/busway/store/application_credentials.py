"""Application credentials: secrets that stand for some roles of a user in one project."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Boolean, Column, ForeignKey, Row, String, Table, Text, UniqueConstraint, delete, insert, select

from busway.domain.application_credential import AccessRule, ApplicationCredential
from busway.domain.errors import Conflict
from busway.domain.ids import ProjectId, UserId
from busway.store.database import Tx
from busway.store.filtered_list import Likeness, alike
from busway.store.metadata import Json, UtcTime, metadata

application_credentials = Table(
    "application_credentials",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(255), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("description", Text, nullable=False),
    Column("secret_hash", String(255), nullable=False),
    Column("roles", Json, nullable=False),
    Column("access_rules", Json),
    Column("unrestricted", Boolean, nullable=False),
    Column("expires", UtcTime),
    UniqueConstraint("user_id", "name"),
)
_COLUMNS = [column for column in application_credentials.c if column.name != "secret_hash"]


def add_credential(tx: Tx, credential: ApplicationCredential, secret_hash: str) -> None:
    """Adds an application credential; raises `Conflict` if the user has one with that name."""
    if find_credential_by_name(tx, credential.user_id, credential.name) is not None:
        raise Conflict(f"Application credential '{credential.name}' already exists", code="credential-exists")
    rules = credential.access_rules
    tx.execute(
        insert(application_credentials).values(
            id=credential.id,
            name=credential.name,
            user_id=credential.user_id,
            project_id=credential.project_id,
            description=credential.description,
            secret_hash=secret_hash,
            roles=list(credential.roles),
            access_rules=None if rules is None else [rule.as_dict() for rule in rules],
            unrestricted=credential.unrestricted,
            expires=credential.expires,
        )
    )


def find_credential(tx: Tx, credential_id: str) -> ApplicationCredential | None:
    """Returns an application credential by its id, or None."""
    row = tx.execute(select(*_COLUMNS).where(application_credentials.c.id == credential_id)).one_or_none()
    return None if row is None else _credential(row)


def find_credential_by_name(tx: Tx, user_id: str, name: str) -> ApplicationCredential | None:
    """Returns an application credential of a user by its name, or None."""
    which = (application_credentials.c.user_id == user_id, application_credentials.c.name == name)
    row = tx.execute(select(*_COLUMNS).where(*which)).one_or_none()
    return None if row is None else _credential(row)


def list_credentials(tx: Tx, user_id: str, like: Sequence[Likeness] = ()) -> list[ApplicationCredential]:
    """Lists the application credentials of a user whose names are `like` all of these, by name."""
    which = (application_credentials.c.user_id == user_id, *alike(tx, application_credentials.c.name, like))
    statement = select(*_COLUMNS).where(*which)
    return [_credential(row) for row in tx.execute(statement.order_by(application_credentials.c.name))]


def get_secret_hash(tx: Tx, credential_id: str) -> str:
    """Returns the hash of the secret of an application credential."""
    statement = select(application_credentials.c.secret_hash).where(application_credentials.c.id == credential_id)
    return str(tx.execute(statement).scalar_one())


def delete_credential(tx: Tx, credential_id: str) -> None:
    """Deletes an application credential."""
    tx.execute(delete(application_credentials).where(application_credentials.c.id == credential_id))


def _credential(row: Row[tuple[object, ...]]) -> ApplicationCredential:
    values = dict(row._mapping)
    rules = values.pop("access_rules")
    return ApplicationCredential(
        id=str(values["id"]),
        name=str(values["name"]),
        user_id=UserId(str(values["user_id"])),
        project_id=ProjectId(str(values["project_id"])),
        description=str(values["description"]),
        roles=tuple(values["roles"]),
        access_rules=None if rules is None else tuple(AccessRule(**rule) for rule in rules),
        unrestricted=bool(values["unrestricted"]),
        expires=values["expires"],
    )
