"""GiveBackDevice: gives a unit back; its record goes after the host showed that the unit is back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from busway.agent.handovers import begin
from busway.agent.held import HeldRecord
from busway.agent.steps.take_device import fabric_of
from busway.agent.tools import Tools
from busway.domain.units import FabricPartition, Mdev, NicFunction, RenderShare, Unit, VgpuFunction, WholeFunction
from busway.hardware.handover import give_back, mdev, vgpu
from busway.hardware.identity import measure_identity
from busway.hardware.scrub import scrub
from busway.reconciler.steps import GiveBackDevice


def execute(step: GiveBackDevice, tools: Tools) -> str:
    """Gives the unit back to where its record on the disk says that it came from; returns how it went, for the log.

    After its reset and before it gets its previous driver, a device is scrubbed and measured, and its hand-over is recorded and
    signed. If the scrub fails, the device stays in that state and nobody gets it.
    """
    known = tools.state.held.find(step.held.unit.name)
    if known is None or known.held.server_id != step.server_id:
        return "it was given back before"
    remark = GIVERS[type(known.held.unit)](known, tools)
    tools.state.held.remove(known.held.unit.name)
    return remark


def _give_back_function(record: HeldRecord, tools: Tools) -> str:
    function = record.held.unit
    assert isinstance(function, WholeFunction)
    proved = False

    def prove(reset: bool) -> None:
        nonlocal proved
        _prove(record, function, tools, reset=reset)
        proved = True  # and the control plane may have the record already

    back = give_back(tools.kernel, function, record.before, patience=tools.patience, prove=prove)
    if back.reset:
        tools.meters.count("busway_device_resets_total", str(function.address))
    if not proved and not tools.state.handovers.has(begin(record, function.address, 0).id):
        # The host had it back before anybody looked.
        tools.state.handovers.write(begin(record, function.address, tools.wall_ns()))
    if not back.present:
        return f"{function.address} is no longer on this host"
    way = "after a reset" if back.reset else "without a reset: it has no reset method, or was back before"
    return f"{function.address} went back to {back.driver or 'no driver'} {way}"


def _prove(record: HeldRecord, function: WholeFunction, tools: Tools, *, reset: bool) -> None:
    """Scrubs and measures a device that nobody has, and records the results."""
    tools.crashpoint("handover:after-reset")
    program = tools.scrubs.get(f"{function.vendor_id}:{function.product_id}")
    done = scrub(program, function.address, tools.scrub_seconds, tools.check_cancelled) if program else None
    tools.crashpoint("handover:after-scrub")
    after = measure_identity(tools.kernel.root, function.address)
    handover = begin(record, function.address, tools.wall_ns())
    tools.state.handovers.write(replace(handover, reset=reset, after=after, scrub=done))
    tools.crashpoint("handover:after-record")


def _give_back_mdev(record: HeldRecord, tools: Tools) -> str:
    """Removes the device, and with it what a guest left in it."""
    unit = record.held.unit
    assert isinstance(unit, Mdev)
    if mdev.give_back(tools.kernel, unit, patience=tools.patience):
        return f"{unit.uuid} is removed"
    return f"{unit.uuid} was gone already"


def _give_back_vgpu(record: HeldRecord, tools: Tools) -> str:
    """Takes the type away; its vendor's driver clears the frame buffer."""
    unit = record.held.unit
    assert isinstance(unit, VgpuFunction)
    if vgpu.give_back(tools.kernel, unit, patience=tools.patience):
        return f"{unit.address} is no vGPU any more"
    return f"{unit.address} was no vGPU any more already"


def _give_back_partition(record: HeldRecord, tools: Tools) -> str:
    """Deactivates the partition, before its GPUs go."""
    unit = record.held.unit
    assert isinstance(unit, FabricPartition)
    return f"{unit.name} is inactive" if fabric_of(tools).deactivate(unit) else f"{unit.name} was inactive already"


def _give_back_share(record: HeldRecord, _tools: Tools) -> str:
    """Nothing is left of it: QEMU closed the node when it ended, and what it drew went with it."""
    unit = record.held.unit
    assert isinstance(unit, RenderShare)
    return f"{unit.name} of {unit.render_node or 'a node'} is free"


GIVERS: dict[type[Unit], Callable[[HeldRecord, Tools], str]] = {
    WholeFunction: _give_back_function,
    NicFunction: _give_back_function,
    Mdev: _give_back_mdev,
    VgpuFunction: _give_back_vgpu,
    FabricPartition: _give_back_partition,
    RenderShare: _give_back_share,
}
