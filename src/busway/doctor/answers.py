"""What programs say of a host: versions, and what only a vendor's tool knows. Asked once, with a deadline, read only.

On the running system the program is run; a snapshot has its answer as the file `busway-answers/NAME`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from busway.doctor.look import exists
from busway.doctor.programs import ask_program
from busway.hardware.tree import read_text
from busway.networking.chassis import read_chassis

FOLDER = "busway-answers"
_SMI = "pci.bus_id,driver_version,mig.mode.current,compute_mode"
# Each question with the programs that answer it, the first that is there; and a file without which nobody is asked:
# nvidia-smi would load the driver.
QUESTIONS: dict[str, tuple[tuple[tuple[str, ...], ...], str]] = {
    "qemu": (
        (("qemu-system-x86_64", "--version"), ("qemu-system-aarch64", "--version"), ("/usr/libexec/qemu-kvm", "--version")),
        "",
    ),
    "libvirt": ((("libvirtd", "--version"), ("virtqemud", "--version")), ""),
    "ovmf": (
        (("dpkg-query", "-W", "-f=${Version}", "ovmf"), ("rpm", "-q", "--qf", "%{VERSION}", "edk2-ovmf")),
        "",
    ),
    "fabric-manager": ((("nv-fabricmanager", "--version"),), ""),
    "nvidia-smi": ((("nvidia-smi", f"--query-gpu={_SMI}", "--format=csv,noheader"),), "sys/module/nvidia"),
    "nvidia-fabric": ((("nvidia-smi", "-q", "-d", "FABRIC"),), "sys/module/nvidia"),
    "nvidia-cc": ((("nvidia-smi", "conf-compute", "-f"),), "sys/module/nvidia"),
    "ovn-chassis": ((), "usr/bin/ovn-controller"),
    "rocm-smi": ((("amd-smi", "list"), ("rocm-smi", "--showbus")), "sys/module/amdgpu"),
}  # fmt: skip


OVN, CHASSIS = "ovn-chassis", "yes"  # asked of sockets; the answer names nothing of the site


def read_answer(root: Path, name: str) -> str:
    """The answer to one question; "" when nobody answers."""
    saved = read_text(root / FOLDER / name)
    if saved or root != Path("/"):
        return saved
    programs, needs = QUESTIONS[name]
    if name == OVN:
        return (read_chassis(root).lacks or CHASSIS) if exists(root / needs) else ""
    if needs and not exists(root / needs):
        return ""
    return next((output for program in programs if (output := ask_program(program).strip())), "")


@dataclass(frozen=True, slots=True)
class Versions:
    """Versions as tuples of numbers, () for what is unknown or not installed."""

    answer: Callable[[str], str]
    text: Callable[[str], str | None]

    @property
    def qemu(self) -> tuple[int, ...]:
        """QEMU's."""
        return numbers(r"QEMU emulator version ([\d.]+)", self.answer("qemu"))

    @property
    def libvirt(self) -> tuple[int, ...]:
        """Libvirt's."""
        return numbers(r"libvirt\)? ([\d.]+)", self.answer("libvirt"))

    @property
    def ovmf(self) -> tuple[int, ...]:
        """OVMF's: year and month of its edk2."""
        match = re.search(r"(20\d\d)\.?(\d\d)", self.answer("ovmf"))
        return (int(match[1]), int(match[2])) if match else ()

    @property
    def nvidia(self) -> tuple[int, ...]:
        """The loaded NVIDIA driver's."""
        return numbers(
            r"(?:Kernel Module(?: for \S+)?|NVRM version:.*?) +(\d+\.[\d.]+)",
            self.text("/proc/driver/nvidia/version") or "",
        )

    @property
    def fabric_manager(self) -> tuple[int, ...]:
        """Fabric Manager's."""
        return numbers(r"(\d{3}\.[\d.]+)", self.answer("fabric-manager"))


def numbers(pattern: str, text: str) -> tuple[int, ...]:
    """The first version in a text as numbers."""
    match = re.search(pattern, text)
    return tuple(int(part) for part in match[1].strip(".").split(".") if part and len(part) < 9) if match else ()


def words(version: tuple[int, ...]) -> str:
    """A version as it is written."""
    return ".".join(map(str, version))
