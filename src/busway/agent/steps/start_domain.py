"""StartDomain: starts the guest."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.tools import Tools
from busway.domain.errors import HostError
from busway.domain.server import PowerState
from busway.reconciler.steps import StartDomain


def execute(step: StartDomain, tools: Tools) -> None:
    """Starts where the guest's networks and their filter are in place; libvirt answers when QEMU runs.

    What an earlier guest was asked for, a shutdown or to let go of devices, is forgotten before.
    """
    tools.networks.check(step.server_id)
    record = tools.state.record(step.server_id)
    if record.stop_asked is not None or record.asked_out:
        tools.state.write_record(step.server_id, replace(record, stop_asked=None, stop_pressed=None, asked_out={}))
    tools.hypervisor.start(step.server_id)
    seen = tools.find_domain(step.server_id)
    if seen is None or seen.power is PowerState.SHUTOFF:
        raise HostError(
            f"The guest of server {step.server_id} did not start",
            detail=f"After start its power state is {seen.power if seen else 'unknown: libvirt does not list it'}.",
            remedy="Read the domain's log under /var/log/libvirt/qemu; if the guest ended at once, the reason is "
            "there.",
            code="start-failed",
        )
