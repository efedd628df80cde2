"""RemoveDisk: removes a layer that the root disk no longer has."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.hardware.durable import remove_durably
from busway.reconciler.steps import RemoveDisk


def execute(step: RemoveDisk, tools: Tools) -> None:
    """Removes the file; what was defined after it does not read from it."""
    remove_durably(tools.state.files(step.server_id, step.number).disk)
