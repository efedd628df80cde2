"""ReleaseVfio: gives a device back; its record goes after the kernel showed that the device is back."""

from __future__ import annotations

from busway.agent.handovers import begin, complete
from busway.agent.held import Held
from busway.agent.tools import Tools
from busway.hardware.handover import give_back
from busway.hardware.identity import measure_identity
from busway.hardware.scrub import scrub
from busway.reconciler.steps import ReleaseVfio


def execute(step: ReleaseVfio, tools: Tools) -> str:
    """Releases by the record on the disk, which says where the device came from; returns how it went, for the log.

    Between its reset and its driver of before, while nobody has it, the device is scrubbed, looked at, and the hand-over is
    written down and signed. A scrub that fails leaves it there, out of everyone's reach.
    """
    known = tools.state.held.find(step.device.address)
    if known is None or known.server_id != step.server_id:
        return "it was given back before"
    back = give_back(
        tools.kernel,
        known.address,
        known.before,
        managed=known.managed,
        patience=tools.patience,
        prove=lambda reset: _prove(known, tools, reset=reset),
    )
    if not tools.state.handovers.has(begin(known, 0).id):  # the host had it back before anybody could look at it
        tools.state.handovers.write(begin(known, tools.wall_ns()))
    tools.state.held.remove(known.address)
    if not back.present:
        return f"{known.address} is no longer on this host"
    way = "after a reset" if back.reset else "without a reset: it has no reset method, or was back before"
    return f"{known.address} went back to {back.driver or 'no driver'} {way}"


def _prove(held: Held, tools: Tools, *, reset: bool) -> None:
    """Cleans a device that nobody has, looks at it, and writes down what was found."""
    tools.crashpoint("handover:after-reset")
    program = tools.scrubs.get(_ids(held))
    done = scrub(program, held.address, tools.scrub_seconds, tools.breathe) if program else None
    tools.crashpoint("handover:after-scrub")
    after = measure_identity(tools.kernel.root, held.address)
    tools.state.handovers.write(complete(begin(held, tools.wall_ns()), reset=reset, after=after, scrub=done))
    tools.crashpoint("handover:after-record")


def _ids(held: Held) -> str:
    """The vendor:device by which a scrub program is named: what the device was when it was taken."""
    vendor, _, rest = (held.identity.ids if held.identity else "").partition(":")
    return f"{vendor}:{rest.partition(':')[0]}"
