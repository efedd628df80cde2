"""Compares the inventory in a report with the stored one; only what differs is written."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from busway.control.context import Control
from busway.domain.device import PciDevice
from busway.domain.ids import DeviceId, HostId
from busway.store import devices, events, hosts
from busway.store.database import Tx
from busway.store.events import Event


def take_inventory(
    control: Control, tx: Tx, host_id: HostId, inventory: Iterable[PciDevice], now: datetime
) -> dict[str, DeviceId]:
    """Adds, changes and removes devices; returns the ids of all known ones by address."""
    known = {str(row.device.address): row for row in devices.list_devices(tx, host_id)}
    ids = {address: row.id for address, row in known.items()}
    reported = {str(device.address): device for device in inventory}
    matters = False
    for address, device in reported.items():
        row = known.get(address)
        if row is None:
            ids[address] = DeviceId(control.new_id())
            devices.insert_device(tx, ids[address], host_id, device, now)
            _say(tx, host_id, ids[address], None, "available", f"discovered: {device.description}", now)
            matters = True
        elif not row.present or row.device != device:
            devices.update_device(tx, row.id, device)
            matters |= not row.present or _placing_view(row.device) != _placing_view(device)
            if not row.present:
                _say(tx, host_id, row.id, "removed", "available", f"back: {device.description}", now)
            elif row.device.driver != device.driver:
                drivers = f"driver {row.device.driver or 'none'} -> {device.driver or 'none'}"
                _say(tx, host_id, row.id, row.device.driver, device.driver or "none", drivers, now)
    for address, row in known.items():
        if address not in reported and row.present:
            devices.set_absent(tx, row.id)
            _say(tx, host_id, row.id, "available", "removed", "its host no longer reports it", now)
            matters = True
    if matters:
        hosts.bump_revision(tx, host_id)
    return ids


def _placing_view(device: PciDevice) -> tuple[object, ...]:
    """What a placement rests on; a driver that comes and goes does not make a snapshot stale."""
    return (
        device.vendor_id,
        device.product_id,
        device.class_code,
        device.kind,
        device.iommu_group,
        device.numa_node,
        device.parent,
        device.switch,
    )


def _say(tx: Tx, host_id: HostId, device_id: DeviceId, old: str | None, new: str, reason: str, now: datetime) -> None:
    events.add_event(tx, Event(now, "device", old, new, reason, host_id, device_id))
