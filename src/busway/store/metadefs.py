"""Rows of namespaces of metadata definitions; the definitions are documents within them."""

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
    """Stores a new one."""
    tx.execute(insert(metadef_namespaces).values(**_values(namespace)))


def save_namespace(tx: Tx, name: str, namespace: Namespace) -> None:
    """Writes the namespace that has a name, which may be given another one."""
    tx.execute(update(metadef_namespaces).where(metadef_namespaces.c.name == name).values(**_values(namespace)))


def find_namespace(tx: Tx, name: str, *, lock: bool = False) -> Namespace | None:
    """One with its definitions, or None; with `lock` nobody else changes it until the transaction ends."""
    statement = select(metadef_namespaces).where(metadef_namespaces.c.name == name)
    row = tx.execute(statement.with_for_update() if lock else statement).one_or_none()
    return None if row is None else _namespace(row)


def list_namespaces(tx: Tx) -> list[Namespace]:
    """All by name, without their properties, objects and tags: there is a bound on them."""
    rows = tx.execute(select(*_LIGHT).order_by(metadef_namespaces.c.name))
    return [_namespace(row) for row in rows]


def count_namespaces(tx: Tx) -> int:
    """How many there are."""
    return int(tx.execute(select(func.count()).select_from(metadef_namespaces)).scalar_one())


def delete_namespace(tx: Tx, name: str) -> None:
    """Forgets one with all its definitions."""
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
