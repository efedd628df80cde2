"""Takes in what a host says of its parents of mediated devices; virtual ones are providers of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from busway.control.context import Control
from busway.domain.ids import DeviceId, HostId
from busway.domain.mdev import MdevParentSeen
from busway.domain.units import VgpuFunction
from busway.store import claims, devices, events, hosts, providers
from busway.store.database import Tx
from busway.store.events import Event

_MOST = 512  # parents of one host


def take_mdev_parents(
    control: Control,
    tx: Tx,
    host_id: HostId,
    parents: Iterable[MdevParentSeen],
    functions: Mapping[str, DeviceId],
    now: datetime,
) -> None:
    """Adds, changes and removes parents; `functions` are the host's by address."""
    known = {row.parent.name: row for row in providers.list_parents(tx, [host_id])}
    reported = {parent.name: parent for parent in list(parents)[:_MOST] if 0 < len(parent.name) <= providers.MAX_NAME}
    matters = False
    for name, parent in reported.items():
        row = known.get(name)
        if row is not None and (row.parent, row.present or not row.virtual) == (parent, True):
            continue
        matters = True
        if row is not None or name in functions:
            providers.set_parent(tx, row.id if row else functions[name], parent)
        else:
            device_id = DeviceId(control.new_id())
            providers.insert_parent(tx, device_id, host_id, parent, now)
            why = f"discovered: {name}, a parent of mediated devices"
            events.add_event(tx, Event(now, "device", None, "available", why, host_id, device_id))
    gone = [row for name, row in known.items() if name not in reported and (row.present or not row.virtual)]
    used = {claim.device_id for claim in claims.list_live_claims(tx, host_id=host_id)} if gone else set()
    for row in gone:
        if row.parent.kind == VgpuFunction.kind and row.id in used:
            continue  # its vGPU still takes its part of the card
        matters = True
        _remove(tx, row, now)
    if matters:
        hosts.bump_revision(tx, host_id)


def _remove(tx: Tx, row: providers.ParentRow, now: datetime) -> None:
    """A function stays a function; a virtual parent that is gone keeps its row for the claims on it."""
    if not row.virtual:
        providers.set_parent(tx, row.id, None)
        return
    devices.set_absent(tx, row.id)
    why = "its host no longer reports it"
    events.add_event(tx, Event(now, "device", "available", "removed", why, row.host_id, row.id))
