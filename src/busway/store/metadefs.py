"""Namespaces of metadata definitions; the definitions are JSON documents in their rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, Column, Row, String, Table, Text, delete, func, insert, select, update

from busway.domain.metadef import Namespace, PartKind
from busway.store.database import Tx
from busway.store.metadata import Json, UtcTime, metadata

metadef_namespaces = Table(
    "metadef_namespaces",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("display_name", String(80)),
    Column("description", Text),
    Column("visibility", String(16), nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("resource_types", Json, nullable=False),
    Column("properties", Json, nullable=False),
    Column("objects", Json, nullable=False),
    Column("tags", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
)
_HEAVY = (PartKind.PROPERTIES, PartKind.OBJECTS, PartKind.TAGS)
_LIGHT = [column for column in metadef_namespaces.c if column.name not in _HEAVY]


def add_namespace(tx: Tx, namespace: Namespace) -> None:
    """Adds a namespace."""
    tx.execute(insert(metadef_namespaces).values(**_values(namespace)))


def save_namespace(tx: Tx, name: str, namespace: Namespace) -> None:
    """Updates the namespace with that name, which may get another name."""
    tx.execute(update(metadef_namespaces).where(metadef_namespaces.c.name == name).values(**_values(namespace)))


def find_namespace(tx: Tx, name: str, *, lock: bool = False) -> Namespace | None:
    """Returns a namespace with its definitions, or None; `lock` locks it until the transaction ends."""
    statement = select(metadef_namespaces).where(metadef_namespaces.c.name == name)
    row = tx.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else _namespace(row)


def list_namespaces(tx: Tx) -> list[Namespace]:
    """Lists all namespaces by name, without their definitions; their number is limited."""
    rows = tx.execute(select(*_LIGHT).order_by(metadef_namespaces.c.name))
    return [_namespace(row) for row in rows]


def count_namespaces(tx: Tx) -> int:
    """Returns how many namespaces there are."""
    return int(tx.execute(select(func.count()).select_from(metadef_namespaces)).scalar_one())


def delete_namespace(tx: Tx, name: str) -> None:
    """Deletes a namespace with all its definitions."""
    tx.execute(delete(metadef_namespaces).where(metadef_namespaces.c.name == name))


def _values(namespace: Namespace) -> dict[str, Any]:
    return {
        "name": namespace.name,
        "owner": namespace.owner,
        "display_name": namespace.display_name,
        "description": namespace.description,
        "visibility": namespace.visibility,
        "protected": namespace.protected,
        **{kind.value: dict(namespace.parts[kind]) for kind in PartKind},
        "created": namespace.created,
        "updated": namespace.updated,
    }


def _namespace(row: Row[Any]) -> Namespace:
    values = dict(row._mapping)
    parts = {kind: values.pop(kind.value, {}) for kind in PartKind}
    return Namespace(**values, parts=parts)
