"""RemoveFiles: removes the server's folder."""

from __future__ import annotations

from busway.agent.tools import Tools
from busway.reconciler.steps import RemoveFiles


def execute(step: RemoveFiles, tools: Tools) -> None:
    """Removes disk, config drive, console and record."""
    tools.state.remove(step.server_id)
