"""SaveDomain: ends the guest and keeps its memory in a file of libvirt's."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.reconciler.steps import SaveDomain


def execute(step: SaveDomain, tools: Tools) -> None:
    """Saves, and reads back that the guest is off and that its memory is there; one that powered itself off meanwhile has none."""
    before = tools.find_domain(step.server_id)
    tools.hypervisor.save(step.server_id)
    seen = tools.find_domain(step.server_id)
    ran = before is not None and before.is_active
    if seen is None or seen.is_active or (ran and not seen.saved):
        raise HostError(
            f"The memory of server {step.server_id} was not saved",
            detail=f"Its power state is {seen.power if seen else 'unknown: libvirt does not list it'}.",
            remedy="Read the domain's log under /var/log/libvirt/qemu, and look at the disk under /var/lib/libvirt/qemu/save.",
            code="save-failed",
        )
