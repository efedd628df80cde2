"""A host under a root folder, as the checks read it; what could not be read for lack of rights is remembered."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from busway.doctor.answers import Versions, read_answer
from busway.doctor.boot import Boot, read_boot
from busway.doctor.distribution import Distribution, read_distribution
from busway.doctor.finding import Evidence
from busway.doctor.platform import Architecture, Platform, read_platform
from busway.doctor.why import Story, explain
from busway.doctor.why.logs import read_logs
from busway.hardware import Card, Framebuffer, Holder, Machine, OpenFiles
from busway.hardware.tree import find_text, list_names

_USUAL, _LEAST = 16 << 30, 256 << 20  # bytes of a guest's memory
_OVERHEAD = 1 << 30  # bytes that are locked beside a guest's memory
_FACTS = 300  # characters of evidence


@dataclass(frozen=True, slots=True)
class Wish:
    """A guest: memory in bytes (None: 16 GiB, or less on a small host), cards of a kind, address bits (None: the host's)."""

    memory: int | None = None
    cards: int = 1
    address_bits: int | None = None


class Host:
    """Reads lazily and once; `wish` is the guest whose address space is computed."""

    def __init__(self, root: Path = Path("/"), wish: Wish | None = None) -> None:
        self.root = root
        self.wish = wish or Wish()
        self.denied: set[str] = set()
        self._answers: dict[str, str] = {}

    @cached_property
    def machine(self) -> Machine:
        """The machine's PCI functions, cards, groups and topology."""
        return Machine.read(self.root)

    @cached_property
    def distribution(self) -> Distribution:
        """Which Linux it is."""
        return read_distribution(self.root)

    @cached_property
    def platform(self) -> Platform:
        """What kind of machine it is."""
        return read_platform(self.root, self.text("/proc/cpuinfo") or "", self.cpu_field("flags").split())

    @property
    def is_x86(self) -> bool:
        """False on machines that are known to be of another architecture."""
        return self.platform.architecture not in (Architecture.ARM, Architecture.POWER)

    @cached_property
    def boot(self) -> Boot:
        """Where its kernel command line is kept."""
        return read_boot(self.root, self.distribution, self.platform.immutable)

    @cached_property
    def stories(self) -> tuple[Story, ...]:
        """The faults in its logs, each story once; notes are left out."""
        logs = read_logs(self.root)
        self.denied.update(logs.denied)
        return tuple(story for story in explain(logs.lines) if not story.is_note)

    def answer(self, name: str) -> str:
        """What a program says of this host, by the name of the question; "" when it is not there or says nothing."""
        if name not in self._answers:
            self._answers[name] = read_answer(self.root, name)
        return self._answers[name]

    @property
    def versions(self) -> Versions:
        """The versions of QEMU, libvirt, OVMF, kernel driver and Fabric Manager."""
        return Versions(self.answer, self.text)

    @cached_property
    def open_files(self) -> OpenFiles:
        """Who has device files open."""
        found = self.machine.open_files
        if found.hidden:
            self.denied.add(f"/proc/*/fd of {found.hidden} processes")
        return found

    @cached_property
    def framebuffers(self) -> tuple[Framebuffer, ...]:
        """The boot framebuffers."""
        self.text("/proc/iomem")
        return self.machine.framebuffers or ()

    def text(self, path: str) -> str | None:
        """Reads a text file by its name on the host; None when it is absent or may not be read."""
        full = f"{self.root}/{path.lstrip('/')}"
        found = find_text(full)
        if found is None and _is_denied(full):
            self.denied.add(path)
        return found

    def names(self, path: str) -> list[str]:
        """The names in a folder of the host."""
        return list_names(f"{self.root}/{path.lstrip('/')}")

    def exists(self, path: str) -> bool:
        """True when the host shows a file or folder of this name."""
        return os.path.lexists(f"{self.root}/{path.lstrip('/')}")

    def evidence(self, path: str) -> Evidence:
        """A file and what it says now."""
        text = self.text(path)
        return Evidence(path, "absent or unreadable" if text is None else shorten(text) or "empty")

    @cached_property
    def arguments(self) -> tuple[str, ...]:
        """The words of the kernel command line."""
        return tuple((self.text("/proc/cmdline") or "").split())

    def argument(self, name: str) -> str | None:
        """The value of the last `name=value` on the kernel command line."""
        values = [word.partition("=")[2] for word in self.arguments if word.partition("=")[0] == name]
        return values[-1] if values else None

    @cached_property
    def kernel(self) -> tuple[int, int] | None:
        """The kernel's version, such as (6, 1)."""
        match = re.match(r"([0-9]{1,3})\.([0-9]{1,3})", self.text("/proc/sys/kernel/osrelease") or "", re.ASCII)
        return (int(match[1]), int(match[2])) if match else None

    @cached_property
    def cpu(self) -> str:
        """What /proc/cpuinfo says of the first CPU."""
        return (self.text("/proc/cpuinfo") or "").partition("\n\n")[0]

    def cpu_field(self, name: str) -> str:
        """One field of the first CPU, "" when it has none."""
        match = re.search(rf"^{re.escape(name)}\s*:\s*(.*)$", self.cpu, re.MULTILINE)
        return match[1].strip() if match else ""

    @property
    def is_intel(self) -> bool:
        """True on Intel CPUs."""
        return self.cpu_field("vendor_id") == "GenuineIntel"

    @property
    def is_amd(self) -> bool:
        """True on AMD CPUs."""
        return self.cpu_field("vendor_id") == "AuthenticAMD"

    def meminfo(self, name: str) -> int | None:
        """A number of /proc/meminfo: bytes, or a count for those without a unit."""
        match = re.search(rf"(?m)^{name}:\s+([0-9]{{1,15}})( kB)?$", self.text("/proc/meminfo") or "")
        return int(match[1]) * (1024 if match[2] else 1) if match else None

    @property
    def huge_pages(self) -> int | None:
        """How many huge pages are reserved."""
        return self.meminfo("HugePages_Total")

    @property
    def guest_memory(self) -> int:
        """The memory of that guest, in bytes; by default it leaves half of the memory to the host."""
        half = (self.meminfo("MemTotal") or 4 * _USUAL) // 2 - _OVERHEAD
        return self.wish.memory or min(_USUAL, max(half - half % _LEAST, _LEAST))

    @property
    def has_iommu(self) -> bool:
        """True when there are IOMMU groups."""
        return bool(self.names("/sys/kernel/iommu_groups"))

    def is_loaded(self, module: str) -> bool:
        """True when a module is loaded, or built in and showing parameters."""
        return self.exists(f"/sys/module/{module.replace('-', '_')}")

    def modprobe_lines(self) -> list[Evidence]:
        """The lines of modprobe's configuration, each with its file."""
        found: dict[str, str] = {}
        for folder in ("/usr/lib/modprobe.d", "/lib/modprobe.d", "/run/modprobe.d", "/etc/modprobe.d"):
            found |= {name: folder for name in self.names(folder) if name.endswith(".conf")}
        return [
            Evidence(f"{folder}/{name}", line.strip())
            for name, folder in found.items()
            for line in (self.text(f"{folder}/{name}") or "").splitlines()
            if line.strip() and not line.lstrip().startswith("#")
        ]

    def early_ids(self) -> tuple[Evidence, ...]:
        """Where vfio-pci is configured to take devices by id at boot."""
        found = [Evidence("/proc/cmdline", word) for word in self.arguments if re.match("vfio[-_]pci.ids=", word)]
        pattern = re.compile(r"options\s+vfio[-_]pci\s.*\bids=")
        return (*found, *(line for line in self.modprobe_lines() if pattern.match(line.text)))

    def holders(self, card: Card) -> tuple[Holder, ...]:
        """The processes that hold a card."""
        return self.open_files.holders(card.functions)


def shorten(text: str) -> str:
    """One line of evidence of bearable length."""
    words = " ".join(text.split())
    return words if len(words) <= _FACTS else words[:_FACTS] + "…"


def sysfs(card_or_address: object, name: str) -> str:
    """The name of a file of a function, as the host calls it."""
    return f"/sys/bus/pci/devices/{card_or_address}/{name}"


def _is_denied(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return False
