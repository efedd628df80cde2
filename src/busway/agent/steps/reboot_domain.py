"""RebootDomain: reboots the guest by ACPI or by force; its devices stay bound."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.reconciler.steps import RebootDomain


def execute(step: RebootDomain, tools: Tools) -> None:
    """Asks the hypervisor; whether a guest followed an ACPI reboot can't be seen from outside."""
    tools.hypervisor.reboot(step.server_id, hard=step.hard)
