"""DestroyDomain: ends the guest by force and reads back that it is off."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.domain.server import PowerState
from busway.reconciler.steps import DestroyDomain


def execute(step: DestroyDomain, tools: Tools) -> None:
    """Ends QEMU; a QEMU that the kernel does not let die (it waits for a device) is an error."""
    tools.hypervisor.destroy(step.server_id)
    seen = tools.find_domain(step.server_id)
    if seen is not None and seen.power in (PowerState.RUNNING, PowerState.PAUSED):
        raise HostError(
            f"The guest of server {step.server_id} did not end",
            detail=f"After destroy its power state is {seen.power}.",
            remedy="Check the QEMU process; a process in state D waits for a device that does not answer.",
            code="destroy-failed",
        )
