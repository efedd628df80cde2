"""PCI functions that hosts have reported, present or not, and which of them are quarantined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
    update,
)

from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.errors import BadInput
from busway.domain.ids import DeviceId, HostId
from busway.store.database import Tx
from busway.store.hosts import bump_revision, hosts
from busway.store.metadata import Json, UtcTime, metadata
from busway.store.paging import SortKey, after_row, page_of

_MANY = 200  # hosts asked for by their ids; for more of them all devices are read

devices = Table(
    "devices",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("host_id", ForeignKey("hosts.id"), nullable=False, index=True),
    Column("address", String(64), nullable=False, index=True),  # of one that is no PCI function its name
    Column("vendor_id", String(4), nullable=False),
    Column("product_id", String(4), nullable=False),
    Column("class_code", String(6), nullable=False),
    Column("kind", String(8), nullable=False),
    Column("subsystem_vendor_id", String(4), nullable=False),
    Column("subsystem_id", String(4), nullable=False),
    Column("revision", String(4), nullable=False),
    Column("driver", String(64)),
    Column("iommu_group", Integer),
    Column("numa_node", Integer),
    Column("parent", String(16)),
    Column("switch", String(16)),
    Column("bridges", Text, nullable=False),  # addresses, from the root port down
    Column("vendor_name", Text, nullable=False),
    Column("product_name", Text, nullable=False),
    Column("class_name", Text, nullable=False),
    Column("netdev", String(64), nullable=False, server_default=""),  # of a network card: its interface on the host
    Column("mac", String(17), nullable=False, server_default=""),
    Column("uplink", String(64), nullable=False, server_default=""),  # of a VF: the interface of its PF
    Column("present", Boolean, nullable=False),
    Column("quarantined", Text),
    Column("identity", Json),  # what was first seen of it, to compare with
    Column("mdev", Json),  # what a parent of mediated devices can be cut into
    Column("discovered", UtcTime, nullable=False),
    UniqueConstraint("host_id", "address"),
)


VIRTUAL = "virtual"  # the kind of a provider that is no PCI function; `busway.store.providers` has those
_READ = (
    *(devices.c.id, devices.c.host_id, devices.c.present, devices.c.quarantined, devices.c.discovered),
    *(devices.c[name] for name in PciDevice.__dataclass_fields__),
)


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device as stored; `quarantined` is the reason why no server may get it, or None."""

    id: DeviceId
    host_id: HostId
    device: PciDevice
    present: bool
    quarantined: str | None
    discovered: datetime


def list_devices(
    tx: Tx, host_id: HostId | None = None, *, vendor_id: str | None = None, product_id: str | None = None
) -> list[DeviceRow]:
    """Lists all devices, or those of a host or with these ids, by host and address."""
    statement = select(*_READ).where(devices.c.kind != VIRTUAL).order_by(devices.c.host_id, devices.c.address)
    for column, wanted in (
        (devices.c.host_id, host_id),
        (devices.c.vendor_id, vendor_id),
        (devices.c.product_id, product_id),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    return _rows(tx, statement)


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """A filter for devices, listed by host name and address; None matches everything."""

    id: str | None = None
    host: str | None = None  # a host's name
    address: str | None = None
    limit: int | None = None
    marker: str | None = None  # the id of the last device already seen


def list_page(tx: Tx, wanted: DeviceFilter) -> list[DeviceRow]:
    """Lists the devices that match a filter; raises `BadInput` for an unknown marker."""
    statement = select(*_READ).join(hosts, hosts.c.id == devices.c.host_id).where(devices.c.kind != VIRTUAL)
    for column, value in (
        (devices.c.id, wanted.id),
        (hosts.c.name, wanted.host),
        (devices.c.address, wanted.address),
    ):
        if value is not None:
            statement = statement.where(column == value)
    name = select(hosts.c.name).where(hosts.c.id == devices.c.host_id).scalar_subquery()
    keys = [SortKey(hosts.c.name), SortKey(devices.c.address)]
    if wanted.marker is not None:
        place = tx.execute(select(name, devices.c.address).where(devices.c.id == wanted.marker)).one_or_none()
        if place is None:
            raise BadInput(f"Marker {wanted.marker} is not a device", code="unknown-marker")
        statement = statement.where(after_row(keys, tuple(place)))
    return _rows(tx, page_of(tx, statement, keys, limit=wanted.limit))


def list_devices_of(tx: Tx, host_ids: Sequence[HostId]) -> list[DeviceRow]:
    """Lists the devices of these hosts; reads all in one statement if there are many hosts. Ordered as `list_devices`."""
    if len(host_ids) > _MANY:
        wanted = set(host_ids)
        return [device for device in list_devices(tx) if device.host_id in wanted]
    if not host_ids:
        return []
    statement = select(*_READ).where(devices.c.host_id.in_(host_ids), devices.c.kind != VIRTUAL)
    return _rows(tx, statement.order_by(devices.c.host_id, devices.c.address))


def insert_device(tx: Tx, device_id: DeviceId, host_id: HostId, device: PciDevice, now: datetime) -> None:
    """Adds a device that a host has reported for the first time."""
    values = _values(device)
    tx.execute(insert(devices).values(id=device_id, host_id=host_id, present=True, discovered=now, **values))


def update_device(tx: Tx, device_id: DeviceId, device: PciDevice) -> None:
    """Updates a device to what its host reports."""
    tx.execute(update(devices).where(devices.c.id == device_id).values(present=True, **_values(device)))


def set_absent(tx: Tx, device_id: DeviceId) -> None:
    """Marks a device as absent from its host."""
    tx.execute(update(devices).where(devices.c.id == device_id).values(present=False))


def set_quarantine(tx: Tx, device_id: DeviceId, reason: str | None) -> None:
    """Quarantines a device, or ends that with None; a change increases the revision of its host."""
    changed = devices.c.quarantined.is_distinct_from(reason)
    statement = update(devices).where(devices.c.id == device_id, changed).values(quarantined=reason)
    for row in tx.execute(statement.returning(devices.c.host_id)).all():
        bump_revision(tx, HostId(row.host_id))


def _values(device: PciDevice) -> dict[str, object]:
    values = {name: getattr(device, name) for name in PciDevice.__dataclass_fields__}
    return values | {
        "address": str(device.address),
        "kind": str(device.kind),
        "parent": str(device.parent) if device.parent else None,
        "switch": str(device.switch) if device.switch else None,
        "bridges": " ".join(map(str, device.bridges)),
    }


def _rows(tx: Tx, statement: Select[Any]) -> list[DeviceRow]:
    """Reads rows. Equal functions of different hosts share one value in memory, because hosts are built alike."""
    known: dict[tuple[object, ...], PciDevice] = {}
    found = []
    for row in tx.execute(statement):
        values = tuple(row[5:])
        device = known.get(values)
        if device is None:
            device = known[values] = _device(values)
        found.append(DeviceRow(row[0], row[1], device, row[2], row[3], row[4]))
    return found


def _device(values: tuple[object, ...]) -> PciDevice:
    fields: dict[str, Any] = dict(zip(PciDevice.__dataclass_fields__, values, strict=True))
    fields["address"] = PciAddress(fields["address"])
    fields["parent"] = PciAddress(fields["parent"]) if fields["parent"] else None
    fields["switch"] = PciAddress(fields["switch"]) if fields["switch"] else None
    fields["bridges"] = tuple(map(PciAddress, fields["bridges"].split()))
    fields["kind"] = DeviceKind(fields["kind"])
    return PciDevice(**fields)


def get_quarantine(tx: Tx, device_id: DeviceId) -> str | None:
    """Returns why a device is quarantined, or None."""
    reason = tx.execute(select(devices.c.quarantined).where(devices.c.id == device_id)).scalar_one()
    return None if reason is None else str(reason)


def forget_host(tx: Tx, host_id: HostId) -> None:
    """Deletes all devices of a host; its claims must have been deleted before."""
    tx.execute(devices.delete().where(devices.c.host_id == host_id))


def list_by_id(tx: Tx, device_ids: Sequence[DeviceId]) -> list[DeviceRow]:
    """Lists the devices with these ids."""
    if not device_ids:
        return []
    return _rows(tx, select(*_READ).where(devices.c.id.in_(device_ids), devices.c.kind != VIRTUAL))


def host_of(tx: Tx, device_id: DeviceId) -> HostId | None:
    """Returns the host of a device, or None."""
    found = tx.execute(select(devices.c.host_id).where(devices.c.id == device_id)).scalar_one_or_none()
    return None if found is None else HostId(found)


def list_ids(tx: Tx) -> list[tuple[str, str]]:
    """Lists the pairs of vendor and product id of all functions, without duplicates."""
    statement = select(devices.c.vendor_id, devices.c.product_id).where(devices.c.kind != VIRTUAL).distinct()
    return [(str(row.vendor_id), str(row.product_id)) for row in tx.execute(statement)]


def get_device(tx: Tx, device_id: DeviceId) -> DeviceRow:
    """Returns the device with that id."""
    [found] = _rows(tx, select(*_READ).where(devices.c.id == device_id))
    return found
