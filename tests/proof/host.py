"""A host of the whole cloud: an invented machine that reacts, and the real agent on it, which can die and start anew."""

from __future__ import annotations

import json
import logging
import shutil
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from busway.agent.agent import Agent
from busway.agent.declared_devices import DeclaredDevices
from busway.agent.render import DeclaredNodes
from busway.agent.state import StateFolder
from busway.agent.timing import Timing
from busway.agent.tools import DiskMakers
from busway.agent.workers import at_once
from busway.control.context import Control
from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.grant import Held
from busway.domain.ids import HostId, ImageId, ServerId
from busway.domain.server import PowerState
from busway.domain.units import Mdev, Unit, VgpuFunction, WholeFunction
from busway.domain.vgpu import SizeMode
from busway.hardware.binding import driver_of
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.seam import DomainSeen
from busway.testing.fabric import FakeFabric
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.kernel import FakeKernel
from busway.testing.kernel_devices import drop_mdevs
from busway.testing.kernel_vgpu import drop_vgpu, fake_nvidia_smi
from busway.testing.machines import attach
from busway.testing.networks import FakeNetworks
from busway.testing.stage import copy_image, write_blank
from tests.proof.chaos import Crash, Fuse, Line

VGPU_TYPE = "nvidia-35"
VERBS = (
    "override",
    "unbind",
    "probe",
    "reset",
    f"set mdev_supported_types/{VGPU_TYPE}/create",
    "set nvidia/current_vgpu_type",
    "set nvidia/placement_id",
)
SHARES = {"h2": 2, "h3": 1}  # of the render node that software draws for
MIXED = PciAddress("0000:71:00.0")  # a card of vGPUs of several sizes, where a host has it
QUIET = structlog.wrap_logger(
    structlog.PrintLogger(), wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL)
)


class Host:
    """One machine under `path`; `machine` is the folder that it is a copy of."""

    def __init__(
        self,
        name: str,
        host_id: HostId,
        machine: Path,
        path: Path,
        control: Callable[[], Control],
        images: dict[ImageId, bytes],
        wall_ns: Callable[[], int],
    ) -> None:
        self.name, self.id, self.path = name, host_id, path
        self.root = path / "machine"
        shutil.copytree(machine, self.root, symlinks=True)
        self.fuse = Fuse()
        self.kernel = FakeKernel(self.root)
        self.fabric = FakeFabric(self.root, self.fuse.tick) if name == "h1" else None
        self.hypervisor = FakeHypervisor(self.root, on_verb=self.fuse.tick)
        self.line = Line(control, host_id, images, self.fuse.tick)
        self.lost: dict[PciAddress, str] = {}
        self.ever_lost: set[PciAddress] = set()
        self._wall_ns = wall_ns
        self._agent: Agent | None = None
        self._boots = 0

    def round(self, moments: int | None = None) -> bool:
        """Lets the agent go one round, started anew if it is dead; it dies at the n-th of its moments."""
        self.fuse.set(moments)
        try:
            agent = self._agent = self._agent or self._start()
            agent.round()
        except Crash:
            self.kill()
            return False
        finally:
            self.fuse.set(None)
        return True

    def kill(self) -> None:
        """Ends the agent's process; what was on its way to it is lost."""
        self._agent = None
        self.line.hang_up()

    def reboot(self) -> None:
        """Does what a power cut does: guests are off, drivers are the host's, the agent starts anew.

        Whose server goes before it gets its device again, that device comes back without a reset of the agent's.
        """
        self.kill()
        self.ever_lost |= {each.unit.address for each in self.held() if isinstance(each.unit, WholeFunction)}
        for domain in self.domains().values():
            self.hypervisor.power_off_from_inside(domain.server_id)
        self.kernel.reboot()
        self._boots += 1
        (self.root / "proc/sys/kernel/random/boot_id").write_text(f"boot-{self._boots}\n")

    def lose_device(self, address: PciAddress) -> None:
        """A card falls off its bus."""
        folder = self.root / "sys/bus/pci/devices" / str(address)
        if folder.exists() and not (folder / "class").read_text().startswith("0x0604"):
            kept = self.path / "lost" / str(address)
            drop_mdevs(self.root, address)
            drop_vgpu(self.root, address)
            shutil.copytree(folder.resolve(), kept, symlinks=True)
            self.lost[address] = str(folder.resolve().relative_to(self.root.resolve()))
            self.ever_lost.add(address)
            self.kernel.lose(address)

    def find_device(self, address: PciAddress) -> None:
        """The card is back, with the driver that the host gives it."""
        place = self.lost.pop(address)
        folder, kept = self.root.resolve() / place, self.path / "lost" / str(address)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(kept, folder, symlinks=True)
        shutil.rmtree(kept)
        (folder / "driver").unlink(missing_ok=True)
        (folder / "driver_override").write_text("(null)\n")
        (self.root / "sys/bus/pci/devices" / str(address)).symlink_to(folder)
        if (folder / "mdev_supported_types").is_dir():
            (self.root / "sys/class/mdev_bus" / str(address)).symlink_to(folder)
        group = (folder / "iommu_group").resolve()
        (group / "devices" / str(address)).symlink_to(folder)
        driver = self.native()[str(address)]
        if driver is not None:
            attach(self.root, str(address), driver)

    def interesting(self) -> list[PciAddress]:
        """The devices that are held, if there are any, else all."""
        return [each for held in self.held() if (each := _address_of(held.unit)) is not None] or self.addresses()

    def blocked(self) -> list[PciAddress]:
        """The devices for which the kernel has not finished a write."""
        return [address for address in self.addresses() if self.kernel.unfinished(address)]

    def refuse(self, verb: str, address: PciAddress, times: int) -> None:
        self.kernel.refuse(verb, address, "it does not answer", times=times)

    def refuse_guests(self, verb: str) -> None:
        words = HostError(f"libvirt could not {verb} it", detail="internal error", code="libvirt-refused")
        self.hypervisor.refusals[verb] = words

    def mend(self) -> None:
        """Ends all that is wrong with the machine, but for the devices that are gone."""
        for address in self.addresses():
            for verb in VERBS:
                self.kernel.refuse(verb, address, "", times=0)
                self.kernel.hang(verb, address, times=0)
            self.kernel.finish(address)
        for each, domain in self.domains().items():
            if domain.power is PowerState.PAUSED and not domain.paused:
                self.hypervisor.unstall(each)
        self.hypervisor.refusals.clear()
        self.hypervisor.away = False
        self.hypervisor.obeys_acpi = True
        self.hypervisor.lets_go = True
        self.line.lose.clear()
        self.line.fates.clear()
        self.line.under_way.clear()

    def addresses(self) -> list[PciAddress]:
        return sorted(PciAddress(entry.name) for entry in (self.root / "sys/bus/pci/devices").iterdir())

    def domains(self) -> dict[ServerId, DomainSeen]:
        away, self.hypervisor.away = self.hypervisor.away, False
        try:
            return {domain.server_id: domain for domain in self.hypervisor.domains()}
        finally:
            self.hypervisor.away = away

    def running(self) -> dict[ServerId, DomainSeen]:
        """The guests whose QEMU runs and has their devices open, paused ones included."""
        return {each: domain for each, domain in self.domains().items() if domain.is_active}

    def awake(self) -> dict[ServerId, DomainSeen]:
        return {each: domain for each, domain in self.running().items() if domain.power is PowerState.RUNNING}

    def held(self) -> tuple[Held, ...]:
        return tuple(record.held for record in self.state().held.list()[0])

    def state(self) -> StateFolder:
        return StateFolder(self.path / "agent")

    def drivers(self) -> dict[str, str | None]:
        return {str(address): driver_of(self.root, address) for address in self.addresses()}

    def native(self) -> dict[str, str | None]:
        """The drivers that the devices have on a host that nobody uses."""
        folder = self.root / "fake/native"
        kept = {path.name: path.read_text().strip() for path in folder.iterdir()}
        return {str(address): kept.get(str(address)) for address in self.addresses()}

    def mdevs(self) -> list[str]:
        """The mediated devices that are there."""
        return sorted(path.name for path in (self.root / "sys/bus/mdev/devices").glob("*"))

    def vgpus(self) -> dict[str, str]:
        """The virtual functions that are vGPUs, with their types."""
        files = (self.root / "sys/bus/pci/devices").glob("*/nvidia/current_vgpu_type")
        return {path.parts[-3]: number for path in files if (number := path.read_text().strip()) != "0"}

    def partitions(self) -> frozenset[int]:
        """The partitions of its NVLink fabric that are active."""
        return self.fabric.active() if self.fabric else frozenset()

    def traces(self) -> str:
        """All that the agent keeps and that the hypervisor knows, in words."""
        state = self.state()
        return json.dumps([state.server_ids(), [h.unit.name for h in self.held()], sorted(self.domains())])

    def _start(self) -> Agent:
        return Agent(
            self.name,
            link=self.line,
            hypervisor=self.hypervisor,
            kernel=self.kernel,
            networks=FakeNetworks(),
            state=self.state(),
            options=GuestOptions(bridges={"default": "br0"}),
            timing=Timing(kernel=0.0),
            disks=DiskMakers(copy_image, _flat_disk, write_blank),
            devices=DeclaredDevices(
                vgpu_modes={MIXED: SizeMode.MIXED} if MIXED in self.addresses() else {},
                nvidia_smi=self.fabric.driver if self.fabric else partial(fake_nvidia_smi, self.root),
                fabric_manager=self.fabric.manager if self.fabric else None,
                render=DeclaredNodes({"software": SHARES[self.name]} if self.name in SHARES else {}),
            ),
            spawn=at_once,
            monotonic=lambda: self._wall_ns() / 1e9,
            wall_ns=self._wall_ns,
            crashpoint=self.fuse.tick,
            log=QUIET,
        )


def _address_of(unit: Unit) -> PciAddress | None:
    """The function that is held, or the parent of an instance; None for a parent that is no function."""
    if isinstance(unit, WholeFunction | VgpuFunction):
        return unit.address
    return PciAddress(unit.parent) if isinstance(unit, Mdev) and ":" in unit.parent else None


def _flat_disk(disk: Path, target: Path, check_cancelled: Callable[[], None]) -> None:
    """A qcow2 disk of 1 GB, as far as anybody reads it: its header, and what was on the disk."""
    check_cancelled()
    header = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 1 << 30).ljust(104, b"\0")
    target.write_bytes(header + disk.read_bytes()[-100:])
