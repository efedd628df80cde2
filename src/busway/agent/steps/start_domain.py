"""StartDomain: starts the guest."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.tools import Tools
from busway.reconciler.steps import StartDomain


def execute(step: StartDomain, tools: Tools) -> None:
    """Starts where the guest's networks and their filter are in place; libvirt answers when QEMU runs.

    An earlier shutdown that was asked for is forgotten before.
    """
    tools.networks.check(step.server_id)
    record = tools.state.record(step.server_id)
    if record.stop_asked_ns is not None:
        tools.state.write_record(step.server_id, replace(record, stop_asked_ns=None))
    tools.hypervisor.start(step.server_id)
