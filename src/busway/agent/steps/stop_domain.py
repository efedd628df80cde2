"""StopDomain: asks the guest to power off and remembers when; a later plan asks again, and ends it by force in the end."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.tools import Tools
from busway.reconciler.steps import StopDomain


def execute(step: StopDomain, tools: Tools) -> None:
    """Presses the power button, then remembers it: pressing it twice does no harm."""
    tools.hypervisor.shutdown(step.server_id)
    record, now = tools.state.record(step.server_id), tools.now()
    tools.state.write_record(step.server_id, replace(record, stop_asked=record.stop_asked or now, stop_pressed=now))
