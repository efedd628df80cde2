"""Traits that operators have assigned to hosts, and custom traits that they have created."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Column, ForeignKey, String, Table, delete, insert, select

from busway.domain.ids import HostId
from busway.store.database import Tx
from busway.store.hosts import hosts
from busway.store.metadata import UtcTime, metadata

traits = Table(
    "traits",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("created", UtcTime, nullable=False),
)
host_traits = Table(
    "host_traits",
    metadata,
    Column("host_id", String(36), ForeignKey(hosts.c.id), primary_key=True),
    Column("name", String(255), primary_key=True, index=True),
)


def list_traits(tx: Tx) -> list[str]:
    """Lists the traits that operators have created or assigned."""
    named = select(traits.c.name).union(select(host_traits.c.name))
    return sorted(str(row[0]) for row in tx.execute(named))


def add_trait(tx: Tx, name: str, now: datetime) -> bool:
    """Creates a trait; returns False if it exists."""
    if tx.execute(select(traits.c.name).where(traits.c.name == name)).first() is not None:
        return False
    tx.execute(insert(traits).values(name=name, created=now))
    return True


def remove_trait(tx: Tx, name: str) -> bool:
    """Deletes a trait; returns False if there is none."""
    return tx.execute(delete(traits).where(traits.c.name == name)).rowcount == 1


def hosts_with(tx: Tx, name: str) -> list[HostId]:
    """Lists the hosts that have a trait."""
    return [HostId(row[0]) for row in tx.execute(select(host_traits.c.host_id).where(host_traits.c.name == name))]


def traits_of(tx: Tx, host_ids: Collection[HostId] | None = None) -> dict[str, frozenset[str]]:
    """Returns the traits of hosts, of some or of all; hosts without any are omitted."""
    statement = select(host_traits)
    if host_ids is not None:
        statement = statement.where(host_traits.c.host_id.in_(host_ids))
    found: dict[str, set[str]] = {}
    for row in tx.execute(statement):
        found.setdefault(str(row.host_id), set()).add(str(row.name))
    return {host_id: frozenset(names) for host_id, names in found.items()}


def set_traits(tx: Tx, host_id: HostId, names: Iterable[str]) -> None:
    """Replaces the traits of a host."""
    tx.execute(delete(host_traits).where(host_traits.c.host_id == host_id))
    rows = [{"host_id": host_id, "name": name} for name in sorted(set(names))]
    if rows:
        tx.execute(insert(host_traits), rows)


def forget_host(tx: Tx, host_id: HostId) -> None:
    """Deletes the traits of a host."""
    tx.execute(delete(host_traits).where(host_traits.c.host_id == host_id))
