"""What kind of machine a host is: architecture, itself a guest or a container, laptop or server, immutable system.

Advice depends on it: a guest has no firmware settings, a container no kernel of its own, an immutable system no files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from busway.doctor.distribution import os_release
from busway.doctor.look import exists
from busway.hardware.tree import list_names, read_text

_DMI = "sys/class/dmi/id"
# Words of DMI's vendor and product that hypervisors write, and who they are.
_HYPERVISORS = (
    ("QEMU", "QEMU/KVM"), ("KVM", "KVM"), ("VMware", "VMware"), ("VirtualBox", "VirtualBox"), ("Xen", "Xen"),
    ("Virtual Machine", "Hyper-V"), ("Google Compute Engine", "Google Compute Engine"), ("OpenStack", "OpenStack"),
    ("Parallels", "Parallels"), ("Bochs", "Bochs"), ("BHYVE", "bhyve"), ("Amazon EC2", "Amazon EC2"),
    ("Alibaba Cloud ECS", "Alibaba Cloud"), ("DigitalOcean", "DigitalOcean"), ("OpenNebula", "OpenNebula"),
)  # fmt: skip
_LAPTOPS, _SERVERS = {8, 9, 10, 11, 14, 30, 31, 32}, {17, 23, 25, 28, 29}


class Architecture(StrEnum):
    """The families of CPUs that have words of their own for the IOMMU."""

    X86 = "x86"
    ARM = "arm64"
    POWER = "POWER"
    UNKNOWN = "unknown"


class Immutable(StrEnum):
    """Systems whose files are not edited: how they are changed instead."""

    NO = ""
    RPM_OSTREE = "rpm-ostree"
    NIXOS = "NixOS"
    TALOS = "Talos"
    TRANSACTIONAL = "transactional-update"
    FLATCAR = "Flatcar"


class Chassis(StrEnum):
    """What stands there, as DMI says."""

    LAPTOP = "laptop"
    WORKSTATION = "workstation"
    SERVER = "server"
    BASEBOARD = "HGX"  # a server whose GPUs are soldered or screwed to one board with NVSwitches
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Platform:
    """A kind of machine: `hypervisor` is who runs it as a guest, `container` what holds it; "" for neither."""

    architecture: Architecture = Architecture.UNKNOWN
    hypervisor: str = ""
    container: str = ""
    chassis: Chassis = Chassis.UNKNOWN
    immutable: Immutable = Immutable.NO

    @property
    def words(self) -> str:
        """What is special about this machine, in words; "" for an ordinary x86 host."""
        parts: list[str] = []
        parts += [self.architecture] if self.architecture in (Architecture.ARM, Architecture.POWER) else []
        parts += [self.chassis] if self.chassis in (Chassis.LAPTOP, Chassis.BASEBOARD) else []
        parts += [f"itself a guest of {self.hypervisor}"] if self.hypervisor else []
        parts += [f"inside a container ({self.container})"] if self.container else []
        return ", ".join(parts)


def read_platform(root: Path, cpuinfo: str, flags: list[str]) -> Platform:
    """Reads what the tree says; a tree that says nothing is an unknown machine and no guest."""
    hypervisor = _hypervisor(root, cpuinfo, flags)
    chassis = Chassis.BASEBOARD if not hypervisor and _has_nvswitch(root) else _chassis(root)
    return Platform(_architecture(cpuinfo), hypervisor, _container(root), chassis, _immutable(root))


def _architecture(cpuinfo: str) -> Architecture:
    if re.search(r"(?m)^vendor_id\s*:", cpuinfo):
        return Architecture.X86
    if re.search(r"(?m)^CPU implementer\s*:", cpuinfo):
        return Architecture.ARM
    return Architecture.POWER if re.search(r"(?m)^cpu\s*:\s*POWER", cpuinfo) else Architecture.UNKNOWN


def _hypervisor(root: Path, cpuinfo: str, flags: list[str]) -> str:
    """Xen's first domain has the flag too, and is the host."""
    if "control_d" in read_text(root / "proc/xen/capabilities"):
        return ""
    dmi = " ".join(read_text(root / _DMI / name) for name in ("sys_vendor", "product_name", "bios_vendor"))
    named = next((name for word, name in _HYPERVISORS if word in dmi and "metal" not in dmi), "")
    kind = read_text(root / "sys/hypervisor/type")
    if kind or "hypervisor" in flags or exists(root / "sys/firmware/devicetree/base/hypervisor/compatible"):
        return named or kind.capitalize() or "another hypervisor"
    if re.search(r"(?m)^platform\s*:\s*pSeries", cpuinfo):
        return "PowerVM or KVM (LPAR)"
    return "" if flags else named


def _container(root: Path) -> str:
    signs = {"run/.containerenv": "Podman", ".dockerenv": "Docker"}
    container = read_text(root / "run/systemd/container") or next(
        (name for path, name in signs.items() if exists(root / path)), ""
    )
    return container or ("Kubernetes" if exists(root / "var/run/secrets/kubernetes.io") else "")


def _has_nvswitch(root: Path) -> bool:
    """True with NVIDIA's bridges of class 0680, which only boards such as HGX have."""
    folder = root / "sys/bus/pci/devices"
    names = list_names(folder)
    return any(
        read_text(folder / name / "class").startswith("0x0680") and read_text(folder / name / "vendor") == "0x10de"
        for name in names
    )


def _chassis(root: Path) -> Chassis:
    text = read_text(root / _DMI / "chassis_type")
    number = int(text) if text.isdecimal() and len(text) < 4 else 0
    if number in _LAPTOPS:
        return Chassis.LAPTOP
    if number in _SERVERS:
        return Chassis.SERVER
    return Chassis.WORKSTATION if number in (3, 4, 5, 6, 7, 13, 15, 16, 24, 35, 36) else Chassis.UNKNOWN


def _immutable(root: Path) -> Immutable:
    fields = os_release(root)
    name = fields.get("ID", "")
    if exists(root / "run/ostree-booted") or "OSTREE_VERSION" in fields:
        return Immutable.RPM_OSTREE
    if name in ("nixos", "talos", "flatcar"):
        return {"nixos": Immutable.NIXOS, "talos": Immutable.TALOS, "flatcar": Immutable.FLATCAR}[name]
    if "microos" in name or name in ("sle-micro", "sl-micro", "opensuse-leap-micro") or name.startswith("harvester"):
        return Immutable.TRANSACTIONAL
    return Immutable.NO
