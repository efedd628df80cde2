"""RemoveExtraDisk: removes a swap disk, or a layer of an ephemeral disk, that the server no longer has."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.hardware.durable import remove_durably
from busway.reconciler.steps import RemoveExtraDisk


def execute(step: RemoveExtraDisk, tools: Tools) -> None:
    """Removes the file; what was defined after it does not read from it."""
    remove_durably(tools.state.files(step.server_id, step.number).disk_of(step.role))
