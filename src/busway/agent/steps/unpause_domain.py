"""UnpauseDomain: lets the guest's vCPUs continue."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.reconciler.steps import UnpauseDomain


def execute(step: UnpauseDomain, tools: Tools) -> None:
    """Asks the hypervisor and reads back that nobody keeps the guest paused."""
    tools.hypervisor.unpause(step.server_id)
    seen = tools.find_domain(step.server_id)
    if seen is None or seen.paused:
        raise HostError(
            f"The guest of server {step.server_id} did not continue",
            detail=f"Its power state is {seen.power if seen else 'unknown: libvirt does not list it'}.",
            remedy="Read the domain's log under /var/log/libvirt/qemu.",
            code="pause-failed",
        )
