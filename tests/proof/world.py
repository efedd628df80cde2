"""A whole cloud in one process: control processes on one SQLite file, and hosts with real agents; time stands still."""

from __future__ import annotations

import functools
import hashlib
import itertools
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from busway.control import groups, networks
from busway.control.context import Control
from busway.control.devices.recycle import recycle_device
from busway.control.doorbell import LocalDoorbell
from busway.control.hosts import joining
from busway.control.hosts import registry as hosts
from busway.control.images.purge import purge_deleted_images
from busway.control.loops import sweeper
from busway.control.moves.advance import advance
from busway.control.placement import place
from busway.control.servers import hold
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.shelve import offload_overdue
from busway.control.servers.soft_delete import reclaim_overdue
from busway.control.settings import Settings
from busway.domain.alias import parse_aliases
from busway.domain.caller import Caller
from busway.domain.claim import ClaimState
from busway.domain.device_spec import parse_device_specs
from busway.domain.documents import Desired
from busway.domain.errors import BuswayError
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId, HostId, ImageId, ProjectId, ServerId, UserId
from busway.domain.image import Image, ImageStatus
from busway.domain.mdev import MdevRule, MdevRules
from busway.domain.requests import CreateServer
from busway.domain.server import ServerStatus
from busway.domain.server_group import GroupPolicy
from busway.store import claims
from busway.store import devices as device_store
from busway.store import images as image_store
from busway.store import servers as server_store
from busway.store.database import Database
from busway.store.schema import upgrade
from busway.store.servers import ServerRow
from busway.testing.fabric import hgx
from busway.testing.kernel_vgpu import vgpu_card
from busway.testing.machines import Machine
from busway.testing.render_nodes import add_render_node
from tests.proof import monitors
from tests.proof.chaos import ControlCrash
from tests.proof.host import MIXED, VGPU_TYPE, Host

ADMIN = Caller(UserId("admin"), "admin", ProjectId("p1"), "admin", frozenset({"admin"}))
IMAGE, BYTES = ImageId("image-1"), b"a raw image" * 10
NAMES = ("h1", "h2", "h3")
ALIASES = (
    '{"name":"gpu","vendor_id":"10de","product_id":"20b5"}',
    '{"name":"card","vendor_id":"10de","product_id":"2204"}',
    '{"name":"pf","vendor_id":"10de","product_id":"2236","device_type":"type-PF"}',
    '{"name":"vf","vendor_id":"10de","product_id":"2236","device_type":"type-VF"}',
    '{"name":"linked","vendor_id":"10de","product_id":"2330","link":"nvlink"}',
    '{"name":"shared","vendor_id":"1002","product_id":"5159"}',
)
SPECS = ('{"vendor_id":"10de"}', '{"vendor_id":"1002"}')
FEWER_SPECS = ('{"vendor_id":"10de","product_id":"2236"}',)
SHARED = (str(MIXED), "0000:72:00.0")  # cards of vGPUs: of several sizes, and of one
MDEVS = MdevRules(
    [
        MdevRule(VGPU_TYPE),
        MdevRule("mtty-2", ("mtty",), "CUSTOM_SERIAL"),
        MdevRule("nvidia-1155", SHARED, "CUSTOM_12Q"),
        MdevRule("nvidia-1158", SHARED, "CUSTOM_24Q"),
    ]
)
ROOMY, TIGHT = 256, 24_000  # MB of RAM: of the tight ones a host takes two
FAULTS_STOP = 61  # seconds: longer than an agent's longest pause, and than a guest may take to power off
ROUNDS = 40


def flavor(extra: str, ram_mb: int = ROOMY) -> Flavor:
    """A flavor of aliases such as "gpu:1,card:1", and after a "+" of resources such as "VGPU=1+CUSTOM_SERIAL=1"."""
    aliases, *resources = extra.split("+")
    specs = {"pci_passthrough:alias": aliases} if aliases else {}
    specs |= {f"resources:{name}": count for name, _, count in (each.partition("=") for each in resources)}
    return Flavor(FlavorId("f"), "f", ram_mb=ram_mb, vcpus=1, disk_gb=0, extra_specs=specs)


class World:
    """The cloud; `acts` of a control process may end in its death, and what users do wrong is told to them."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="busway-world-", dir=memory()))
        kept, ids = _template()
        shutil.copy(kept / "busway.db", self.folder / "busway.db")
        self.db = Database(f"sqlite:///{self.folder / 'busway.db'}")
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self._ticks = itertools.count(1)
        self._numbers = itertools.count(1_000)
        self.specs: tuple[str, ...] = SPECS
        self.settings: dict[str, Any] = {}
        self.usage: Counter[tuple[str, str]] = Counter()
        self.crash_at = ""
        self.controls = [self._new_control(), self._new_control()]
        self.turn = 0
        self.hosts = [
            Host(name, ids[name], kept / name, self.folder / name, self.control, {IMAGE: BYTES}, self.wall_ns)
            for name in NAMES
        ]
        for host in self.hosts:
            host.round()

    def close(self) -> None:
        self.db.close()
        shutil.rmtree(self.folder)

    def control(self) -> Control:
        return self.controls[self.turn]

    def wall_ns(self) -> int:
        return int(self.time.timestamp() * 1_000_000_000) + next(self._ticks) * 1000

    def wait(self, seconds: float) -> None:
        """Time passes; whoever has a device now has had it for so much longer."""
        monitors.count_usage(self, seconds)
        self.time += timedelta(seconds=seconds)

    def change_specs(self, specs: tuple[str, ...]) -> None:
        """Both control processes start anew with other device specs."""
        self.specs = specs
        self.controls = [self._new_control(), self._new_control()]

    def act(self, use_case: Callable[..., object], *arguments: object, **options: object) -> None:
        """Asks a control process for something; errors that its user is told are fine, and so is its death."""
        try:
            use_case(self.control(), *arguments, **options)
        except BuswayError as error:
            assert error.remedy or error.detail or error.code == "server-not-found", error
        except ControlCrash:
            self.controls[self.turn] = self._new_control()

    def create(self, extra: str, count: int = 1, ram_mb: int = ROOMY, group: str | None = None) -> None:
        number = next(self._numbers)
        hints = {} if group is None else {"group": group}
        request = CreateServer(f"s{number}", flavor(extra, ram_mb), IMAGE, max_count=count, hints=hints)
        self.act(create_servers, ADMIN, request, f"req-{number}")

    def group(self) -> str:
        """The one group, whose servers are kept on hosts of their own."""
        known = groups.list_groups(self.control(), ADMIN)
        if not known:
            known = [groups.create_group(self.control(), ADMIN, "apart", GroupPolicy.ANTI_AFFINITY)]
        return known[0].id

    def configure(self, **settings: object) -> None:
        """Both control processes start anew with other settings."""
        self.settings |= settings
        self.controls = [self._new_control(), self._new_control()]

    def place(self) -> None:
        self.act(place.place_round)

    def sweep(self) -> None:
        """A turn of each loop but the placer."""
        for turn in (sweeper.sweep, advance, offload_overdue, reclaim_overdue, purge_deleted_images):
            self.act(turn)

    def rows(self, *, deleted: bool = False) -> list[ServerRow]:
        """All servers that are not deleted, oldest first; with `deleted` those that are."""
        with self.db.read() as tx:
            return server_store.list_servers(tx, deleted=deleted)[::-1]

    def desired(self, host: Host) -> Desired:
        from busway.control.agents import access as agents

        document = agents.desired(self.control(), host.id, -1, 0)
        assert document is not None
        return document

    def calm(self) -> None:
        """Nothing goes wrong any more; returns when nothing changes any more, and fails when that does not come."""
        self.crash_at = ""
        for host in self.hosts:
            host.mend()
            self.act(hosts.set_enabled, ADMIN, host.name, enabled=True)
        for _ in range(ROUNDS):
            before, steps = monitors.picture(self), sum(host.fuse.steps for host in self.hosts)
            self.wait(FAULTS_STOP)
            self.unpause_waiting()
            for host in self.hosts:
                host.round()
            self.place()
            self.sweep()
            if monitors.picture(self) == before and sum(host.fuse.steps for host in self.hosts) == steps:
                return
        raise AssertionError(f"after {ROUNDS} rounds without a fault the cloud still changes: {before}")

    def unpause_waiting(self) -> None:
        """A paused guest neither gets a device nor lets go of one: its user unpauses it, or that would never end."""
        with self.db.read() as tx:
            waiting = {c.server_id for c in claims.list_live_claims(tx) if c.state is not ClaimState.ALLOCATED}
        for row in self.rows():
            if row.status is ServerStatus.PAUSED and row.task_state is None and row.id in waiting:
                self.act(hold.unpause_server, ADMIN, row.id, "req-unpause")

    def delete_all(self) -> None:
        for row in self.rows():
            self.act(delete_server, ADMIN, row.id, "req-last", for_good=True)

    def recycle_lost(self) -> None:
        """The operator takes devices out of quarantine that fell off their bus, or had their host restarted, under a server.

        Nobody has reset them, so they wait for their operator when they are back. No other device may wait.
        """
        with self.db.read() as tx:
            apart = [row for row in device_store.list_devices(tx) if row.quarantined is not None]
        lost = {(host.id, address) for host in self.hosts for address in host.ever_lost}
        for row in apart:
            assert (row.host_id, row.device.address) in lost, f"{row.device.address}: {row.quarantined}"
            recycle_device(self.control(), ADMIN, row.id)

    def _new_control(self) -> Control:
        settings = Settings(
            aliases=parse_aliases(ALIASES),
            device_specs=parse_device_specs(self.specs),
            network_last="10.66.0.253",
            mdev_rules=MDEVS,
            **self.settings,
        )
        return Control(
            db=self.db,
            now=lambda: self.time,
            new_id=lambda: f"{next(self._numbers):08x}-0000-4000-8000-000000000001",
            bell=LocalDoorbell(),
            state=self.folder,
            settings=settings,
            crashpoint=self._crashpoint,
        )

    def _crashpoint(self, name: str) -> None:
        if name == self.crash_at:
            self.crash_at = ""
            raise ControlCrash


def memory() -> str | None:
    """A file system in memory, where there is one: what is proven here does not depend on the disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


@functools.cache
def _template() -> tuple[Path, dict[str, HostId]]:
    """A fresh cloud with its three machines, made once and copied for each world."""
    keeper = tempfile.TemporaryDirectory(prefix="busway-world-", dir=memory())
    _KEEPERS.append(keeper)
    folder = Path(keeper.name)
    _machines(folder)
    db = Database(f"sqlite:///{folder / 'busway.db'}")
    upgrade(db)
    numbers = itertools.count(1)
    time = datetime(2026, 1, 1, tzinfo=UTC)
    control = Control(
        db,
        lambda: time,
        lambda: f"00000000-0000-4000-8000-{next(numbers):012x}",
        LocalDoorbell(),
        folder,
        Settings(parse_aliases(ALIASES), parse_device_specs(SPECS), network_last="10.66.0.253", mdev_rules=MDEVS),
    )
    networks.bootstrap_network(control, ADMIN.project_id)
    image = Image(IMAGE, "new1", ImageStatus.ACTIVE, ADMIN.project_id, time, time, visibility="public")
    data = {"disk_format": "raw", "container_format": "bare", "size": len(BYTES)}
    with db.write() as tx:
        image_store.add_image(tx, replace(image, **data, sha256=hashlib.sha256(BYTES).hexdigest()))  # type: ignore[arg-type]
    for name in NAMES:
        joining.create_host(control, ADMIN, name)
    ids = {host.name: host.id for host in hosts.list_hosts(control, ADMIN)}
    db.close()
    monitors.install(folder / "busway.db")
    return folder, ids


_KEEPERS: list[tempfile.TemporaryDirectory[str]] = []


def _machines(folder: Path) -> None:
    plain = Machine(folder / "h1")
    for number in range(3):
        plain.gpu(f"0000:{0x41 + number:02x}:00.0", group=10 + number, node=number % 2)
    plain.function("0000:61:00.0", "10de:13f2", "030200", group=14, driver="nvidia")
    plain.mdev_type("0000:61:00.0", VGPU_TYPE, 2, name="M60-0Q")
    plain.mdev_parent("mtty")
    plain.mdev_type("mtty", "mtty-2", 1, name="Dual port serial")
    hgx(plain)
    cards = Machine(folder / "h2")
    cards.card_with_audio("0000:42:00", group=20)
    cards.gpu("0000:43:00.0", group=21)
    cards.behind_bridge("0000:44", group=22)
    _shared(cards, SHARED[0], group=50)
    add_render_node(cards.root)
    virtual = Machine(folder / "h3")
    add_render_node(virtual.root)
    _shared(virtual, SHARED[1], group=50)
    virtual.sriov("0000:51", vfs=2, group=30)
    virtual.gpu("0000:52:00.0", group=40)
    virtual.function("0000:61:00.0", "10de:13f2", "030200", group=41, driver="nvidia")
    virtual.mdev_type("0000:61:00.0", VGPU_TYPE, 1, name="M60-0Q")


def _shared(machine: Machine, pf: str, group: int) -> None:
    """A card with three virtual functions that can become vGPUs of 12 or of 24 GB."""
    machine.function(pf, "10de:26b9", "030200", group=group, driver="nvidia", total_vfs=4)
    for number in range(3):
        machine.vf(pf, number, "10de:26b9", group=group + 1 + number, driver="nvidia")
    types = {1155: ("NVIDIA L40S-12Q", 12), 1158: ("NVIDIA L40S-24Q", 24)}
    vgpu_card(machine, pf, types, capacity=48, starts={12: (0, 12, 24, 36), 24: (0, 24)})


def unfinished(row: ServerRow) -> bool:
    """True for a server that something is still to become of."""
    return row.task_state is not None or row.status is ServerStatus.BUILD


def server_id(row: ServerRow) -> ServerId:
    return row.id
