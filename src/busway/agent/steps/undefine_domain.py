"""UndefineDomain: makes libvirt forget the guest."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.reconciler.steps import UndefineDomain


def execute(step: UndefineDomain, tools: Tools) -> None:
    """Removes the definition and reads back that it is gone."""
    tools.hypervisor.undefine(step.server_id)
    if tools.find_domain(step.server_id) is not None:
        raise HostError(
            f"libvirt still knows the guest of server {step.server_id}",
            detail="Undefining succeeded, but the domain is still listed.",
            remedy="Look for another program that defines domains on this host.",
            code="undefine-failed",
        )
