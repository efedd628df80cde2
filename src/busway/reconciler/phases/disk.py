"""Disk: makes and removes the files of a server, and uploads its disk as an image: base image, root, ephemeral and swap disks, config drive."""

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
    """Makes the missing root, ephemeral and swap disks, before the domain is defined."""
    yield from _fetch(server, server.image, local)
    for number in server.disks:
        if number not in here.disks:
            yield MakeDisk(server.id, f"there is no root disk {number}", server, number)
    for role in DiskRole:
        for number in wanted_numbers(server, role):
            if number not in here.numbers(role):
                if role is DiskRole.EPHEMERAL and server.ephemeral_image is not None and number == server.disks[0]:
                    yield from _fetch(server, server.ephemeral_image, local)
                yield MakeExtraDisk(server.id, f"there is no {role} disk {number}", server, role, number)
    yield from make_rescue_disk(server, here, local)
    yield from make_drive(server, here, local)


def make_image(server: DesiredServer, _here: LocalServer, local: LocalState) -> Iterator[Step]:
    """Fetches the base image of the root disk unless it is cached."""
    yield from _fetch(server, server.image, local)


def make_drive(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Writes the config drive when its content has changed."""
    if here.config_drive != config_digest(server.config_drive):
        reason = "what the config drive must say has changed" if here.config_drive else "there is no config drive"
        yield MakeConfigDrive(server.id, reason, server)


def make_rescue_disk(server: DesiredServer, here: LocalServer, local: LocalState) -> Iterator[Step]:
    """Makes the rescue disk before the server is shut down for the rescue."""
    if server.rescue is not None and server.rescue.number not in here.disks:
        yield from _fetch(server, server.rescue.image, local)
        number = server.rescue.number
        yield MakeDisk(server.id, f"there is no disk {number} to rescue it from", server, number)


def _fetch(server: DesiredServer, image: ImageRef, local: LocalState) -> Iterator[Step]:
    if image.sha256 not in local.images:
        yield FetchImage(server.id, f"image {image.id} is not in the cache", image)


def remove_disks(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Removes disks that the server no longer has, once the domain does not name them: layers, and a rescue disk."""
    for number in sorted(here.disks - {*server.disks, server.rescue_disk}):
        yield RemoveDisk(server.id, f"disk {number} is no longer its disk", number)
    for role in DiskRole:
        for number in sorted(here.numbers(role) - set(wanted_numbers(server, role))):
            yield RemoveExtraDisk(server.id, f"{role} disk {number} is no longer its disk", role, number)


def upload_disk(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Uploads the disk of a guest that is off, once for each image that is asked for."""
    yield from _upload(server, here)


def upload_running_disk(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Uploads the disk of a running guest where that is allowed: a copy of one point in time."""
    if server.powered and server.hold is not Hold.SUSPENDED:
        yield from _upload(server, here)


def upload_kept_disk(server: DesiredServer, here: LocalServer, _local: LocalState) -> Iterator[Step]:
    """Uploads the disk of a suspended guest, as long as it stays suspended."""
    if server.hold is Hold.SUSPENDED:
        yield from _upload(server, here)


def _upload(server: DesiredServer, here: LocalServer) -> Iterator[Step]:
    if server.upload_ephemeral is not None and here.uploaded_ephemeral != server.upload_ephemeral:
        reason = f"its ephemeral disk is asked for as image {server.upload_ephemeral}"
        yield UploadDisk(server.id, reason, server, ephemeral=True)
    if server.upload is not None and here.uploaded != server.upload:
        yield UploadDisk(server.id, f"its disk is asked for as image {server.upload}", server)
