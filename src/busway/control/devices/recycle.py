"""Devices of one use (`one_time_use` of their device spec): spent by a server, and offered again by an operator's word.

What is done to such a device between two servers (erasing it, flashing its firmware) is the operator's own business.
"""

from __future__ import annotations

from busway.control.context import Control
from busway.control.devices.listing import DeviceStory, get_device
from busway.control.observation.handovers import accept_last
from busway.domain.caller import Caller
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_spec import DeviceSpecs
from busway.domain.errors import Conflict
from busway.policy import authorize
from busway.store import claims, devices, events
from busway.store.database import take_turn
from busway.store.events import Event

USED_ONCE = "its device spec says one_time_use, and it has been used"


def is_spent_by_use(specs: DeviceSpecs, device: PciDevice) -> bool:
    """True for a device that one server only may have; VFs never are, as in Nova."""
    spec = specs.find(device)
    return spec is not None and spec.tags.one_time_use and device.kind is not DeviceKind.VF


def recycle_device(control: Control, caller: Caller, name: str) -> DeviceStory:
    """Takes a device out of quarantine; raises `Conflict` while a server has it.

    One that could not be given back leaves quarantine by its host's report alone, for its claim is there until then.
    """
    authorize(caller, "busway:devices:recycle")
    device_id = get_device(control, caller, name).device.id
    with control.db.write() as tx:
        take_turn(tx, "place")
        row = devices.get_device(tx, device_id)
        owner = next((c for c in claims.list_live_claims(tx, host_id=row.host_id) if c.device_id == device_id), None)
        if owner is not None:
            raise Conflict(
                f"Device {row.device.address} belongs to server {owner.server_id}",
                detail=f"Its claim is {owner.state}: {row.quarantined or 'it has not been released'}.",
                remedy="Delete the server, and let the host report that the device is free.",
                code="device-in-use",
            )
        if row.quarantined is not None:
            devices.set_quarantine(tx, device_id, None)
            accept_last(tx, device_id)
            why = f"recycled by {caller.user_name}"
            events.add_event(
                tx, Event(control.now(), "device", "quarantined", "available", why, row.host_id, device_id)
            )
    control.bell.ring("place")
    return get_device(control, caller, device_id)
