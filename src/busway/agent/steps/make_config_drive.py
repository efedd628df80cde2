"""MakeConfigDrive: writes the ISO that the guest reads its identity from."""

from __future__ import annotations

from dataclasses import replace

from busway.agent.config_drive import config_drive_iso
from busway.agent.tools import Tools
from busway.hardware.durable import write_durably
from busway.reconciler.digest import config_digest
from busway.reconciler.steps import MakeConfigDrive


def execute(step: MakeConfigDrive, tools: Tools) -> None:
    """Writes the drive, then remembers what it says: a crash in between makes it once more."""
    server = step.server
    tools.state.make_folder(server.id)
    write_durably(tools.state.files(server.id).config_drive, config_drive_iso(server.config_drive))
    record = tools.state.record(server.id)
    tools.state.write_record(server.id, replace(record, config_drive=config_digest(server.config_drive)))
