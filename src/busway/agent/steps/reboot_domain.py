"""RebootDomain: reboots the guest by ACPI or by force; its devices stay bound."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.domain.server import PowerState
from busway.reconciler.steps import RebootDomain


def execute(step: RebootDomain, tools: Tools) -> None:
    """Asks the hypervisor and reads back that a guest that was ended runs again.

    Whether a guest followed an ACPI reboot can't be seen from outside.
    """
    tools.hypervisor.reboot(step.server_id, hard=step.hard)
    seen = tools.find_domain(step.server_id)
    if seen is None or (step.hard and seen.power is PowerState.SHUTOFF):
        raise HostError(
            f"The guest of server {step.server_id} did not come back from its reboot",
            detail=f"Its power state is {seen.power if seen else 'unknown: libvirt does not list it'}.",
            remedy="Read the domain's log under /var/log/libvirt/qemu; if the guest ended at once, the reason is "
            "there.",
            code="reboot-failed",
        )
