"""GiveBackDevice: gives a unit back; its record goes after the host showed that the unit is back."""

from __future__ import annotations

from collections.abc import Callable

from busway.agent.tools import Tools
from busway.domain.grant import Held
from busway.domain.units import Unit, WholeFunction
from busway.hardware.prepared import give_back_prepared
from busway.hardware.vfio import release
from busway.reconciler.steps import GiveBackDevice


def execute(step: GiveBackDevice, tools: Tools) -> str:
    """Gives back by the record on the disk, which says where the unit came from; returns how it went, for the log."""
    known = tools.state.find_held(step.held.unit.name)
    if known is None or known.server_id != step.server_id:
        return "it was given back before"
    remark = GIVERS[type(known.unit)](known, tools)
    tools.state.remove_held(known.unit.name)
    return remark


def _give_back_function(held: Held, tools: Tools) -> str:
    function = held.unit
    assert isinstance(function, WholeFunction)
    if function.managed:
        released = release(tools.kernel, function.address, held.before, patience=tools.patience)
    else:
        released = give_back_prepared(tools.kernel, function.address)
    if not released.present:
        return f"{function.address} is no longer on this host"
    way = "after a reset" if released.reset else "without a reset: it has no reset method, or was back before"
    return f"{function.address} went back to {released.driver or 'no driver'} {way}"


GIVERS: dict[type[Unit], Callable[[Held, Tools], str]] = {WholeFunction: _give_back_function}
