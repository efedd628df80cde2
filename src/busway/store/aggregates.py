"""Host aggregates: named sets of hosts with metadata. One that names an availability zone puts its hosts into it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Column, ForeignKey, Integer, Row, String, Table, delete, insert, select, update

from busway.domain.aggregate import ZONE_KEY, Aggregate
from busway.domain.errors import Conflict
from busway.domain.ids import HostId
from busway.store.database import Tx
from busway.store.hosts import hosts
from busway.store.metadata import Json, UtcTime, metadata

aggregates = Table(
    "aggregates",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("name", String(255), nullable=False, unique=True),
    Column("metadata", Json, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime),
)

aggregate_hosts = Table(
    "aggregate_hosts",
    metadata,
    Column("aggregate_id", Integer, ForeignKey("aggregates.id"), primary_key=True),
    Column("host_id", String(36), ForeignKey("hosts.id"), primary_key=True, index=True),
)


def add_aggregate(tx: Tx, uuid: str, name: str, values: Mapping[str, str], now: datetime) -> int:
    """Adds an aggregate; returns its number. Raises `Conflict` if the name is taken."""
    _check_name(tx, name)
    statement = insert(aggregates).values(uuid=uuid, name=name, metadata=dict(values), created=now)
    return int(tx.execute(statement.returning(aggregates.c.id)).scalar_one())


def find_aggregate(tx: Tx, number: int) -> Aggregate | None:
    """Returns an aggregate by its number, or None."""
    row = tx.execute(select(aggregates).where(aggregates.c.id == number)).one_or_none()
    return None if row is None else _aggregate(row, _hosts(tx).get(number, ()))


def list_aggregates(tx: Tx) -> list[Aggregate]:
    """Lists all aggregates, by number."""
    known = _hosts(tx)
    rows = tx.execute(select(aggregates).order_by(aggregates.c.id))
    return [_aggregate(row, known.get(row.id, ())) for row in rows]


def save_aggregate(tx: Tx, number: int, name: str, values: Mapping[str, str], now: datetime) -> None:
    """Replaces name and metadata of an aggregate; raises `Conflict` if the name is taken."""
    _check_name(tx, name, number)
    statement = update(aggregates).where(aggregates.c.id == number)
    tx.execute(statement.values(name=name, metadata=dict(values), updated=now))


def delete_aggregate(tx: Tx, number: int) -> None:
    """Deletes an aggregate, which must have no hosts."""
    tx.execute(delete(aggregates).where(aggregates.c.id == number))


def add_host(tx: Tx, number: int, host_id: HostId) -> None:
    """Adds a host to an aggregate that does not have it."""
    tx.execute(insert(aggregate_hosts).values(aggregate_id=number, host_id=host_id))


def remove_host(tx: Tx, number: int, host_id: HostId) -> None:
    """Removes a host from an aggregate."""
    column = aggregate_hosts.c
    tx.execute(delete(aggregate_hosts).where(column.aggregate_id == number, column.host_id == host_id))


def forget_host(tx: Tx, host_id: HostId) -> None:
    """Removes a host from all aggregates."""
    tx.execute(delete(aggregate_hosts).where(aggregate_hosts.c.host_id == host_id))


def of_hosts(
    tx: Tx, host_ids: Collection[HostId] | None = None
) -> dict[HostId, tuple[tuple[str, Mapping[str, str]], ...]]:
    """Returns UUID and metadata of the aggregates of each host that is in one, in the order of their numbers; of some hosts, or of all."""
    if host_ids is not None and not host_ids:
        return {}
    statement = (
        select(aggregate_hosts.c.host_id, aggregates.c.uuid, aggregates.c.metadata)
        .join(aggregates, aggregates.c.id == aggregate_hosts.c.aggregate_id)
        .order_by(aggregates.c.id)
    )
    if host_ids is not None:
        statement = statement.where(aggregate_hosts.c.host_id.in_(host_ids))
    found: dict[HostId, tuple[tuple[str, Mapping[str, str]], ...]] = {}
    for host_id, uuid, values in tx.execute(statement):
        found[HostId(host_id)] = (*found.get(HostId(host_id), ()), (str(uuid), values))
    return found


def metadata_of_hosts(
    tx: Tx, host_ids: Collection[HostId] | None = None
) -> dict[HostId, tuple[Mapping[str, str], ...]]:
    """Returns the metadata of the aggregates of each host, in the order of their numbers; of some hosts, or of all."""
    return {host: tuple(values for _, values in each) for host, each in of_hosts(tx, host_ids).items()}


def zones_of_hosts(tx: Tx, host_ids: Collection[HostId] | None = None) -> dict[HostId, str]:
    """Returns the availability zone of each host that has one; of some hosts, or of all. A host is in one zone at most."""
    known = metadata_of_hosts(tx, host_ids)
    return {host: values[ZONE_KEY] for host, each in known.items() for values in each if ZONE_KEY in values}


def _check_name(tx: Tx, name: str, number: int | None = None) -> None:
    taken = tx.execute(select(aggregates.c.id).where(aggregates.c.name == name)).scalar()
    if taken not in (None, number):
        raise Conflict(
            f"Aggregate {name} already exists",
            remedy="Choose another name, or use the existing one.",
            code="aggregate-exists",
        )


def _hosts(tx: Tx) -> dict[int, tuple[tuple[HostId, str], ...]]:
    statement = (
        select(aggregate_hosts.c.aggregate_id, hosts.c.id, hosts.c.name)
        .join(hosts, hosts.c.id == aggregate_hosts.c.host_id)
        .order_by(hosts.c.name)
    )
    found: dict[int, tuple[tuple[HostId, str], ...]] = {}
    for number, host_id, name in tx.execute(statement):
        found[number] = (*found.get(number, ()), (HostId(host_id), name))
    return found


def _aggregate(row: Row[tuple[object, ...]], known: tuple[tuple[HostId, str], ...]) -> Aggregate:
    values = dict(row._mapping)
    return Aggregate(**values, hosts=known)
