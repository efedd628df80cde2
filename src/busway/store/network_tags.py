"""Tags of networks, subnets, ports and security groups, in one table: their ids are unique across all four."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, Index, String, Table, delete, func, insert, select

from busway.store.database import Tx
from busway.store.metadata import metadata

network_tags = Table(
    "network_tags",
    metadata,
    Column("resource_id", String(36), primary_key=True),
    Column("tag", String(60), primary_key=True),
    Index("ix_network_tags_tag", "tag"),
)


@dataclass(frozen=True, slots=True)
class TagFilter:
    """A filter by tags: a resource has all of these, any of these, not all of these, none of these."""

    every: tuple[str, ...] = ()
    some: tuple[str, ...] = ()
    not_every: tuple[str, ...] = ()
    none: tuple[str, ...] = ()

    def conditions(self, resource_id: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        """Returns the filter as SQL conditions."""
        found: list[ColumnElement[bool]] = []
        if self.every:
            found.append(resource_id.in_(_holders(self.every, all_=True)))
        if self.some:
            found.append(resource_id.in_(_holders(self.some)))
        if self.not_every:
            found.append(resource_id.not_in(_holders(self.not_every, all_=True)))
        if self.none:
            found.append(resource_id.not_in(_holders(self.none)))
        return found


ANY_TAGS = TagFilter()


def _holders(tags: Sequence[str], *, all_: bool = False) -> Any:
    """Returns a statement for the ids of the resources that have any, or all, of the tags."""
    wanted = set(tags)
    statement = select(network_tags.c.resource_id).where(network_tags.c.tag.in_(wanted))
    if not all_:
        return statement
    return statement.group_by(network_tags.c.resource_id).having(func.count() == len(wanted))


def tags_of(tx: Tx, resource_ids: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Returns the sorted tags of each resource; resources without tags are omitted."""
    if not resource_ids:
        return {}
    statement = select(network_tags).where(network_tags.c.resource_id.in_(list(resource_ids)))
    found: dict[str, tuple[str, ...]] = {}
    for row in tx.execute(statement.order_by(network_tags.c.tag)):
        found[row.resource_id] = (*found.get(row.resource_id, ()), row.tag)
    return found


def set_tags(tx: Tx, resource_id: str, tags: Collection[str]) -> None:
    """Replaces all tags of a resource."""
    forget_tags(tx, resource_id)
    if tags:
        tx.execute(insert(network_tags), [{"resource_id": resource_id, "tag": tag} for tag in sorted(set(tags))])


def forget_tags(tx: Tx, resource_id: str) -> None:
    """Deletes the tags of a resource."""
    tx.execute(delete(network_tags).where(network_tags.c.resource_id == resource_id))
