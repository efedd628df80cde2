"""Builds invented machines: folders that look like the /sys and /proc of hosts with GPUs.

What a real kernel would know beside what it shows is kept under `fake/`: which driver wants which device.
`busway.testing.kernel.FakeKernel` acts on such a tree as the kernel does; `busway.testing.machines_named` has machines
after real ones.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.device import BRIDGE_CLASSES
from busway.hardware.bar import Bar
from busway.testing.config_space import config_space, modalias, resize, resource

_VFS_PER_SLOT = 8
_DEVICES = "sys/bus/pci/devices"
_DRIVERS = "sys/bus/pci/drivers"
_BOOT_ID = "proc/sys/kernel/random/boot_id"
_MDEV_PARENTS = "sys/class/mdev_bus"


class Machine:
    """A machine under `root`; each method adds hardware and returns the addresses of its functions."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("bus/pci/devices", "bus/pci/slots", "bus/pci/drivers/vfio-pci", "kernel/iommu_groups"):
            (root / "sys" / folder).mkdir(parents=True, exist_ok=True)
        (root / "fake/native").mkdir(parents=True, exist_ok=True)
        if not (root / _BOOT_ID).exists():
            self.write(_BOOT_ID, "11111111-2222-4333-8444-555555555555")
            self.write("proc/meminfo", "MemTotal:       67108864 kB\nMemAvailable:   60000000 kB")

    def function(
        self,
        address: str,
        ids: str,
        class_code: str,
        *,
        group: int | None,
        node: int = -1,
        driver: str | None = None,
        subsystem: str = "0000:0000",
        total_vfs: int = 0,
        parent: str | None = None,
        can_reset: bool = True,
        under: str | None = None,
        bars: Sequence[Bar] = (),
        files: Mapping[str, str] | None = None,
    ) -> PciAddress:
        """Adds one function; `driver` is the host driver that wants it and has it.

        `under` is the bridge right above (without one, the function sits on a root bus of its own bus number), `parent`
        the PF of a VF, and `files` are further files of its folder, in place of those that are written anyway.
        """
        folder = self._make_folder(address, under or self._bridge_of(parent))
        vendor, product = ids.split(":")
        sub_vendor, sub_device = subsystem.split(":")
        texts = {
            "vendor": f"0x{vendor}", "device": f"0x{product}", "class": f"0x{class_code}", "revision": "0xa1",
            "subsystem_vendor": f"0x{sub_vendor}", "subsystem_device": f"0x{sub_device}", "irq": "0",
            "modalias": modalias(ids, class_code, subsystem), "numa_node": str(node), "driver_override": "(null)",
            "local_cpulist": self._cpus(node), "resource": resource(bars), "d3cold_allowed": "1", "power/control": "on",
            "power/runtime_status": "active",
        }  # fmt: skip
        texts |= {"sriov_totalvfs": str(total_vfs), "sriov_numvfs": "0"} if total_vfs else {}
        texts |= {"reset": "", "reset_method": "flr bus"} if can_reset else {}
        texts |= {f"resource{bar.index}_resize": resize(bar) for bar in bars if bar.resizable_sizes}
        for name, text in (texts | dict(files or {})).items():
            _write(folder / name, text)
        config = config_space(ids, class_code, subsystem, 0xA1, is_bridge=class_code[:4] in BRIDGE_CLASSES)
        if parent:  # SR-IOV: a virtual function shows no ids of its own
            config = b"\xff" * 4 + config[4:]
        (folder / "config").write_bytes(config)
        self._link(address, group, parent, driver)
        return PciAddress(address)

    def bridge(
        self, address: str, ids: str = "8086:352a", *, group: int | None, node: int = -1, under: str | None = None,
        files: Mapping[str, str] | None = None,
    ) -> PciAddress:  # fmt: skip
        """Adds a PCI-to-PCI bridge: a root port, or a port of a switch when it is under another."""
        return self.function(
            address, ids, "060400", group=group, node=node, driver="pcieport", under=under, can_reset=False, files=files
        )

    def gpu(self, address: str, *, group: int, node: int = 0, driver: str | None = "nouveau") -> PciAddress:
        """Adds a data-centre GPU that is alone in its group."""
        return self.function(address, "10de:20b5", "030200", group=group, node=node, driver=driver)

    def card_with_audio(self, slot: str, *, group: int) -> tuple[PciAddress, PciAddress]:
        """Adds a card of two functions in one group: a GPU at .0 and its audio at .1."""
        return (
            self.function(f"{slot}.0", "10de:2204", "030000", group=group, node=0, driver="nouveau"),
            self.function(f"{slot}.1", "10de:1aef", "040300", group=group, node=0, driver="snd_hda_intel"),
        )

    def behind_bridge(self, bus: str, *, group: int) -> tuple[PciAddress, PciAddress]:
        """Adds a GPU and a USB controller behind a conventional PCI bridge: one group for all three."""
        bridge = "0000:00:1e.0"
        self.function(bridge, "8086:244e", "060401", group=group, driver="pcieport")
        gpu = self.function(f"{bus}:01.0", "1002:5159", "030000", group=group, driver="radeon", under=bridge)
        usb = self.function(f"{bus}:02.0", "1033:0194", "0c0330", group=group, driver="xhci_hcd", under=bridge)
        return gpu, usb

    def sriov(self, bus: str, *, vfs: int, group: int, node: int = 0) -> tuple[PciAddress, tuple[PciAddress, ...]]:
        """Adds a PF with `vfs` VFs enabled, each function in a group of its own."""
        pf = f"{bus}:00.0"
        self.function(pf, "10de:2236", "030200", group=group, node=node, driver="nvidia", total_vfs=max(vfs, 16))
        groups = range(group + 1, group + 1 + vfs)
        return PciAddress(pf), tuple(
            self.vf(pf, number, "10de:2236", group=group, node=node) for number, group in enumerate(groups)
        )

    def vf(
        self, pf: str, number: int, ids: str, *, group: int | None, node: int = -1, driver: str | None = None,
        subsystem: str = "0000:0000", class_code: str = "030200", files: Mapping[str, str] | None = None,
    ) -> PciAddress:  # fmt: skip
        """Enables the next VF of a PF: NVIDIA's come at function 4 and after, eight to a slot."""
        bus = pf.rpartition(":")[0]
        slot, function = divmod(number + 4, _VFS_PER_SLOT)
        name = f"{bus}:{slot:02x}.{function}"
        made = self.function(
            name, ids, class_code, group=group, node=node, parent=pf, driver=driver, subsystem=subsystem, files=files
        )
        (self.folder(pf) / f"virtfn{number}").symlink_to(f"../{name}")
        _write(self.folder(pf) / "sriov_numvfs", str(number + 1))
        return made

    def numa(self, cpulists: Sequence[str], *, nodes_per_socket: int = 1, ram_mb: int = 32_768) -> None:
        """Says which CPUs each NUMA node has; "" is a node of memory only. Call it before adding devices."""
        for node, cpus in enumerate(cpulists):
            self.write(f"sys/devices/system/node/node{node}/cpulist", cpus)
            memory = f"Node {node} MemTotal:       {ram_mb * 1024} kB\nNode {node} MemFree:        1024 kB\n"
            self.write(f"sys/devices/system/node/node{node}/meminfo", memory)
            first = cpus.partition("-")[0].partition(",")[0]
            if first:
                package = f"sys/devices/system/cpu/cpu{first}/topology/physical_package_id"
                self.write(package, str(node // nodes_per_socket))

    def mdev_parent(self, name: str) -> None:
        """Adds a device that is no PCI function and can be cut into mediated ones, as the kernel's samples are."""
        real = self.root / "sys/devices/virtual" / name / name
        real.mkdir(parents=True)
        self._offer(name, real)

    def mdev_type(self, parent: str, type_id: str, available: int, *, name: str, description: str = "") -> None:
        """Offers a mediated type of which `available` instances can still be made; `parent` is an address or a name."""
        if not (self.root / _MDEV_PARENTS / parent).is_symlink():
            self._offer(parent, self.folder(parent))
        folder = self.root / _MDEV_PARENTS / parent / "mdev_supported_types" / type_id
        texts = {"name": name, "description": description, "available_instances": str(available)}
        for file, text in {**texts, "device_api": "vfio-pci"}.items():
            _write(folder / file, text)
        (folder / "devices").mkdir(exist_ok=True)

    def hold(self, pid: int, name: str, *paths: str) -> None:
        """Starts a process that has these files open."""
        files = self.root / "proc" / str(pid) / "fd"
        files.mkdir(parents=True)
        for number, path in enumerate(paths, 3):
            (files / str(number)).symlink_to(path)
        _write(files.parent / "comm", name)

    def write(self, path: str, text: str) -> None:
        """Writes any other file of the machine."""
        _write(self.root / path, text)

    def folder(self, address: str | PciAddress) -> Path:
        """Where the machine shows a function."""
        return self.root / _DEVICES / str(address)

    def _offer(self, name: str, real: Path) -> None:
        (self.root / _MDEV_PARENTS).mkdir(parents=True, exist_ok=True)
        _symlink(self.root / _MDEV_PARENTS / name, real)

    def _make_folder(self, address: str, under: str | None) -> Path:
        above = self.folder(under).resolve() if under else self.root / f"sys/devices/pci{address.rpartition(':')[0]}"
        real = above / address
        real.mkdir(parents=True)
        _symlink(self.folder(address), real)
        return real

    def _bridge_of(self, parent: str | None) -> str | None:
        """The bridge above a PF, which is above its VFs too."""
        above = self.folder(parent).resolve().parent.name if parent else ""
        return above if above and not above.startswith("pci") else None

    def _link(self, address: str, group: int | None, parent: str | None, driver: str | None) -> None:
        folder = self.folder(address).resolve()
        if group is not None:
            members = self.root / "sys/kernel/iommu_groups" / str(group)
            if not members.exists():
                _write(members / "type", "DMA-FQ")
                _write(members / "reserved_regions", "0x00000000fee00000 0x00000000feefffff msi")
            (members / "devices").mkdir(exist_ok=True)
            _symlink(members / "devices" / address, folder)
            _symlink(folder / "iommu_group", members)
        if parent:
            (folder / "physfn").symlink_to(f"../{parent}")
        if driver:
            self.write(f"fake/native/{address}", driver)
            (self.root / _DRIVERS / driver).mkdir(exist_ok=True)
            attach(self.root, address, driver)

    def _cpus(self, node: int) -> str:
        path = self.root / f"sys/devices/system/node/node{node}/cpulist"
        return path.read_text().strip() if path.exists() else ""


def attach(root: Path, address: str, driver: str) -> None:
    """Links a function and its driver, as the kernel does when a driver takes it."""
    folder, kept = (root / _DEVICES / address).resolve(), root / _DRIVERS / driver
    _symlink(folder / "driver", kept)
    _symlink(kept / address, folder)


def detach(root: Path, address: str) -> None:
    """Removes the links between a function and its driver, if it has one."""
    link = root / _DEVICES / address / "driver"
    if link.is_symlink():
        (link.resolve() / address).unlink(missing_ok=True)
        link.unlink()


def gpu_host(root: Path, gpus: int = 8) -> tuple[PciAddress, ...]:
    """Builds a machine with GPUs on two NUMA nodes, each alone in its group; returns the GPUs."""
    machine = Machine(root)
    return tuple(
        machine.gpu(f"0000:{0x41 + number:02x}:00.0", group=10 + number, node=2 * number // max(gpus, 1))
        for number in range(gpus)
    )


def _symlink(link: Path, target: Path) -> None:
    """Makes a relative link, so that the tree can be moved."""
    link.symlink_to(os.path.relpath(target.resolve(), link.parent.resolve()))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{text}\n", "utf-8")
