"""The steps for files: images, layers of the root disk, ephemeral and swap disks, the config drive, the server's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from busway.domain.disk_role import DiskRole
from busway.domain.documents import ImageRef
from busway.reconciler.steps.base import Policy, ServerStep, Step


@dataclass(frozen=True, slots=True)
class FetchImage(Step):
    """Brings an image to the host's cache."""

    policy: ClassVar[Policy] = Policy(long=True)

    image: ImageRef


@dataclass(frozen=True, slots=True)
class MakeDisk(ServerStep):
    """Makes one layer of the root disk, on top of the cached image or of the layer before it; or a rescue's disk."""

    number: int


@dataclass(frozen=True, slots=True)
class RemoveDisk(Step):
    """Removes a layer that the root disk no longer has, or the disk of a rescue that is over."""

    number: int


@dataclass(frozen=True, slots=True)
class MakeExtraDisk(ServerStep):
    """Makes a swap disk, or one layer of an ephemeral disk: empty with a file system, or on top of the layer or image before it."""

    role: DiskRole
    number: int


@dataclass(frozen=True, slots=True)
class RemoveExtraDisk(Step):
    """Removes a swap disk, or a layer of an ephemeral disk, that the server no longer has."""

    role: DiskRole
    number: int


@dataclass(frozen=True, slots=True)
class UploadDisk(ServerStep):
    """Hands the root or ephemeral disk in to the control plane, as one image of its own; that of a guest that runs as it is at one moment."""

    policy: ClassVar[Policy] = Policy(long=True)

    ephemeral: bool = False


@dataclass(frozen=True, slots=True)
class MakeConfigDrive(ServerStep):
    """Writes the config drive."""


@dataclass(frozen=True, slots=True)
class RemoveFiles(Step):
    """Removes the server's folder: disk, config drive, console, record."""
