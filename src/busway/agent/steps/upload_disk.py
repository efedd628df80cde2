"""UploadDisk: uploads the root or ephemeral disk to the control plane as an image that needs no other file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from busway.agent.tools import Tools
from busway.domain.disk_role import DiskRole
from busway.domain.errors import Conflict, HostError, Unavailable
from busway.hardware.undo import Undo
from busway.reconciler.steps import UploadDisk

_PIECE = 1 << 20
_LOOK_SECONDS = 0.2
_FREEZE_SECONDS = 30  # the guest writes nothing meanwhile


def execute(step: UploadDisk, tools: Tools) -> str:
    """Copies the disk with all that it reads from into a file beside it, sends that, and remembers it; returns its size.

    Whether the guest runs is looked at now: the plan may have started it, and it may have ended by itself.
    """
    server = step.server
    image_id = server.upload_ephemeral if step.ephemeral else server.upload
    assert image_id is not None
    files = tools.state.files(server.id, server.disks[-1])
    disk = files.disk_of(DiskRole.EPHEMERAL) if step.ephemeral else files.disk
    flat = tools.state.flat(server.id)
    with Undo() as undo:
        undo.add(lambda: flat.unlink(missing_ok=True))
        seen = tools.find_domain(server.id)
        if seen is not None and seen.is_active:
            undo.add(lambda: tools.hypervisor.end_copy(server.id))
            _copy(step, disk, flat, tools)
        else:
            flat.unlink(missing_ok=True)
            tools.disks.flat(disk, flat, tools.check_cancelled)
        size = flat.stat().st_size
        try:
            tools.link.upload_disk(server.id, image_id, _pieces(flat, tools), size)
        except Conflict as error:
            if error.code != "image-has-data":  # it arrived before, and the agent ended before it could remember
                raise
    record = tools.state.record(server.id)
    record = replace(record, uploaded_ephemeral=image_id) if step.ephemeral else replace(record, uploaded=image_id)
    tools.state.write_record(server.id, record)
    return f"{size} bytes"


def _copy(step: UploadDisk, disk: Path, flat: Path, tools: Tools) -> None:
    """Has the hypervisor copy the disk of a guest that runs; one that ends meanwhile is off at the next try."""
    server_id = step.server_id
    tools.hypervisor.end_copy(server_id)  # of an agent that ended before it
    flat.unlink(missing_ok=True)
    frozen = _freeze(step, tools)
    try:
        tools.hypervisor.begin_copy(server_id, disk, flat)
    finally:
        if frozen:
            _thaw(step, tools)
    try:
        while not tools.hypervisor.is_copied(server_id):
            tools.check_cancelled()
            time.sleep(_LOOK_SECONDS)
    except HostError as error:
        seen = tools.find_domain(server_id)
        if seen is not None and seen.is_active:
            raise
        raise Unavailable(
            f"The guest of server {server_id} has ended while its disk was copied",
            remedy="Wait: the agent tries again.",
            code="guest-ended",
        ) from error


def _freeze(step: UploadDisk, tools: Tools) -> bool:
    """Freezes the guest's file systems where it has an agent; only an image that requires it fails without."""
    machine = step.server.machine
    if not machine.guest_agent:
        return False
    try:
        tools.hypervisor.freeze(step.server_id, _FREEZE_SECONDS)
    except HostError:
        with suppress(HostError):  # it may have been frozen, but late
            tools.hypervisor.thaw(step.server_id, _FREEZE_SECONDS)
        if machine.quiesce:
            raise
        return False
    return True


def _thaw(step: UploadDisk, tools: Tools) -> None:
    """Lets the guest write again; one whose agent does not answer is asked once more."""
    try:
        tools.hypervisor.thaw(step.server_id, _FREEZE_SECONDS)
    except HostError:
        tools.hypervisor.thaw(step.server_id, _FREEZE_SECONDS)


def _pieces(path: Path, tools: Tools) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            tools.check_cancelled()
            yield piece
