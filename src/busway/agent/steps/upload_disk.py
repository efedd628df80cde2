"""UploadDisk: hands the root disk in to the control plane as an image that needs no other file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from busway.agent.tools import Tools
from busway.domain.errors import Conflict
from busway.hardware.undo import Undo
from busway.reconciler.steps import UploadDisk

_PIECE = 1 << 20


def execute(step: UploadDisk, tools: Tools) -> str:
    """Flattens the disk into a file beside it, sends that, and remembers that it was sent; returns its size."""
    server = step.server
    assert server.upload is not None
    disk = tools.state.files(server.id, server.disks[-1]).disk
    flat = tools.state.flat(server.id)
    with Undo() as undo:
        undo.add(lambda: flat.unlink(missing_ok=True))
        flat.unlink(missing_ok=True)
        tools.flatten_disk(disk, flat, tools.breathe)
        size = flat.stat().st_size
        try:
            tools.link.upload_disk(server.id, server.upload, _pieces(flat, tools), size)
        except Conflict as error:
            if error.code != "image-has-data":  # it arrived before, and the agent ended before it could remember
                raise
    record = tools.state.record(server.id)
    tools.state.write_record(server.id, replace(record, uploaded=server.upload))
    return f"{size} bytes"


def _pieces(path: Path, tools: Tools) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            tools.breathe()
            yield piece
