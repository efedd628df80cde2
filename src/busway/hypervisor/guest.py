"""What a domain needs beside its server: the paths of its files and the choices of its host."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class GuestFiles:
    """Where the files of one guest are; all paths are absolute."""

    disk: Path  # qcow2
    config_drive: Path  # ISO 9660
    console: Path  # what the serial port says


@dataclass(frozen=True, slots=True)
class GuestOptions:
    """What a host chooses for all its guests.

    Without `bridge` a guest gets QEMU's user network: it reaches out and can't be reached. `rom_bar` off hides the
    devices' option ROMs, which emulated and headless GPUs start faster without.
    """

    virt_type: str = "kvm"  # or "qemu"; libvirt's test driver takes "test"
    bridge: str | None = None
    rom_bar: bool = True
    hugepages: bool = False
    arch: str = "x86_64"
    machine: str = "q35"
