"""Credentials of users. Their secrets are encrypted with a key that is not in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ForeignKey,
    Row,
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

from busway.domain.credential import Credential
from busway.domain.errors import Conflict
from busway.domain.ids import ProjectId, UserId
from busway.store.database import Tx
from busway.store.filtered_list import equal, read_page
from busway.store.metadata import metadata

credentials = Table(
    "credentials",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("type", String(255), nullable=False),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), index=True),
    Column("access_hash", String(64)),
    Column("key_hash", String(16), nullable=False, index=True),
    Column("sealed", Text, nullable=False),
    UniqueConstraint("access_hash"),
)
_COLUMNS: tuple[Column[Any], ...] = (
    credentials.c.id,
    credentials.c.type,
    credentials.c.user_id,
    credentials.c.project_id,
    credentials.c.access_hash,
)


@dataclass(frozen=True, slots=True)
class CredentialFilter:
    """A filter for credentials; None matches everything."""

    user_id: str | None = None
    type: str | None = None
    limit: int | None = None
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted secret, and the fingerprint of its key."""

    text: str
    key_hash: str


def add_credential(tx: Tx, credential: Credential, sealed: Sealed) -> None:
    """Adds a credential; raises `Conflict` if its access key is taken."""
    check_access_key(tx, credential)
    tx.execute(insert(credentials).values(_values(credential, sealed)))


def save_credential(tx: Tx, credential: Credential, sealed: Sealed) -> None:
    """Updates a credential; raises `Conflict` if its access key is taken."""
    check_access_key(tx, credential)
    tx.execute(update(credentials).where(credentials.c.id == credential.id).values(_values(credential, sealed)))


def check_access_key(tx: Tx, credential: Credential) -> None:
    """Raises `Conflict` if another credential has the access key, or the id that is derived from it."""
    if not credential.access_hash:
        return
    found = find_by_access(tx, credential.access_hash)
    if found is not None and found.id != credential.id:
        raise Conflict("A credential with this access key exists already", code="access-key-exists")


def find_credential(tx: Tx, credential_id: str) -> Credential | None:
    """Returns a credential without its secret, or None."""
    row = tx.execute(select(*_COLUMNS).where(credentials.c.id == credential_id)).one_or_none()
    return None if row is None else _credential(row)


def find_by_access(tx: Tx, access_hash: str) -> Credential | None:
    """Returns a credential of type ec2 by the hash of its access key, without its secret, or None."""
    row = tx.execute(select(*_COLUMNS).where(credentials.c.access_hash == access_hash)).one_or_none()
    return None if row is None else _credential(row)


def get_sealed(tx: Tx, credential_id: str) -> Sealed:
    """Returns the encrypted secret of a credential, which must exist."""
    statement = select(credentials.c.sealed, credentials.c.key_hash).where(credentials.c.id == credential_id)
    row = tx.execute(statement).one()
    return Sealed(row.sealed, row.key_hash)


def list_credentials(tx: Tx, wanted: CredentialFilter) -> list[tuple[Credential, Sealed]]:
    """Lists the credentials that match a filter, by id, each with its encrypted secret."""
    statement = select(credentials).where(*equal(credentials, wanted, "user_id", "type"))
    page = read_page(tx, statement, (credentials.c.id,), wanted)
    return [(_credential(row), Sealed(row.sealed, row.key_hash)) for row in page]


def count_credentials(tx: Tx, user_id: str) -> int:
    """Returns how many credentials a user has."""
    statement = select(func.count()).select_from(credentials).where(credentials.c.user_id == user_id)
    return int(tx.execute(statement).scalar_one())


def find_other_key(tx: Tx, key_hash: str) -> str | None:
    """Returns the fingerprint of another key that some credential is encrypted with, or None."""
    statement = select(credentials.c.key_hash).where(credentials.c.key_hash != key_hash).limit(1)
    return tx.execute(statement).scalar_one_or_none()


def delete_credential(tx: Tx, credential_id: str) -> None:
    """Deletes a credential."""
    tx.execute(delete(credentials).where(credentials.c.id == credential_id))


def _values(credential: Credential, sealed: Sealed) -> dict[str, Any]:
    return {
        "id": credential.id,
        "type": credential.type,
        "user_id": credential.user_id,
        "project_id": credential.project_id,
        "access_hash": credential.access_hash or None,
        "key_hash": sealed.key_hash,
        "sealed": sealed.text,
    }


def _credential(row: Row[Any]) -> Credential:
    project = ProjectId(row.project_id) if row.project_id else None
    return Credential(row.id, row.type, UserId(row.user_id), project, row.access_hash or "")
