"""StopDomain: asks the guest to power off and remembers when; a later plan ends it by force."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.tools import Tools
from busway.reconciler.steps import StopDomain


def execute(step: StopDomain, tools: Tools) -> None:
    """Presses the power button, then remembers it: pressing it twice does no harm."""
    tools.hypervisor.shutdown(step.server_id)
    record = tools.state.record(step.server_id)
    tools.state.write_record(step.server_id, replace(record, stop_asked=tools.now()))
