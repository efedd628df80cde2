"""Disk: the image, the layers of the root disk, ephemeral and swap disks, the config drive; and the disk that is asked for as an image."""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.disk_role import DiskRole, wanted_numbers
from busway.domain.documents import DesiredServer, ImageRef
from busway.domain.server import Hold
from busway.reconciler.digest import config_digest
from busway.reconciler.local import LocalServer, LocalState
from busway.reconciler.steps import (
    FetchImage,
    MakeConfigDrive,
    MakeDisk,
    MakeExtraDisk,
    RemoveDisk,
    RemoveExtraDisk,
    Step,
    UploadDisk,
)


def make_disks(server: DesiredServer, here: LocalServer, local: LocalState) -> Iterator[Step]:
    """What the guest reads and writes is there before the guest is."""
    yield from _fetch(server, server.image, local)
    for number in server.disks:
        if number not in here.disks:
            yield MakeDisk(server.id, f"there is no root disk {number}", server, number)
    for role in DiskRole:
        for number in wanted_numbers(server, role):
            if number not in here.numbers(role):
                yield MakeExtraDisk(server.id, f"there is no {role} disk {number}", server, role, number)
    yield from make_rescue_disk(server, here, local)
    if here.config_drive != config_digest(server.config_drive):
        reason = "what the config drive must say has changed" if here.config_drive else "there is no config drive"
        yield MakeConfigDrive(server.id, reason, server)


def make_rescue_disk(server: DesiredServer, here: LocalServer, local: LocalState) -> Iterator[Step]:
    """The disk of a rescue is there before its server is shut down for it."""
    if server.rescue is not None and server.rescue.number not in here.disks:
        yield from _fetch(server, server.rescue.image, local)
        number = server.rescue.number
        yield MakeDisk(server.id, f"there is no disk {number} to rescue it from", server, number)


def _fetch(server: DesiredServer, image: ImageRef, local: LocalState) -> Iterator[Step]:
    if image.sha256 not in local.images:
        yield FetchImage(server.id, f"image {image.id} is not in the cache", image)


def remove_disks(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Layers that nothing reads any more go once the domain no longer names them; so does the disk of a rescue."""
    for number in sorted(here.disks - {*server.disks, server.rescue_disk}):
        yield RemoveDisk(server.id, f"disk {number} is no longer its disk", number)
    for role in DiskRole:
        for number in sorted(here.numbers(role) - set(wanted_numbers(server, role))):
            yield RemoveExtraDisk(server.id, f"{role} disk {number} is no longer its disk", role, number)


def upload_disk(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """The disk of a guest that must be off is uploaded once for each image that needs it."""
    if not server.powered:
        yield from _upload(server, here)


def upload_kept_disk(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """So is that of a guest that is off because its memory is saved, as long as it stays so."""
    if server.hold is Hold.SUSPENDED:
        yield from _upload(server, here)


def _upload(server: DesiredServer, here: LocalServer) -> Iterator[Step]:
    if server.upload is not None and here.uploaded != server.upload:
        yield UploadDisk(server.id, f"its disk is asked for as image {server.upload}", server)
