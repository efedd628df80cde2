"""BindVfio: takes a device for a server; the record of it is on the disk before the device is touched."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.held import Held
from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.hardware.binding import read_binding
from busway.hardware.handover import preflight, read_before, take
from busway.hardware.identity import measure_identity
from busway.hardware.undo import Undo
from busway.hardware.verbs import refuse
from busway.reconciler.steps import BindVfio


def execute(step: BindVfio, tools: Tools) -> str:
    """Checks, records, takes and reads back; a device that was put back leaves no record.

    One whose write the kernel has blocked keeps its record: nobody knows yet what becomes of it. Returns where the
    device came from, for the log.
    """
    wanted = step.device
    known = tools.state.held.find(wanted.address)
    if known is not None and known.server_id != step.server_id:
        raise _held_for_another(known)
    refuse(preflight(tools.kernel, wanted, step.together))
    before = read_before(tools.kernel.root, read_binding(tools.kernel.root, wanted.address))
    if known is not None and not known.before.is_over(tools.kernel.root):
        before = known.before
    taken = known.taken if known is not None else tools.wall_ns()
    identity = known.identity if known is not None else None
    held = Held(wanted.address, step.server_id, before, managed=wanted.managed, taken=taken, identity=identity)
    with Undo() as undo:
        if known is None:  # one that the server has had, and that its host's restart gave back, stays its own
            undo.add(lambda: _forget_if_back(held, tools))
        tools.state.held.write(held)
        take(tools.kernel, wanted, step.together, patience=tools.patience)
        if held.identity is None:  # no guest has had it yet
            held = replace(held, identity=measure_identity(tools.kernel.root, wanted.address))
            tools.state.held.write(held)
        undo.keep()
    return f"{wanted.address} came from {before.driver or 'no driver'}"


def _forget_if_back(held: Held, tools: Tools) -> None:
    now = read_binding(tools.kernel.root, held.address)
    is_back = (now.driver, now.override) == (held.before.driver, held.before.override)
    if is_back and not tools.kernel.unfinished(held.address):
        tools.state.held.remove(held.address)


def _held_for_another(known: Held) -> HostError:
    return HostError(
        f"{known.address} is still held for server {known.server_id}",
        detail="Its record on this host says so; a device is given to one server at a time.",
        remedy="Wait until that server is gone.",
        code="device-held",
    )
