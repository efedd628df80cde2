"""RecordCounters: remembers on the disk how many starts and reboots have been carried out."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.tools import Tools
from busway.reconciler.steps import RecordCounters


def execute(step: RecordCounters, tools: Tools) -> None:
    """Writes the counters, which never go back."""
    record = tools.state.record(step.server_id)
    starts, reboots = max(record.starts, step.starts), max(record.reboots, step.reboots)
    tools.state.write_record(step.server_id, replace(record, starts=starts, reboots=reboots))
