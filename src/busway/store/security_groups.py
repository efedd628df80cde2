"""Security groups and their rules, and the projects whose hosts must be notified of a change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, Integer, Row, String, Table, delete, func, insert, select, update

from busway.domain.ids import ProjectId, SecurityGroupId
from busway.domain.security_group import SecurityGroup, SecurityRule
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata
from busway.store.network_tags import forget_tags
from busway.store.owners import Owners, owned_by
from busway.store.revision import revise, revision_column
from busway.store.together import put

security_groups = Table(
    "security_groups",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("project_id", String(64), nullable=False),
    Column("name", String(255), nullable=False, index=True),
    Column("created", UtcTime, nullable=False),
    Column("description", String(255), nullable=False),
    revision_column(),
    Index("ix_security_groups_created_id", "created", "id"),
    Index("ix_security_groups_project_id_created_id", "project_id", "created", "id"),
)

security_group_rules = Table(
    "security_group_rules",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("group_id", String(36), ForeignKey("security_groups.id"), nullable=False, index=True),
    Column("direction", String(7), nullable=False),
    Column("ethertype", String(4), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("protocol", String(16)),
    Column("port_min", Integer),
    Column("port_max", Integer),
    Column("remote_cidr", String(43)),
    Column("remote_group", String(36), index=True),
    Column("description", String(255), nullable=False),
    revision_column(),
    Index("ix_security_group_rules_created_id", "created", "id"),
)

# One row for each change of a project's ports or groups, until `take_changes` has told the project's hosts.
network_changes = Table(
    "network_changes",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("project_id", String(64), nullable=False),
    Column("at", UtcTime, nullable=False),
)


def add_group(tx: Tx, group: SecurityGroup) -> None:
    """Adds a group with its rules."""
    names = ("id", "project_id", "name", "created", "description")
    tx.execute(insert(security_groups).values(**{name: getattr(group, name) for name in names}))
    for rule in group.rules:
        _add(tx, rule)


def save_group(tx: Tx, group: SecurityGroup) -> SecurityGroup:
    """Updates name and description of a group; returns it with its new revision."""
    values = {"name": group.name, "description": group.description}
    statement = update(security_groups).where(security_groups.c.id == group.id).values(**values)
    return replace(group, revision=tx.execute(statement.returning(security_groups.c.revision)).scalar_one())


def remove_group(tx: Tx, group_id: SecurityGroupId) -> None:
    """Deletes a group, its rules, and the rules of other groups that refer to it."""
    named = security_group_rules.c.remote_group == group_id
    others = select(security_group_rules.c.group_id).where(named)
    tx.execute(
        update(security_groups).where(security_groups.c.id.in_(others)).values(revision=security_groups.c.revision + 1)
    )
    tx.execute(delete(security_group_rules).where((security_group_rules.c.group_id == group_id) | named))
    forget_tags(tx, group_id)
    tx.execute(delete(security_groups).where(security_groups.c.id == group_id))


def add_rule(tx: Tx, rule: SecurityRule) -> None:
    """Adds a rule to its group, whose revision grows."""
    _add(tx, rule)
    revise(tx, security_groups, rule.group_id)


def _add(tx: Tx, rule: SecurityRule) -> None:
    tx.execute(insert(security_group_rules).values(**{c.name: getattr(rule, c.name) for c in security_group_rules.c}))


def remove_rule(tx: Tx, rule: SecurityRule) -> None:
    """Takes a rule from its group, whose revision grows."""
    revise(tx, security_groups, rule.group_id)  # before its rule, as all who lock both
    tx.execute(delete(security_group_rules).where(security_group_rules.c.id == rule.id))


def list_groups(tx: Tx, project_id: ProjectId) -> list[SecurityGroup]:
    """Lists the groups of a project, oldest first."""
    statement = select(security_groups).where(security_groups.c.project_id == project_id)
    return read_groups(tx, list(tx.execute(statement.order_by(security_groups.c.created, security_groups.c.id))))


def count_groups(tx: Tx, of: Owners) -> int:
    """Returns how many groups a project has, or several projects together."""
    return int(tx.execute(select(func.count()).where(owned_by(security_groups.c.project_id, of))).scalar_one())


def count_rules(tx: Tx, of: Owners) -> int:
    """Returns how many rules the groups of one or several projects have."""
    group_ids = select(security_groups.c.id).where(owned_by(security_groups.c.project_id, of))
    return int(tx.execute(select(func.count()).where(security_group_rules.c.group_id.in_(group_ids))).scalar_one())


def get_groups(tx: Tx, group_ids: Iterable[str], *, lock: bool = False) -> list[SecurityGroup]:
    """Returns the groups with these ids that exist; `lock` locks them until the transaction ends."""
    statement = select(security_groups).where(security_groups.c.id.in_(list(group_ids)))
    return read_groups(tx, list(tx.execute(statement.with_for_update() if lock else statement)))


def group_names(tx: Tx, group_ids: Iterable[str]) -> dict[str, str]:
    """Returns the names of the groups with these ids that exist."""
    statement = select(security_groups.c.id, security_groups.c.name).where(security_groups.c.id.in_(list(group_ids)))
    return {row.id: row.name for row in tx.execute(statement)}


def find_rule(tx: Tx, rule_id: str) -> tuple[ProjectId, SecurityRule] | None:
    """Returns a rule with its group's project, or None."""
    statement = select(security_group_rules, security_groups.c.project_id).join(security_groups)
    row = tx.execute(statement.where(security_group_rules.c.id == rule_id)).first()
    return None if row is None else (ProjectId(row.project_id), rule_of(row))


def has_group(tx: Tx, group_id: SecurityGroupId) -> bool:
    """Returns True if there is a group with that id."""
    return tx.execute(select(security_groups.c.id).where(security_groups.c.id == group_id)).first() is not None


def note_change(tx: Tx, project_id: ProjectId, at: datetime) -> None:
    """Notes that the hosts of a project's servers must be notified."""
    put(tx, network_changes, [{"project_id": project_id, "at": at}])


def has_changes(tx: Tx) -> bool:
    """Returns True if a noted change waits to be sent."""
    return tx.execute(select(network_changes.c.number).limit(1)).first() is not None


def take_changes(tx: Tx) -> list[ProjectId]:
    """Returns the projects with noted changes and deletes the notes."""
    rows = tx.execute(select(network_changes.c.number, network_changes.c.project_id)).all()
    # Only what was read goes: another transaction may add more meanwhile.
    tx.execute(delete(network_changes).where(network_changes.c.number.in_([row.number for row in rows])))
    return sorted({ProjectId(row.project_id) for row in rows})


def rule_of(row: Row[Any]) -> SecurityRule:
    """Returns the rule of a row, which may have more columns."""
    return SecurityRule(**{column.name: row._mapping[column] for column in security_group_rules.c})


def read_groups(tx: Tx, rows: Sequence[Row[Any]]) -> list[SecurityGroup]:
    """Returns the groups of these rows, in their order, with their rules."""
    if not rows:
        return []
    rules: dict[str, list[SecurityRule]] = {}
    statement = select(security_group_rules).where(security_group_rules.c.group_id.in_([row.id for row in rows]))
    for row in tx.execute(statement.order_by(security_group_rules.c.created, security_group_rules.c.id)):
        rules.setdefault(row.group_id, []).append(rule_of(row))
    return [SecurityGroup(**row._mapping, rules=tuple(rules.get(row.id, ()))) for row in rows]
