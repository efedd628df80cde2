"""GiveBackDevice: gives a unit back; its record goes after the host showed that the unit is back."""

from __future__ import annotations

from collections.abc import Callable

from busway.agent.held import HeldRecord
from busway.agent.tools import Tools
from busway.domain.units import Unit, WholeFunction
from busway.hardware.handover import give_back
from busway.reconciler.steps import GiveBackDevice


def execute(step: GiveBackDevice, tools: Tools) -> str:
    """Gives back by the record on the disk, which says where the unit came from; returns how it went, for the log."""
    known = tools.state.held.find(step.held.unit.name)
    if known is None or known.held.server_id != step.server_id:
        return "it was given back before"
    remark = GIVERS[type(known.held.unit)](known, tools)
    tools.state.held.remove(known.held.unit.name)
    return remark


def _give_back_function(record: HeldRecord, tools: Tools) -> str:
    function = record.held.unit
    assert isinstance(function, WholeFunction)
    back = give_back(tools.kernel, function, record.before, patience=tools.patience)
    if not back.present:
        return f"{function.address} is no longer on this host"
    way = "after a reset" if back.reset else "without a reset: it has no reset method, or was back before"
    return f"{function.address} went back to {back.driver or 'no driver'} {way}"


GIVERS: dict[type[Unit], Callable[[HeldRecord, Tools], str]] = {WholeFunction: _give_back_function}
