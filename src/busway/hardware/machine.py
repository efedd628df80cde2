"""A machine's PCI functions as one typed view: scanned once, scanned again for little.

machine = Machine.read()
for card in machine.gpu_cards: ...
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.device import PciDevice
from busway.hardware.card import Card, card_of, make_cards
from busway.hardware.framebuffer import Framebuffer, read_framebuffers
from busway.hardware.function import Function
from busway.hardware.function_read import Reader
from busway.hardware.holders import OpenFiles, read_open_files
from busway.hardware.iommu import IommuGroup, read_group
from busway.hardware.mediated import MdevParent, read_mdev_parents
from busway.hardware.names import name_devices
from busway.hardware.topology import Topology
from busway.hardware.tree import link_name, list_names, parse_address, raise_lack


@dataclass(frozen=True)
class Machine:
    """The machine whose /sys and /proc lie under `root`, as one scan saw it; anything but its functions is read late."""

    root: Path
    functions: dict[PciAddress, Function]
    _by_name: dict[str, Function] = field(default_factory=dict, repr=False, compare=False)
    _marks: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    _groups: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def read(cls, root: Path = Path("/")) -> Machine:
        """Scans every PCI function; needs no root, and never raises for what the tree holds."""
        return _scan(root, _marks(f"{root}/sys/bus/pci/devices"), {})

    def rescan(self) -> Machine:
        """Scans again, reading only drivers and what is new: less than a tenth of the work. Itself if nothing changed.

        A function counts as the same while the kernel's entry for it is the same (its inode: sysfs gives a device that
        comes back a new one). If groups were added or removed, everything is read again.
        """
        devices = f"{self.root}/sys/bus/pci/devices"
        marks = _marks(devices)
        if self._groups != _group_names(self.root):
            return self.read(self.root)
        same = [name for name in self._by_name if marks.get(name) == self._marks[name]]
        drivers = _drivers(devices, same)
        moved = [name for name in same if drivers[name] != self._by_name[name].driver]
        if marks == self._marks and not moved:
            return self
        kept = {name: self._by_name[name] for name in same}
        kept |= {name: replace(kept[name], driver=drivers[name]) for name in moved}
        return _scan(self.root, marks, kept)

    def find(self, address: PciAddress | str) -> Function | None:
        """The function at an address, None when there is none."""
        wanted = parse_address(address) if isinstance(address, str) else address
        return None if wanted is None else self.functions.get(wanted)

    @property
    def inventory(self) -> tuple[PciDevice, ...]:
        """The small forms of all functions, with the names that the pci.ids under `root` has: what an agent reports."""
        return name_devices(self.root, [function.unnamed for function in self])

    @property
    def gpus(self) -> tuple[Function, ...]:
        """The GPUs, VFs too."""
        return tuple(function for function in self if function.is_gpu)

    @cached_property
    def cards(self) -> tuple[Card, ...]:
        """All cards, GPUs or not."""
        return make_cards(self)

    @property
    def gpu_cards(self) -> tuple[Card, ...]:
        """The cards with a GPU."""
        return tuple(card for card in self.cards if card.is_gpu)

    def card(self, address: PciAddress) -> Card | None:
        """The card that has the function at this address."""
        return card_of(self.cards, address)

    def below_one_bridge(self, function: Function) -> tuple[Function, ...]:
        """All that is below the bridge right above a function, itself too; nothing for one right on a root bus."""
        bridge = function.bridges[-1] if function.bridges else None
        return tuple(one for one in self if bridge in one.bridges) if bridge else ()

    @cached_property
    def groups(self) -> dict[int, IommuGroup]:
        """The IOMMU groups by number; empty when the IOMMU is off."""
        members: dict[int, list[Function]] = {}
        for function in self:
            if function.iommu_group is not None:
                members.setdefault(function.iommu_group, []).append(function)
        return {number: read_group(self.root, number, tuple(members[number])) for number in sorted(members)}

    @cached_property
    def topology(self) -> Topology:
        """Sockets, NUMA nodes, root ports, switches and devices as a tree, with distances."""
        return Topology.of(self.root, tuple(self))

    @property
    def framebuffers(self) -> tuple[Framebuffer, ...] | None:
        """The boot framebuffers, read now; None when the kernel does not say."""
        return read_framebuffers(self.root)

    @property
    def mdev_parents(self) -> tuple[MdevParent, ...]:
        """The devices that can be cut into mediated ones, read now; some are no PCI function."""
        return read_mdev_parents(self.root)

    @property
    def open_files(self) -> OpenFiles:
        """The device files that processes have open, read now."""
        return read_open_files(self.root)

    def __iter__(self) -> Iterator[Function]:
        return iter(self.functions.values())

    def __len__(self) -> int:
        return len(self.functions)


def _scan(root: Path, marks: dict[str, int], known: dict[str, Function]) -> Machine:
    """Reads the functions that are not known yet."""
    reader = Reader(root)
    found: dict[str, Function] = {}
    for name in marks:
        if name in known:
            found[name] = known[name]
        elif (address := parse_address(name)) and (function := reader.read(address)):
            found[name] = function
    ordered = sorted(found.values(), key=lambda function: function.address.numbers)
    return Machine(root, {one.address: one for one in ordered}, found, marks, _group_names(root))


def _group_names(root: Path) -> tuple[str, ...]:
    return tuple(list_names(f"{root}/sys/kernel/iommu_groups"))


def _marks(folder: str) -> dict[str, int]:
    """The names in a folder with the inodes of their entries."""
    try:
        with os.scandir(folder) as entries:
            return {entry.name: entry.inode() for entry in entries}
    except OSError as error:
        raise_lack(error)
        return {}


def _drivers(folder: str, names: list[str]) -> dict[str, str | None]:
    """The driver of each function; relative to the open folder, which the kernel then looks up once."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise_lack(error)
        return dict.fromkeys(names)
    try:
        return {name: link_name(f"{name}/driver", handle) for name in names}
    finally:
        os.close(handle)
