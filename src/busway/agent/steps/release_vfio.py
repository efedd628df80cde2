"""ReleaseVfio: gives a device back; its record goes after the kernel showed that the device is back."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.hardware.handover import give_back
from busway.reconciler.steps import ReleaseVfio


def execute(step: ReleaseVfio, tools: Tools) -> str:
    """Releases by the record on the disk, which says where the device came from; returns how it went, for the log."""
    known = tools.state.held.find(step.device.address)
    if known is None or known.server_id != step.server_id:
        return "it was given back before"
    back = give_back(tools.kernel, known.address, known.before, managed=known.managed, patience=tools.patience)
    tools.state.held.remove(known.address)
    if not back.present:
        return f"{known.address} is no longer on this host"
    way = "after a reset" if back.reset else "without a reset: it has no reset method, or was back before"
    return f"{known.address} went back to {back.driver or 'no driver'} {way}"
