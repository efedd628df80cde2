"""Key pairs of users. Their names are unique per user."""

from __future__ import annotations

from sqlalchemy import Column, Row, String, Table, Text, and_, delete, func, insert, select

from busway.domain.errors import Conflict, NotFound
from busway.domain.ids import UserId
from busway.domain.keypair import Keypair
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata
from busway.store.paging import SortKey, page_of

keypairs = Table(
    "keypairs",
    metadata,
    Column("user_id", String(64), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("type", String(16), nullable=False),
    Column("public_key", Text, nullable=False),
    Column("fingerprint", String(255), nullable=False),
    Column("created", UtcTime, nullable=False),
)


def add_keypair(tx: Tx, keypair: Keypair) -> None:
    """Adds a key pair; raises `Conflict` if the user has one with that name."""
    if find_keypair(tx, keypair.user_id, keypair.name) is not None:
        raise Conflict(
            f"Key pair '{keypair.name}' already exists",
            remedy="Choose another name, or delete the old one first.",
            code="keypair-exists",
        )
    tx.execute(
        insert(keypairs).values(
            user_id=keypair.user_id,
            name=keypair.name,
            type=keypair.type,
            public_key=keypair.public_key,
            fingerprint=keypair.fingerprint,
            created=keypair.created,
        )
    )


def find_keypair(tx: Tx, user_id: UserId, name: str) -> Keypair | None:
    """Returns a key pair of a user by name, or None."""
    row = tx.execute(select(keypairs).where(keypairs.c.user_id == user_id, keypairs.c.name == name)).one_or_none()
    return None if row is None else _keypair(row)


def get_keypair(tx: Tx, user_id: UserId, name: str) -> Keypair:
    """Returns a key pair of a user by name; raises `NotFound`."""
    keypair = find_keypair(tx, user_id, name)
    if keypair is None:
        known = ", ".join(each.name for each in list_keypairs(tx, user_id)) or "none"
        raise NotFound(
            f"Key pair '{name}' not found",
            detail=f"Your key pairs: {known}.",
            remedy="Create it: openstack keypair create --public-key FILE NAME",
            code="keypair-not-found",
        )
    return keypair


def list_keypairs(tx: Tx, user_id: UserId, *, limit: int | None = None, marker: str | None = None) -> list[Keypair]:
    """Lists the key pairs of a user by name, after the one named `marker`; raises `BadInput` for an unknown one."""
    of_user = keypairs.c.user_id == user_id
    after = and_(of_user, keypairs.c.name == marker) if marker is not None else None
    page = page_of(tx, select(keypairs).where(of_user), [SortKey(keypairs.c.name)], marker=after, limit=limit)
    return [_keypair(row) for row in tx.execute(page)]


def count_keypairs(tx: Tx, user_id: UserId) -> int:
    """Returns how many key pairs a user has."""
    return int(tx.execute(select(func.count()).where(keypairs.c.user_id == user_id)).scalar_one())


def delete_keypair(tx: Tx, user_id: UserId, name: str) -> None:
    """Deletes a key pair of a user; raises `NotFound`."""
    get_keypair(tx, user_id, name)
    tx.execute(delete(keypairs).where(keypairs.c.user_id == user_id, keypairs.c.name == name))


def _keypair(row: Row[tuple[object, ...]]) -> Keypair:
    return Keypair(**row._mapping)
