"""TakeDevice: takes a unit for a server; the record of it is on the disk before the host is touched."""

from __future__ import annotations

from collections.abc import Callable

from busway.agent.tools import Tools
from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.grant import Held
from busway.domain.units import Unit, WholeFunction
from busway.hardware.prepared import take_prepared
from busway.hardware.undo import Undo
from busway.hardware.vfio import bind, check_bindable, driver_of
from busway.reconciler.steps import TakeDevice


def execute(step: TakeDevice, tools: Tools) -> str:
    """Takes the unit as its kind is taken; one that is held for another server is refused.

    Returns where it came from, for the log.
    """
    known = tools.state.find_held(step.grant.unit.name)
    if known is not None and known.server_id != step.server_id:
        raise _held_for_another(known)
    return TAKERS[type(step.grant.unit)](step, known, tools)


def _take_function(step: TakeDevice, known: Held | None, tools: Tools) -> str:
    """Checks, records, binds and reads back; a failed bind that was put back leaves no record.

    A function that is not managed is checked and recorded only.
    """
    wanted = step.grant.unit
    assert isinstance(wanted, WholeFunction)
    ids = (wanted.vendor_id, wanted.product_id)
    together = tuple(unit.address for unit in step.together if isinstance(unit, WholeFunction))
    claim_id = step.grant.claim_id
    if not wanted.managed:
        found = take_prepared(tools.kernel, wanted.address, *ids, together)
        tools.state.write_held(Held(step.server_id, wanted, found.driver, claim_id=claim_id))
        return f"{wanted.address} stays on {found.driver}"
    device = check_bindable(tools.kernel, wanted.address, *ids, together)
    previous = known.before if known is not None else device.driver
    with Undo() as undo:
        if known is None:  # one that the server has had, and that its host's restart gave back, stays its own
            undo.add(lambda: _forget_if_back(wanted.address, previous, tools))
        tools.state.write_held(Held(step.server_id, wanted, previous, claim_id=claim_id))
        bind(tools.kernel, wanted.address, *ids, together, patience=tools.patience)
        undo.keep()
    return f"{wanted.address} came from {previous or 'no driver'}"


TAKERS: dict[type[Unit], Callable[[TakeDevice, Held | None, Tools], str]] = {WholeFunction: _take_function}


def _forget_if_back(address: PciAddress, previous: str | None, tools: Tools) -> None:
    if driver_of(tools.kernel.root, address) == previous:
        tools.state.remove_held(WholeFunction(address).name)


def _held_for_another(known: Held) -> HostError:
    return HostError(
        f"{known.unit.name} is still held for server {known.server_id}",
        detail="Its record on this host says so; a device is given to one server at a time.",
        remedy="Wait until that server is gone.",
        code="device-held",
    )
