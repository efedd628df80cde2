"""Departures: servers that have left a host which has not reported yet that nothing of them is left on it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Boolean, Column, ColumnElement, ForeignKey, Integer, Row, String, Table, insert, select, update

from busway.domain.ids import HostId, ServerId
from busway.store.database import Tx
from busway.store.metadata import metadata

departures = Table(
    "departures",
    metadata,
    Column("server_id", String(36), primary_key=True),
    Column("host_id", ForeignKey("hosts.id"), primary_key=True, index=True),
    Column("generation", Integer, nullable=False),
    Column("guest_gone", Boolean, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Departure:
    """A server that leaves a host.

    Reports count only if they are of `generation` of the host's document or later, which lists the server as
    absent. `guest_gone` is True once the host was seen without the domain.
    """

    server_id: ServerId
    host_id: HostId
    generation: int
    guest_gone: bool


def add_departure(tx: Tx, server_id: ServerId, host_id: HostId, generation: int) -> None:
    """Adds a departure, or restarts the one that exists, since this generation of the host."""
    same = (departures.c.server_id == server_id, departures.c.host_id == host_id)
    again = tx.execute(update(departures).where(*same).values(generation=generation, guest_gone=False))
    if again.rowcount == 0:
        values = {"server_id": server_id, "host_id": host_id, "generation": generation, "guest_gone": False}
        tx.execute(insert(departures).values(**values))


def list_departures(
    tx: Tx, *, host_ids: Collection[HostId] | None = None, server_id: ServerId | None = None
) -> list[Departure]:
    """Lists all open departures, or those from some hosts or of one server."""
    statement = select(departures).order_by(departures.c.server_id)
    if host_ids is not None:
        statement = statement.where(departures.c.host_id.in_(host_ids))
    if server_id is not None:
        statement = statement.where(departures.c.server_id == server_id)
    return [_departure(row) for row in tx.execute(statement)]


def find_departure(tx: Tx, server_id: ServerId, host_id: HostId) -> Departure | None:
    """Returns the departure of a server from a host, or None."""
    return next((d for d in list_departures(tx, server_id=server_id) if d.host_id == host_id), None)


def set_guest_gone(tx: Tx, departure: Departure) -> None:
    """Records that the host was seen without the domain of the server."""
    tx.execute(update(departures).where(_this(departure)).values(guest_gone=True))


def end_departure(tx: Tx, departure: Departure) -> None:
    """Deletes a departure: nothing of the server is left on the host."""
    tx.execute(departures.delete().where(_this(departure)))


def _this(departure: Departure) -> ColumnElement[bool]:
    return (departures.c.server_id == departure.server_id) & (departures.c.host_id == departure.host_id)


def _departure(row: Row[tuple[object, ...]]) -> Departure:
    return Departure(**row._mapping)
