"""Compares the inventory in a report with the stored one; only what differs is written.

What a host says of a free device counts at once. A device stays with its server even if it changes its kind or
vanishes. When the server releases it, it is removed or offered again. Another card at the address of one that a
server has is not that server's card: it is taken over only when the address is free.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from busway.control.context import Control
from busway.domain.device import PciDevice
from busway.domain.ids import DeviceId, HostId, ServerId
from busway.domain.units import WHOLE_KINDS
from busway.store import claims, devices, events, hosts
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.devices import DeviceRow
from busway.store.events import Event


@dataclass(frozen=True, slots=True)
class _Taking:
    """The processing of one report: the transaction, the host, the time, and the owners of devices."""

    tx: Tx
    host_id: HostId
    now: datetime
    owners: Mapping[DeviceId, Claim]

    def add_event(self, device_id: DeviceId, old: str | None, new: str, reason: str) -> None:
        """Writes an event of a device down; that of one in use names its server too."""
        owner = self.owners.get(device_id)
        server_id: ServerId | None = owner.server_id if owner else None
        events.add_event(self.tx, Event(self.now, "device", old, new, reason, self.host_id, device_id, server_id))


def take_inventory(
    control: Control, tx: Tx, host_id: HostId, inventory: Iterable[PciDevice], now: datetime
) -> dict[str, DeviceId]:
    """Adds, changes and removes devices; returns the ids of all known ones by address."""
    known = {str(row.device.address): row for row in devices.list_devices(tx, host_id)}
    ids = {address: row.id for address, row in known.items()}
    reported = {str(device.address): device for device in inventory}
    live = claims.list_live_claims(tx, host_id=host_id)
    owners = {claim.device_id: claim for claim in live if claim.kind in WHOLE_KINDS}
    taking = _Taking(tx, host_id, now, owners)
    matters = False
    names = {device.netdev for device in reported.values() if device.netdev}
    for address, seen in reported.items():
        row = known.get(address)
        device = seen if row is None else _still_named(row.device, seen, names)
        if row is None:
            ids[address] = DeviceId(control.new_id())
            devices.insert_device(tx, ids[address], host_id, device, now)
            taking.add_event(ids[address], None, "available", f"discovered: {device.description}")
            matters = True
        elif not row.present or row.device != device:
            matters |= _change(taking, row, device)
    for address, row in known.items():
        if address not in reported and row.present:
            _remove(taking, row, "its host no longer reports it")
            matters = True
    if matters:
        hosts.bump_revision(tx, host_id)
    return ids


def _still_named(known: PciDevice, seen: PciDevice, names: Collection[str]) -> PciDevice:
    """A network card that a VFIO driver has shows no interface: it keeps the name by which a device spec means it.

    Not when another card has the name now.
    """
    if seen.netdev or not seen.is_nic or _ids(known) != _ids(seen) or known.netdev in names:
        return seen
    return replace(seen, netdev=known.netdev, mac=seen.mac or known.mac)


def _change(taking: _Taking, row: DeviceRow, device: PciDevice) -> bool:
    """Stores what a host reports for a known address; True if placements depend on the change."""
    owner = taking.owners.get(row.id)
    if owner is not None and _ids(row.device) != _ids(device):
        if row.present:
            _remove(taking, row, f"another device is in its place: {device.description}")
        return row.present
    devices.update_device(taking.tx, row.id, device)
    if not row.present:
        taking.add_event(row.id, "removed", str(owner.state) if owner else "available", f"back: {device.description}")
    elif row.device.kind is not device.kind:
        whose = f"; server {owner.server_id} keeps it" if owner else ""
        reason = f"its host reports it as {device.kind}, it was {row.device.kind}{whose}"
        taking.add_event(row.id, str(row.device.kind), str(device.kind), reason)
    elif row.device.driver != device.driver:
        drivers = f"driver {row.device.driver or 'none'} -> {device.driver or 'none'}"
        taking.add_event(row.id, row.device.driver, device.driver or "none", drivers)
    return not row.present or _placing_view(row.device) != _placing_view(device)


def _remove(taking: _Taking, row: DeviceRow, reason: str) -> None:
    """Marks a device as gone; a server that has it keeps its claim until its host has released it."""
    owner = taking.owners.get(row.id)
    devices.set_absent(taking.tx, row.id)
    whose = f"; server {owner.server_id} keeps its claim" if owner else ""
    old = str(owner.state) if owner else "quarantined" if row.quarantined else "available"
    taking.add_event(row.id, old, "removed", reason + whose)


def _ids(device: PciDevice) -> tuple[str, str]:
    return device.vendor_id, device.product_id


def _placing_view(device: PciDevice) -> tuple[object, ...]:
    """The part of a device that placements depend on; a change of its driver does not make a snapshot stale."""
    return (
        *_ids(device),
        device.class_code,
        device.kind,
        device.iommu_group,
        device.numa_node,
        device.parent,
        device.switch,
        device.netdev,
        device.uplink,
    )
