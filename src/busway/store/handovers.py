"""Handover records: how a host has given a device back after a server, signed by the host, with the verdict on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, ForeignKey, Integer, Row, String, Table, Text, delete, insert, select, update

from busway.domain.handover import Identity
from busway.domain.ids import DeviceId, HostId, ServerId
from busway.store.database import Tx
from busway.store.devices import devices
from busway.store.hosts import hosts
from busway.store.metadata import UtcTime, metadata

handovers = Table(
    "handovers",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(64), nullable=False),
    Column("host_id", ForeignKey("hosts.id"), nullable=False, index=True),
    Column("device_id", String(36), nullable=False, index=True),
    Column("server_id", String(36), nullable=False),
    Column("received", UtcTime, nullable=False),
    Column("reset", Boolean, nullable=False),
    Column("verdict", Text),
    # What was signed, letter by letter, and the signature: with the host's key anybody can check them.
    Column("text", Text, nullable=False),
    Column("signature", String(256), nullable=False),
)


@dataclass(frozen=True, slots=True)
class HandoverRow:
    """A record as stored; `verdict` is None until its claim ends, "" if the device may be used again, else the reason why not."""

    number: int
    id: str
    host_id: HostId
    device_id: DeviceId
    server_id: ServerId
    received: datetime
    reset: bool
    verdict: str | None
    text: str
    signature: str


def add_handover(tx: Tx, row: HandoverRow) -> None:
    """Adds a record with the next number, unless its id exists."""
    known = select(handovers.c.number).where(handovers.c.host_id == row.host_id, handovers.c.id == row.id)
    if tx.execute(known).first() is None:
        values = {name: getattr(row, name) for name in HandoverRow.__dataclass_fields__ if name != "number"}
        tx.execute(insert(handovers).values(**values))


def find_handover(tx: Tx, device_id: DeviceId, server_id: ServerId) -> HandoverRow | None:
    """Returns the last record of a device and a server, or None."""
    statement = select(handovers).where(handovers.c.device_id == device_id, handovers.c.server_id == server_id)
    row = tx.execute(statement.order_by(handovers.c.number.desc()).limit(1)).one_or_none()
    return _row(row) if row else None


def list_handovers(tx: Tx, device_id: DeviceId, limit: int) -> Sequence[HandoverRow]:
    """Lists the last records of a device, oldest first."""
    statement = select(handovers).where(handovers.c.device_id == device_id).order_by(handovers.c.number.desc())
    return [_row(row) for row in reversed(tx.execute(statement.limit(limit)).all())]


def set_verdict(tx: Tx, number: int, verdict: str) -> None:
    """Stores the verdict on a record."""
    tx.execute(update(handovers).where(handovers.c.number == number).values(verdict=verdict))


def get_key(tx: Tx, host_id: HostId) -> str:
    """Returns the public key of a host as PEM; "" if it has signed nothing yet."""
    return str(tx.execute(select(hosts.c.handover_key).where(hosts.c.id == host_id)).scalar_one() or "")


def set_key(tx: Tx, host_id: HostId, key: str | None) -> None:
    """Stores the public key of a host, or deletes it."""
    tx.execute(update(hosts).where(hosts.c.id == host_id).values(handover_key=key))


def get_identity(tx: Tx, device_id: DeviceId) -> Identity | None:
    """Returns the identity of a device as first reported."""
    found = tx.execute(select(devices.c.identity).where(devices.c.id == device_id)).scalar_one()
    return None if found is None else msgspec.convert(found, Identity)


def set_identity(tx: Tx, device_id: DeviceId, identity: Identity) -> None:
    """Stores the identity that a device must have from now on."""
    tx.execute(update(devices).where(devices.c.id == device_id).values(identity=msgspec.to_builtins(identity)))


def forget_host(tx: Tx, host_id: HostId) -> None:
    """Deletes all records of a host."""
    tx.execute(delete(handovers).where(handovers.c.host_id == host_id))


def _row(row: Row[Any]) -> HandoverRow:
    return HandoverRow(**row._mapping)
