"""Providers of units for claims: PCI functions, and parents of mediated devices that are no PCI function.

Both are rows of `devices`. A virtual parent has its name in place of an address and the kind `virtual`. The types
of mediated devices that a parent offers are in the column `mdev`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Row, insert, select, update

from busway.domain.device import PciDevice
from busway.domain.fabric import FABRIC
from busway.domain.ids import DeviceId, HostId
from busway.domain.mdev import MdevParentSeen
from busway.domain.units import Mdev, RenderShare, VgpuFunction
from busway.store.claims import claims, is_live
from busway.store.database import Tx
from busway.store.devices import VIRTUAL, devices, list_by_id
from busway.store.devices import list_devices as list_functions

MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider by its name on its host; `device` is None for a virtual parent."""

    id: DeviceId
    host_id: HostId
    name: str
    present: bool
    device: PciDevice | None = None
    parent: MdevParentSeen | None = None  # of a virtual one: what its host says of it

    @property
    def numa_node(self) -> int | None:
        """Returns its NUMA node on its host, or None if that is unknown."""
        return self.device.numa_node if self.device is not None else None


@dataclass(frozen=True, slots=True)
class ParentRow:
    """A parent of mediated devices as stored."""

    id: DeviceId
    host_id: HostId
    parent: MdevParentSeen
    present: bool
    quarantined: str | None
    virtual: bool


def list_providers(tx: Tx, host_id: HostId) -> dict[DeviceId, Provider]:
    """Returns all providers of a host by id."""
    found = {row.id: Provider(row.id, host_id, str(row.device.address), row.present, row.device)
             for row in list_functions(tx, host_id)}  # fmt: skip
    return found | _virtual(tx, devices.c.host_id == host_id)


def list_providers_by_id(tx: Tx, ids: Iterable[DeviceId]) -> dict[DeviceId, Provider]:
    """Returns the providers with these ids."""
    wanted = list(ids)
    rows = list_by_id(tx, wanted)
    found = {row.id: Provider(row.id, row.host_id, str(row.device.address), row.present, row.device) for row in rows}
    return found | (_virtual(tx, devices.c.id.in_(wanted)) if len(found) < len(set(wanted)) else {})


def get_provider(tx: Tx, device_id: DeviceId) -> Provider:
    """Returns the provider with that id."""
    return list_providers_by_id(tx, [device_id])[device_id]


def list_parents(tx: Tx, host_ids: Collection[HostId] | None = None) -> list[ParentRow]:
    """Lists all parents of mediated devices, or those of some hosts, by name."""
    names = ("id", "host_id", "mdev", "present", "quarantined", "kind")
    statement = select(*(devices.c[name] for name in names)).where(devices.c.mdev.is_not(None))
    if host_ids is not None:
        statement = statement.where(devices.c.host_id.in_(sorted(host_ids)))
    return [_parent(row) for row in tx.execute(statement.order_by(devices.c.host_id, devices.c.address))]


def list_fabrics(tx: Tx) -> list[ParentRow]:
    """Lists the NVLink fabrics of all hosts."""
    names = ("id", "host_id", "mdev", "present", "quarantined", "kind")
    statement = select(*(devices.c[name] for name in names)).where(
        devices.c.kind == VIRTUAL, devices.c.address == FABRIC
    )
    return [_parent(row) for row in tx.execute(statement.where(devices.c.mdev.is_not(None)))]


def list_instance_claims(tx: Tx, host_ids: Collection[HostId] | None = None) -> list[tuple[DeviceId, str, str]]:
    """Lists provider, id and unit of each live claim on an instance of a type, not on a whole device; of some hosts or all."""
    columns = claims.c.device_id, claims.c.id, claims.c.unit
    statement = select(*columns).where(is_live(), claims.c.kind.in_((Mdev.kind, VgpuFunction.kind, RenderShare.kind)))
    if host_ids is not None:
        statement = statement.where(claims.c.host_id.in_(sorted(host_ids)))
    return [(DeviceId(row.device_id), str(row.id), str(row.unit)) for row in tx.execute(statement)]


def set_parent(tx: Tx, device_id: DeviceId, parent: MdevParentSeen | None) -> None:
    """Stores what a host reports of a parent; None for a function that is no parent any more."""
    mdev = None if parent is None else msgspec.to_builtins(parent)
    values = {"mdev": mdev} if parent is None else {"mdev": mdev, "present": True}
    tx.execute(update(devices).where(devices.c.id == device_id).values(**values))


def insert_parent(tx: Tx, device_id: DeviceId, host_id: HostId, parent: MdevParentSeen, now: datetime) -> None:
    """Adds a virtual parent that a host has reported for the first time."""
    texts = dict.fromkeys(("vendor_id", "product_id", "class_code", "subsystem_vendor_id", "subsystem_id"), "")
    texts |= dict.fromkeys(("revision", "vendor_name", "product_name", "class_name", "bridges"), "")
    known = {"id": device_id, "host_id": host_id, "address": parent.name, "kind": VIRTUAL, "present": True}
    tx.execute(insert(devices).values(**texts, **known, discovered=now, mdev=msgspec.to_builtins(parent)))


def _virtual(tx: Tx, which: object) -> dict[DeviceId, Provider]:
    columns = (devices.c.id, devices.c.host_id, devices.c.address, devices.c.present, devices.c.mdev)
    rows = tx.execute(select(*columns).where(devices.c.kind == VIRTUAL, which))  # type: ignore[arg-type]
    return {
        row.id: Provider(row.id, row.host_id, row.address, row.present, parent=_seen_parent(row.mdev)) for row in rows
    }


def _seen_parent(mdev: object) -> MdevParentSeen | None:
    return None if mdev is None else msgspec.convert(mdev, MdevParentSeen)


def _parent(row: Row[tuple[object, ...]]) -> ParentRow:
    parent = msgspec.convert(row.mdev, MdevParentSeen)
    return ParentRow(row.id, row.host_id, parent, row.present, row.quarantined, row.kind == VIRTUAL)
