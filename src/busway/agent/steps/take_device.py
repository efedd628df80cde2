"""TakeDevice: takes a unit for a server; the record of it is on the disk before the host is touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from busway.agent.fabric import HostFabric
from busway.agent.held import HeldRecord
from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.domain.grant import Held
from busway.domain.units import FabricPartition, Mdev, NicFunction, RenderShare, Unit, VgpuFunction, WholeFunction
from busway.hardware.binding import read_binding
from busway.hardware.handover import Before, mdev, nic, preflight, read_before, take, vgpu
from busway.hardware.handover.before import read_boot_id
from busway.hardware.identity import measure_identity
from busway.hardware.undo import Undo
from busway.hardware.verbs import refuse
from busway.reconciler.steps import TakeDevice


def execute(step: TakeDevice, tools: Tools) -> str:
    """Takes the unit in the way of its kind; raises `HostError` (`device-held`) for a unit that is held for another server.

    Returns where it came from, for the log.
    """
    known = tools.state.held.find(step.grant.unit.name)
    if known is not None and known.held.server_id != step.server_id:
        raise _held_for_another(known.held)
    return TAKERS[type(step.grant.unit)](step, known, tools)


def _take_function(step: TakeDevice, known: HeldRecord | None, tools: Tools) -> str:
    """Checks, records, takes and reads back; a function that was put back leaves no record.

    One whose write the kernel has blocked keeps its record: nobody knows yet what becomes of it.
    """
    wanted = step.grant.unit
    assert isinstance(wanted, WholeFunction)
    if isinstance(wanted, NicFunction):
        refuse(nic.preflight(tools.kernel, wanted))
    together = tuple(unit.address for unit in step.together if isinstance(unit, WholeFunction))
    refuse(preflight(tools.kernel, wanted, together))
    before = read_before(tools.kernel.root, read_binding(tools.kernel.root, wanted.address))
    if known is not None and not known.before.is_over(tools.kernel.root):
        before = known.before
    held = Held(step.server_id, wanted, before.driver, claim_id=step.grant.claim_id)
    taken, identity = (known.taken, known.identity) if known is not None else (tools.wall_ns(), None)
    record = HeldRecord(held, before, taken, identity)
    with Undo() as undo:
        if known is None:  # one that the server has had, and that its host's restart gave back, stays its own
            undo.add(lambda: _forget_if_back(wanted, record, tools))
        tools.state.held.write(record)
        take(tools.kernel, wanted, together, patience=tools.patience)
        if record.identity is None:  # no guest has had it yet
            record = replace(record, identity=measure_identity(tools.kernel.root, wanted.address))
            tools.state.held.write(record)
        undo.keep()
    return f"{wanted.address} came from {before.driver or 'no driver'}"


def _take_mdev(step: TakeDevice, known: HeldRecord | None, tools: Tools) -> str:
    """Checks, records, makes and reads back; one that was not made leaves no record, unless the kernel is blocked."""
    wanted = step.grant.unit
    assert isinstance(wanted, Mdev)
    refuse(mdev.preflight(tools.kernel, wanted))
    before = Before(None, "", read_boot_id(tools.kernel.root))
    with _holding(step, known, before, tools, lambda: _forget_if_gone(wanted, tools)):
        mdev.take(tools.kernel, wanted, patience=tools.patience)
    return f"{wanted.uuid} is a {wanted.type_id} of {wanted.parent}"


def _take_vgpu(step: TakeDevice, known: HeldRecord | None, tools: Tools) -> str:
    """Checks, records, gives the type and reads back; one that did not get it leaves no record, as above."""
    wanted = step.grant.unit
    assert isinstance(wanted, VgpuFunction)
    refuse(vgpu.preflight(tools.kernel, wanted, is_ours=known is not None))
    before = read_before(tools.kernel.root, read_binding(tools.kernel.root, wanted.address))
    with _holding(step, known, before, tools, lambda: _forget_if_idle(wanted, tools)):
        vgpu.take(tools.kernel, wanted, patience=tools.patience)
    return f"{wanted.address} is a vGPU of the type {wanted.type_id}"


def _take_partition(step: TakeDevice, known: HeldRecord | None, tools: Tools) -> str:
    """Checks, records, activates and reads back; one that is not active then leaves no record."""
    wanted = step.grant.unit
    assert isinstance(wanted, FabricPartition)
    fabric = fabric_of(tools)
    fabric.check(wanted, is_ours=known is not None)
    before = Before(None, "", read_boot_id(tools.kernel.root))
    with _holding(step, known, before, tools, lambda: _forget_if_inactive(wanted, tools)):
        fabric.activate(wanted)
    return f"{wanted.name} joins {', '.join(wanted.gpus)}"


def _take_share(step: TakeDevice, known: HeldRecord | None, tools: Tools) -> str:
    """Checks that the node is the operator's and there, and records; nothing changes on the host, where others share it."""
    wanted = step.grant.unit
    assert isinstance(wanted, RenderShare)
    tools.render.check(tools.kernel.root, wanted)
    before = Before(None, "", read_boot_id(tools.kernel.root))
    taken = known.taken if known is not None else tools.wall_ns()
    tools.state.held.write(HeldRecord(Held(step.server_id, wanted, claim_id=step.grant.claim_id), before, taken))
    return f"{wanted.name} is a share of {wanted.render_node}"


@contextmanager
def _holding(
    step: TakeDevice, known: HeldRecord | None, before: Before, tools: Tools, forget: Callable[[], None]
) -> Iterator[None]:
    """Records that the server holds the unit while the block takes it; if that fails, `forget` removes the record.

    A unit that the server has had already, and that a restart of its host took, keeps its record.
    """
    taken = known.taken if known is not None else tools.wall_ns()
    held = Held(step.server_id, step.grant.unit, before.driver, claim_id=step.grant.claim_id)
    with Undo() as undo:
        if known is None:
            undo.add(forget)
        tools.state.held.write(HeldRecord(held, before, taken))
        yield
        undo.keep()


TAKERS: dict[type[Unit], Callable[[TakeDevice, HeldRecord | None, Tools], str]] = {
    WholeFunction: _take_function,
    NicFunction: _take_function,
    Mdev: _take_mdev,
    VgpuFunction: _take_vgpu,
    FabricPartition: _take_partition,
    RenderShare: _take_share,
}


def fabric_of(tools: Tools) -> HostFabric:
    """The host's fabric; raises `HostError` where its agent was started without one."""
    if tools.fabric is None:
        raise HostError(
            "This agent serves no NVLink fabric",
            detail="It was started without --fabric-manager.",
            remedy="Start it with --fabric-manager fmpm.",
            code="no-fabric",
        )
    return tools.fabric


def _forget_if_inactive(unit: FabricPartition, tools: Tools) -> None:
    if tools.fabric is not None and unit.name not in tools.fabric.active():
        tools.state.held.remove(unit.name)


def _forget_if_idle(unit: VgpuFunction, tools: Tools) -> None:
    if not tools.kernel.unfinished(unit.address) and vgpu.is_idle(tools.kernel.root, unit):
        tools.state.held.remove(unit.name)


def _forget_if_gone(unit: Mdev, tools: Tools) -> None:
    if not tools.kernel.unfinished(mdev.parent_of(unit)) and not mdev.is_there(tools.kernel.root, unit):
        tools.state.held.remove(unit.name)


def _forget_if_back(function: WholeFunction, record: HeldRecord, tools: Tools) -> None:
    now = read_binding(tools.kernel.root, function.address)
    is_back = (now.driver, now.override) == (record.before.driver, record.before.override)
    if is_back and not tools.kernel.unfinished(function.address):
        tools.state.held.remove(function.name)


def _held_for_another(known: Held) -> HostError:
    return HostError(
        f"{known.unit.name} is still held for server {known.server_id}",
        detail="A record on this host says so. A device is given to one server at a time.",
        remedy="Wait until that server is gone.",
        code="device-held",
    )
