"""A host with an agent on it, for tests: an invented machine, fakes at every seam, the real agent."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from busway.agent.agent import Agent
from busway.agent.conditions import Examine
from busway.agent.declared_devices import DeclaredDevices
from busway.agent.faults import Faults
from busway.agent.guest_gpus import GuestGpus
from busway.agent.live.moves import LiveOptions
from busway.agent.observe import Sight, look
from busway.agent.record import Moment
from busway.agent.render import DeclaredNodes
from busway.agent.state import StateFolder
from busway.agent.timing import Timing
from busway.agent.tools import DiskMaker, DiskMakers
from busway.agent.workers import Spawn, in_thread
from busway.domain.address import PciAddress
from busway.domain.disk_role import DiskRole
from busway.domain.documents import ConfigDrive, Desired, DesiredServer, ImageRef, Nic
from busway.domain.grant import Fault, Grant, Held
from busway.domain.ids import ImageId, PortId, ServerId
from busway.domain.sriov_layout import SriovLayout
from busway.domain.units import WholeFunction
from busway.domain.vgpu import SizeMode
from busway.hardware.binding import driver_of
from busway.hardware.handover.before import read_boot_id
from busway.hardware.machine import Machine as Reading
from busway.hypervisor.guest import GuestOptions
from busway.testing.fabric import FakeFabric
from busway.testing.hypervisor import FakeHypervisor
from busway.testing.kernel import FakeKernel
from busway.testing.kernel_vgpu import fake_nvidia_smi
from busway.testing.link import FakeLink
from busway.testing.machines import Machine
from busway.testing.networks import FakeNetworks

IMAGE = b"a raw image" * 100
ONE = ServerId("11111111-0000-4000-8000-000000000001")
TWO = ServerId("22222222-0000-4000-8000-000000000002")


@dataclass
class Hands:
    """Time that only tests move."""

    now: float = 1_000_000.0
    clock_error: float = 0.0  # seconds by which the wall clock is wrong

    def monotonic(self) -> float:
        """Seconds."""
        return self.now

    def wall_ns(self) -> int:
        """Nanoseconds."""
        return int((self.now + self.clock_error) * 1e9)


def copy_image(image: Path, _format: str, disk: Path, _size_gb: int) -> None:
    """Stands in for qemu-img where no QEMU reads the disk."""
    disk.write_bytes(image.read_bytes())


def copy_disk(disk: Path, target: Path, check_cancelled: Callable[[], None]) -> None:
    """Stands in for qemu-img, as above."""
    check_cancelled()
    target.write_bytes(disk.read_bytes())


def write_blank(role: DiskRole, disk: Path, size_mb: int) -> None:
    """Stands in for mkfs, as above."""
    disk.write_text(f"{role} of {size_mb} MB")


def live_folder(state: Path) -> Path:
    """Where the sockets of live migrations are: the path of a socket has at most 107 bytes, and those of tests are long."""
    return Path(tempfile.gettempdir()) / f"busway-{hashlib.sha256(str(state).encode()).hexdigest()[:12]}"


def write_empty(disk: Path, size: int) -> None:
    """Stands in for qemu-img, as above."""
    disk.write_text(f"nothing in {size} bytes")


@dataclass
class Stage:
    """One host; `agent()` makes a new agent on it, as after a restart."""

    path: Path
    hands: Hands = field(default_factory=Hands)
    link: FakeLink = field(default_factory=FakeLink)
    scrubs: dict[str, Path] = field(default_factory=dict)
    layouts: tuple[SriovLayout, ...] = ()
    fabric: FakeFabric | None = None
    fabric_modules: Mapping[int, PciAddress] = field(default_factory=dict)
    render: DeclaredNodes = field(default_factory=DeclaredNodes)
    vgpu_modes: Mapping[PciAddress, SizeMode] = field(default_factory=dict)
    timing: Timing = field(default_factory=lambda: Timing(together=60.0))  # a round waits for what it begins
    spawn: Spawn = in_thread
    make_disk: DiskMaker = copy_image
    examine: Examine | None = None
    guest_gpus: GuestGpus | None = None
    options: GuestOptions = field(default_factory=lambda: GuestOptions(bridges={"default": "br0"}))

    def __post_init__(self) -> None:
        self.latest: Agent | None = None
        self.root = self.path / "root"
        self.machine = Machine(self.root)
        self.kernel = FakeKernel(self.root)
        self.hypervisor = FakeHypervisor(self.root)
        self.networks = FakeNetworks()
        self.link.images[ImageId("img")] = IMAGE

    @property
    def state(self) -> StateFolder:
        """The agent's folder, opened again."""
        return StateFolder(self.path / "state")

    def agent(self, crashpoint: Callable[[str], None] = lambda _point: None) -> Agent:
        """A fresh agent, as after a restart."""
        self.latest = Agent(
            "host-1",
            link=self.link,
            hypervisor=self.hypervisor,
            kernel=self.kernel,
            state=self.state,
            networks=self.networks,
            options=self.options,
            timing=replace(self.timing, kernel=0.2),
            disks=DiskMakers(self.make_disk, copy_disk, write_blank, write_empty),
            devices=DeclaredDevices(
                self.scrubs,
                self.layouts,
                self.vgpu_modes,
                self.fabric.driver if self.fabric else partial(fake_nvidia_smi, self.root),
                self.fabric.manager if self.fabric else None,
                self.fabric_modules,
                self.render,
            ),
            live=LiveOptions(folder=live_folder(self.path)),
            spawn=self.spawn,
            monotonic=self.hands.monotonic,
            wall_ns=self.hands.wall_ns,
            crashpoint=crashpoint,
            examine=self.examine,
            guest_gpus=self.guest_gpus,
            url="http://127.0.0.1:8774",
        )
        return self.latest

    def desire(self, *servers: DesiredServer, absent: tuple[ServerId, ...] = ()) -> None:
        """Makes the next generation of what is desired."""
        generation = self.link.desired.generation + 1 if self.link.desired else 1
        self.link.desired = Desired("host-1", generation, servers, absent)

    def driver(self, address: PciAddress) -> str | None:
        """The driver of a device."""
        return driver_of(self.root, address)

    def override(self, address: PciAddress) -> str:
        """The driver_override of a device, as the kernel prints it."""
        return (self.root / "sys/bus/pci/devices" / str(address) / "driver_override").read_text().strip()

    def look(self) -> Sight:
        """What an agent would see now."""
        faults = Faults(self.state, self.hands.monotonic)
        if self.link.desired is not None:
            faults.desire(self.link.desired)
        now = Moment(read_boot_id(self.root), self.hands.monotonic())
        seen = self.latest.live.seen if self.latest is not None else lambda _server_id: None
        machine = Reading.read(self.root)
        return look(machine, self.hypervisor, self.state, self.link.desired, faults, now, 60, live=seen)

    def settle(self, agent: Agent, rounds: int = 5) -> None:
        """Lets an agent go some rounds, a second apart."""
        for _ in range(rounds):
            self.hands.now += 1
            agent.round()


def desired_server(server_id: ServerId = ONE, *devices: PciAddress, ids: str = "10de:20b5") -> DesiredServer:
    """A small server with these devices."""
    vendor, product = ids.split(":")
    return DesiredServer(
        id=server_id,
        name="trainer",
        vcpus=2,
        ram_mb=2048,
        disk_gb=0,
        image=ImageRef(ImageId("img"), hashlib.sha256(IMAGE).hexdigest(), len(IMAGE), "raw"),
        devices=tuple(Grant(WholeFunction(address, vendor, product)) for address in devices),
        nics=(Nic("52:54:00:00:00:01", "10.0.0.5", 24, port=PortId("77777777-0000-4000-8000-000000000001")),),
        config_drive=ConfigDrive('{"uuid": "x"}', "{}"),
    )


def with_audio(server: DesiredServer, audio: PciAddress) -> DesiredServer:
    """Adds the audio function of a server's card."""
    return replace(server, devices=(*server.devices, Grant(WholeFunction(audio, "10de", "1aef"))))


def held_function(address: PciAddress, server_id: ServerId, before: str | None, fault: Fault | None = None) -> Held:
    """A whole function that a server's agent holds."""
    return Held(server_id, WholeFunction(address), before, fault)
