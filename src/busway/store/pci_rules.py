"""Aliases and device specs that were created through the API, and the history of their changes.

Each change is a row of `rule_changes`. Its number is the version of the rule, and the highest number is the version
of all rules. Whoever changes rules takes the turn `place`, so that numbers are committed in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Integer, String, Table, Text, func, insert, select, update

from busway.domain.ids import DeviceSpecId, UserId
from busway.store.database import Tx
from busway.store.metadata import Json, UtcTime, metadata

ALIAS = "alias"
DEVICE_SPEC = "device_spec"

aliases = Table(
    "aliases",
    metadata,
    Column("name", String(256), primary_key=True),
    # Each one's text, as it would stand in a configuration file.
    Column("definitions", Json, nullable=False),
    Column("version", Integer, nullable=False),
)

device_specs = Table(
    "device_specs",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("definition", Text, nullable=False),
    Column("version", Integer, nullable=False),
)

rule_changes = Table(
    "rule_changes",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("user_name", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("key", String(256), nullable=False, index=True),
    Column("act", String(16), nullable=False),
    Column("definitions", Json, nullable=False),
)


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An alias created through the API, with its definitions as in a configuration file."""

    name: str
    definitions: tuple[str, ...]
    version: int


@dataclass(frozen=True, slots=True)
class DeviceSpecRow:
    """A device spec created through the API: its text, and its position in the list."""

    id: DeviceSpecId
    position: int
    definition: str
    version: int


@dataclass(frozen=True, slots=True)
class RuleChange:
    """Who changed a rule, how and when; `definitions` are its texts afterwards, empty after a deletion."""

    at: datetime
    user_id: UserId
    user_name: str
    kind: str
    key: str
    act: str
    definitions: tuple[str, ...]
    version: int = 0


def rules_version(tx: Tx) -> int:
    """Returns the version of all rules, 0 if none was ever changed."""
    return int(tx.execute(select(func.max(rule_changes.c.version))).scalar() or 0)


def add_change(tx: Tx, change: RuleChange) -> int:
    """Adds a change; returns its version."""
    values = {name: getattr(change, name) for name in RuleChange.__dataclass_fields__ if name != "version"}
    values["definitions"] = list(change.definitions)
    return int(tx.execute(insert(rule_changes).values(**values).returning(rule_changes.c.version)).scalar_one())


def list_changes(tx: Tx, kind: str, key: str) -> list[RuleChange]:
    """Lists the changes of a rule, oldest first, even if the rule was deleted."""
    statement = select(rule_changes).where(rule_changes.c.kind == kind, rule_changes.c.key == key)
    rows = tx.execute(statement.order_by(rule_changes.c.version))
    return [RuleChange(**{**row._mapping, "definitions": tuple(row.definitions)}) for row in rows]


def last_changes(tx: Tx) -> dict[int, RuleChange]:
    """Returns the last change of each existing rule, by version."""
    versions = select(aliases.c.version).union(select(device_specs.c.version))
    rows = tx.execute(select(rule_changes).where(rule_changes.c.version.in_(versions)))
    return {row.version: RuleChange(**{**row._mapping, "definitions": tuple(row.definitions)}) for row in rows}


def list_aliases(tx: Tx) -> list[AliasRow]:
    """Lists all aliases created through the API, by name."""
    rows = tx.execute(select(aliases).order_by(aliases.c.name))
    return [AliasRow(row.name, tuple(row.definitions), row.version) for row in rows]


def put_alias(tx: Tx, row: AliasRow) -> None:
    """Adds or replaces an alias."""
    delete_alias(tx, row.name)
    tx.execute(insert(aliases).values(name=row.name, definitions=list(row.definitions), version=row.version))


def delete_alias(tx: Tx, name: str) -> None:
    """Deletes an alias; its history stays."""
    tx.execute(aliases.delete().where(aliases.c.name == name))


def list_device_specs(tx: Tx) -> list[DeviceSpecRow]:
    """Lists all device specs created through the API, in order."""
    rows = tx.execute(select(device_specs).order_by(device_specs.c.position, device_specs.c.id))
    return [DeviceSpecRow(DeviceSpecId(row.id), row.position, row.definition, row.version) for row in rows]


def put_device_specs(tx: Tx, rows: Sequence[DeviceSpecRow]) -> None:
    """Replaces all device specs created through the API, in the given order."""
    known = {row.id: row for row in list_device_specs(tx)}
    gone = [each for each in known if each not in {row.id for row in rows}]
    tx.execute(device_specs.delete().where(device_specs.c.id.in_(gone)))
    for position, row in enumerate(rows, start=1):
        values = {"position": position, "definition": row.definition, "version": row.version}
        if row.id in known:
            tx.execute(update(device_specs).where(device_specs.c.id == row.id).values(**values))
        else:
            tx.execute(insert(device_specs).values(id=row.id, **values))
