"""ReleaseVfio: gives a device back; its record goes after the kernel showed that the device is back."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.hardware.prepared import give_back_prepared
from busway.hardware.vfio import release
from busway.reconciler.steps import ReleaseVfio


def execute(step: ReleaseVfio, tools: Tools) -> str:
    """Releases by the record on the disk, which says where the device came from; returns how it went, for the log."""
    known = tools.state.find_held(step.device.address)
    if known is None or known.server_id != step.server_id:
        return "it was given back before"
    if known.managed:
        released = release(tools.kernel, known.address, known.previous_driver, patience=tools.patience)
    else:
        released = give_back_prepared(tools.kernel, known.address)
    tools.state.remove_held(known.address)
    if not released.present:
        return f"{known.address} is no longer on this host"
    way = "after a reset" if released.reset else "without a reset: it has no reset method, or was back before"
    return f"{known.address} went back to {released.driver or 'no driver'} {way}"
