"""What a domain needs beside its server: the paths of its files and the choices of its host."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from busway.domain.dedicated_cpus import NO_SETS, CpuSets
from busway.domain.disk_role import DiskRole


@dataclass(frozen=True, slots=True)
class GuestFiles:
    """Where the files of one guest are; all paths are absolute."""

    disk: Path  # qcow2
    config_drive: Path  # ISO 9660
    console: Path  # what the serial port says
    nvram: Path = Path("/nonexistent")  # the variables of a UEFI guest
    extras: Mapping[DiskRole, Path] = field(default_factory=dict)  # qcow2
    rescue: Path = Path("/nonexistent")  # qcow2; the disk of a guest that is rescued

    def disk_of(self, role: DiskRole) -> Path:
        """Where the disk of a role is, or would be."""
        return self.extras[role]

    @property
    def serial(self) -> Path:
        """The socket of the serial port."""
        return self.console.with_name("serial.sock")


@dataclass(frozen=True, slots=True)
class SpiceOptions:
    """Where the SPICE screens of a host's guests listen: an IP address of it; and where others reach it, "" for the same.

    With `secure` they listen for TLS only.
    """

    listen: str
    address: str = ""
    secure: bool = False


@dataclass(frozen=True, slots=True)
class GuestOptions:
    """What a host chooses for all its guests.

    `cpus` says which of the host's CPUs guests get one by one, and on which the others run.
    `cpu` is libvirt's mode, "" for host-passthrough with KVM and else the most that QEMU can emulate; `cpu_model` is for the
    mode "custom". `bridges` are the operator's, by physical network. `rom_bar` off hides the devices' option ROMs, which emulated and
    headless GPUs start faster without. `spice` gives them a SPICE screen beside that of VNC.
    """

    virt_type: str = "kvm"  # or "qemu"; libvirt's test driver takes "test"
    bridges: Mapping[str, str] = field(default_factory=dict)
    rom_bar: bool = True
    hugepages: bool = False
    arch: str = "x86_64"
    machine: str = "q35"
    cpu: str = ""
    cpu_model: str = ""
    cpus: CpuSets = NO_SETS
    spice: SpiceOptions | None = None

    @property
    def cpu_mode(self) -> str:
        """The mode that is written into a domain."""
        return self.cpu or ("host-passthrough" if self.virt_type == "kvm" else "maximum")

    @property
    def digest(self) -> str:
        """A short name for the choices; a choice that is not made is not a part of it, so that a new one changes no digest."""
        none = asdict(GuestOptions())
        made = {name: value for name, value in asdict(self).items() if value != none[name]}
        return hashlib.sha256(json.dumps(made, sort_keys=True, default=sorted).encode()).hexdigest()[:16]
