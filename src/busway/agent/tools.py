"""What a step may use: the seams and choices of one agent."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from busway.agent.blank_disk import make_blank
from busway.agent.fabric import HostFabric
from busway.agent.link import AgentLink
from busway.agent.live.moves import LiveMoves, LiveOptions
from busway.agent.qemu_img import flatten, make_empty, make_overlay
from busway.agent.record import Moment
from busway.agent.render import DeclaredNodes
from busway.agent.state import StateFolder
from busway.domain.disk_role import DiskRole
from busway.domain.ids import ServerId
from busway.hardware.handover.before import read_boot_id
from busway.hardware.scrub import SCRUB_SECONDS
from busway.hardware.verbs import DeviceVerbs
from busway.hypervisor.guest import GuestOptions
from busway.hypervisor.seam import DomainSeen, Hypervisor
from busway.metrics.agent import FAMILIES
from busway.metrics.meters import Meters
from busway.networking.networks import GuestNetworks

# Makes a qcow2 disk: (image, its format, the disk to make, size in GB or 0 for the image's own size).
DiskMaker = Callable[[Path, str, Path, int], None]
# Makes a qcow2 disk that is empty but for a file system: (its role, the disk to make, size in MB).
BlankMaker = Callable[[DiskRole, Path, int], None]
# Makes a qcow2 disk with nothing in it: (the disk, its size in bytes).
EmptyMaker = Callable[[Path, int], None]
# Writes a disk with all that it reads from into one file: (the disk, the file to make, what to call now and then).
DiskFlattener = Callable[[Path, Path, Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class DiskMakers:
    """How disks are made."""

    overlay: DiskMaker = make_overlay
    flat: DiskFlattener = flatten
    blank: BlankMaker = make_blank
    empty: EmptyMaker = make_empty


@dataclass(frozen=True, slots=True)
class Tools:
    """The seams of an agent, its folder and its choices.

    `check_cancelled` is called by long steps now and then, and ends one that is not wanted any more by raising; `patience` is the
    deadline of one kernel verb's effect in seconds; `monotonic` is in seconds. `scrubs` are
    the programs that clean devices, by vendor:device.
    """

    link: AgentLink
    hypervisor: Hypervisor
    kernel: DeviceVerbs
    state: StateFolder
    options: GuestOptions
    networks: GuestNetworks
    monotonic: Callable[[], float]
    check_cancelled: Callable[[], None] = lambda: None
    patience: float = 20.0
    scrubs: Mapping[str, Path] = field(default_factory=dict)
    scrub_seconds: float = SCRUB_SECONDS
    crashpoint: Callable[[str], None] = lambda _point: None
    wall_ns: Callable[[], int] = time.time_ns
    fabric: HostFabric | None = None
    render: DeclaredNodes = field(default_factory=DeclaredNodes)
    meters: Meters = field(default_factory=lambda: Meters(FAMILIES))
    disks: DiskMakers = field(default_factory=DiskMakers)
    live: LiveMoves = field(default_factory=lambda: LiveMoves(LiveOptions(), structlog.get_logger("busway.agent")))

    def now(self) -> Moment:
        """The moment, for records that outlive the agent."""
        return Moment(read_boot_id(self.kernel.root), self.monotonic())

    def find_domain(self, server_id: ServerId) -> DomainSeen | None:
        """What libvirt says of a server's domain now; None when it knows none."""
        return next((seen for seen in self.hypervisor.domains() if seen.server_id == server_id), None)
