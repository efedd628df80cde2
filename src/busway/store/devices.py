"""Devices: every PCI function that a host ever reported, present or not, and those in quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    Row,
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
from busway.domain.ids import DeviceId, HostId
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata

devices = Table(
    "devices",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("host_id", ForeignKey("hosts.id"), nullable=False, index=True),
    Column("address", String(16), nullable=False),
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
    Column("vendor_name", Text, nullable=False),
    Column("product_name", Text, nullable=False),
    Column("class_name", Text, nullable=False),
    Column("present", Boolean, nullable=False),
    Column("quarantined", Text),
    Column("discovered", UtcTime, nullable=False),
    UniqueConstraint("host_id", "address"),
)


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device as stored; `quarantined` tells why it must not be handed out."""

    id: DeviceId
    host_id: HostId
    device: PciDevice
    present: bool
    quarantined: str | None
    discovered: datetime


def list_devices(
    tx: Tx, host_id: HostId | None = None, *, vendor_id: str | None = None, product_id: str | None = None
) -> list[DeviceRow]:
    """All devices, or those of one host or with these ids, in the order of host and address."""
    statement = select(devices).order_by(devices.c.host_id, devices.c.address)
    for column, wanted in (
        (devices.c.host_id, host_id),
        (devices.c.vendor_id, vendor_id),
        (devices.c.product_id, product_id),
    ):
        if wanted is not None:
            statement = statement.where(column == wanted)
    return [_device(row) for row in tx.execute(statement)]


def insert_device(tx: Tx, device_id: DeviceId, host_id: HostId, device: PciDevice, now: datetime) -> None:
    """Adds a device that a host reported for the first time."""
    values = _values(device)
    tx.execute(insert(devices).values(id=device_id, host_id=host_id, present=True, discovered=now, **values))


def update_device(tx: Tx, device_id: DeviceId, device: PciDevice) -> None:
    """Takes over what a host says now of a device that it has."""
    tx.execute(update(devices).where(devices.c.id == device_id).values(present=True, **_values(device)))


def set_absent(tx: Tx, device_id: DeviceId) -> None:
    """Says that the host no longer has the device."""
    tx.execute(update(devices).where(devices.c.id == device_id).values(present=False))


def set_quarantine(tx: Tx, device_id: DeviceId, reason: str | None) -> None:
    """Puts a device in quarantine, or takes it out with None."""
    tx.execute(update(devices).where(devices.c.id == device_id).values(quarantined=reason))


def _values(device: PciDevice) -> dict[str, object]:
    values = {name: getattr(device, name) for name in PciDevice.__dataclass_fields__}
    return values | {
        "address": str(device.address),
        "kind": str(device.kind),
        "parent": str(device.parent) if device.parent else None,
        "switch": str(device.switch) if device.switch else None,
    }


def _device(row: Row[tuple[object, ...]]) -> DeviceRow:
    values = dict(row._mapping)
    fields = {name: values[name] for name in PciDevice.__dataclass_fields__}
    fields["address"] = PciAddress(str(values["address"]))
    fields["parent"] = PciAddress(str(values["parent"])) if values["parent"] else None
    fields["switch"] = PciAddress(str(values["switch"])) if values["switch"] else None
    fields["kind"] = DeviceKind(str(values["kind"]))
    return DeviceRow(
        id=DeviceId(str(values["id"])),
        host_id=HostId(str(values["host_id"])),
        device=PciDevice(**fields),
        present=bool(values["present"]),
        quarantined=msgspec.convert(values["quarantined"], str | None),
        discovered=msgspec.convert(values["discovered"], datetime),
    )


def get_quarantine(tx: Tx, device_id: DeviceId) -> str | None:
    """Why a device is in quarantine, None when it is not."""
    reason = tx.execute(select(devices.c.quarantined).where(devices.c.id == device_id)).scalar_one()
    return None if reason is None else str(reason)


def forget_host(tx: Tx, host_id: HostId) -> None:
    """Forgets all devices of a host; their freed claims must be forgotten first."""
    tx.execute(devices.delete().where(devices.c.host_id == host_id))


def get_device(tx: Tx, device_id: DeviceId) -> DeviceRow:
    """The device of that id."""
    return _device(tx.execute(select(devices).where(devices.c.id == device_id)).one())
