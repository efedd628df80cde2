"""The steps of a plan: one idempotent act each, with the server it is for and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.address import PciAddress
from busway.domain.documents import DesiredDevice, DesiredServer, HeldDevice
from busway.domain.ids import ServerId


@dataclass(frozen=True, slots=True)
class Step:
    """One act for one server; `reason` is for people."""

    server_id: ServerId
    reason: str

    @property
    def name(self) -> str:
        """The name of the step, as logs, faults and crash points have it."""
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class _Building(Step):
    server: DesiredServer


@dataclass(frozen=True, slots=True)
class FetchImage(_Building):
    """Brings the image to the host's cache."""


@dataclass(frozen=True, slots=True)
class MakeDisk(_Building):
    """Makes one layer of the root disk: on top of the cached image, or of the layer before it."""

    number: int


@dataclass(frozen=True, slots=True)
class MakeConfigDrive(_Building):
    """Writes the config drive."""


@dataclass(frozen=True, slots=True)
class BindVfio(Step):
    """Takes a device for the server; `together` are all devices of it, whose turn comes too."""

    device: DesiredDevice
    together: tuple[PciAddress, ...]


@dataclass(frozen=True, slots=True)
class DefineDomain(_Building):
    """Tells libvirt of the guest."""


@dataclass(frozen=True, slots=True)
class StartDomain(Step):
    """Starts the guest."""


@dataclass(frozen=True, slots=True)
class RebootDomain(Step):
    """Reboots the guest, by ACPI or by force."""

    hard: bool


@dataclass(frozen=True, slots=True)
class RecordCounters(Step):
    """Remembers how many starts and reboots have been carried out."""

    starts: int
    reboots: int


@dataclass(frozen=True, slots=True)
class StopDomain(Step):
    """Asks the guest by ACPI to power off."""


@dataclass(frozen=True, slots=True)
class DestroyDomain(Step):
    """Ends the guest by force."""


@dataclass(frozen=True, slots=True)
class UploadDisk(_Building):
    """Hands the root disk of a guest that is off in to the control plane, as one image of its own."""


@dataclass(frozen=True, slots=True)
class RemoveDisk(Step):
    """Removes a layer that the root disk no longer has."""

    number: int


@dataclass(frozen=True, slots=True)
class UndefineDomain(Step):
    """Makes libvirt forget the guest."""


@dataclass(frozen=True, slots=True)
class ReleaseVfio(Step):
    """Gives a device back to the driver it came from."""

    device: HeldDevice


@dataclass(frozen=True, slots=True)
class RemoveFiles(Step):
    """Removes the server's folder: disk, config drive, console, record."""
