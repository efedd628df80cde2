"""ForgetSaved: removes the memory that was kept of a guest."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.reconciler.steps import ForgetSaved


def execute(step: ForgetSaved, tools: Tools) -> None:
    """Removes it and reads back that it is gone."""
    tools.hypervisor.forget_saved(step.server_id)
    seen = tools.find_domain(step.server_id)
    if seen is not None and seen.saved:
        raise HostError(
            f"The guest of server {step.server_id} still has saved memory",
            detail="It was removed and is listed again.",
            remedy="Look for another program that saves domains on this host, such as libvirt-guests.",
            code="save-failed",
        )
