"""BindVfio: takes a device for a server; the record of it is on the disk before the device is touched."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.domain.address import PciAddress
from busway.domain.documents import HeldDevice
from busway.domain.errors import HostError
from busway.hardware.prepared import take_prepared
from busway.hardware.undo import Undo
from busway.hardware.vfio import bind, check_bindable, driver_of
from busway.reconciler.steps import BindVfio


def execute(step: BindVfio, tools: Tools) -> str:
    """Checks, records, binds and reads back; a failed bind that was put back leaves no record.

    A device that is not managed is checked and recorded only. Returns where the device came from, for the log.
    """
    wanted = step.device
    ids = (wanted.vendor_id, wanted.product_id)
    known = tools.state.find_held(wanted.address)
    if known is not None and known.server_id != step.server_id:
        raise _held_for_another(known)
    if not wanted.managed:
        found = take_prepared(tools.kernel, wanted.address, *ids, step.together)
        tools.state.write_held(HeldDevice(wanted.address, step.server_id, found.driver, managed=False))
        return f"{wanted.address} stays on {found.driver}"
    device = check_bindable(tools.kernel, wanted.address, *ids, step.together)
    previous = known.previous_driver if known is not None else device.driver
    with Undo() as undo:
        if known is None:  # one that the server has had, and that its host's restart gave back, stays its own
            undo.add(lambda: _forget_if_back(wanted.address, previous, tools))
        tools.state.write_held(HeldDevice(wanted.address, step.server_id, previous))
        bind(tools.kernel, wanted.address, *ids, step.together, patience=tools.patience)
        undo.keep()
    return f"{wanted.address} came from {previous or 'no driver'}"


def _forget_if_back(address: PciAddress, previous: str | None, tools: Tools) -> None:
    if driver_of(tools.kernel.root, address) == previous:
        tools.state.remove_held(address)


def _held_for_another(known: HeldDevice) -> HostError:
    return HostError(
        f"{known.address} is still held for server {known.server_id}",
        detail="Its record on this host says so; a device is given to one server at a time.",
        remedy="Wait until that server is gone.",
        code="device-held",
    )
