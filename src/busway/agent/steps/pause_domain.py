"""PauseDomain: stops the guest's vCPUs; its devices stay its own."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.domain.server import PowerState
from busway.reconciler.steps import PauseDomain


def execute(step: PauseDomain, tools: Tools) -> None:
    """Asks the hypervisor and reads back that the guest does not run."""
    tools.hypervisor.pause(step.server_id)
    seen = tools.find_domain(step.server_id)
    if seen is None or seen.power is PowerState.RUNNING:
        raise HostError(
            f"The guest of server {step.server_id} did not pause",
            detail=f"Its power state is {seen.power if seen else 'unknown: libvirt does not list it'}.",
            remedy="Read the domain's log under /var/log/libvirt/qemu.",
            code="pause-failed",
        )
