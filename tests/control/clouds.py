"""A small cloud in one process: the control plane's use cases on a real database, and hosts driven by hand."""

import contextlib
import itertools
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from busway.control import flavors, networks
from busway.control.agents import access as agents
from busway.control.context import Control
from busway.control.devices import listing
from busway.control.doorbell import LocalDoorbell
from busway.control.hosts import joining
from busway.control.hosts import registry as hosts
from busway.control.identity import directory as identity
from busway.control.images import catalogue as images
from busway.control.moves.advance import advance
from busway.control.networks.changes import tell_hosts
from busway.control.placement import place
from busway.control.servers.create import create_servers
from busway.control.servers.read import get_server
from busway.control.servers.view import server_view
from busway.control.settings import Settings
from busway.domain.address import PciAddress
from busway.domain.alias import parse_aliases
from busway.domain.caller import Caller
from busway.domain.config_warning import Located
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_spec import parse_device_specs
from busway.domain.documents import Desired, DesiredServer, HostResources, Observed, ObservedServer, Unreadable
from busway.domain.errors import Conflict
from busway.domain.grant import Fault, Held
from busway.domain.host_facts import GuestAct
from busway.domain.identity import Project
from busway.domain.ids import HostId, ImageId, ProjectId, ServerId, UserId
from busway.domain.image import Image, ImageStatus
from busway.domain.requests import CreateServer
from busway.domain.server import Hold, PowerState, Server, ServerStatus, TaskState
from busway.store import claims, servers
from busway.store import images as image_store
from busway.store import projects as projects_store
from busway.store.claims import Claim
from busway.store.database import Database, Tx

ADMIN = Caller(UserId("admin"), "admin", ProjectId("p1"), "admin", frozenset({"admin"}))
USER = Caller(UserId("u2"), "ann", ProjectId("p2"), "lab", frozenset({"member", "reader"}))
ALIAS = '{"vendor_id":"1234","product_id":"1111","name":"a1"}'
SPEC = '{"vendor_id":"1234","product_id":"1111"}'


def file_settings(**more: Any) -> Settings:
    """Settings as of a file with one alias and one device spec."""
    specs, aliases = parse_device_specs([SPEC]), parse_aliases([ALIAS])
    return Settings(
        password_memory_kib=8,
        password_iterations=1,
        password_lanes=1,
        aliases=aliases,
        device_specs=specs,
        written_aliases=(Located(2, "[pci] alias", ALIAS, aliases["a1"]),),
        written_specs=(Located(1, "[pci] device_spec", SPEC, specs.specs),),
        **more,
    )


def gpus(count: int) -> tuple[PciDevice, ...]:
    return tuple(gpu(index) for index in range(count))


def gpu(index: int, **changes: object) -> PciDevice:
    address = PciAddress(f"0000:{0x41 + index:02x}:00.0")
    made = PciDevice(address, "1234", "1111", "038000", DeviceKind.PCI, driver="bochs-drm", iommu_group=10 + index)
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass
class Host:
    """A host whose agent is the test: it reports what the test says it sees."""

    cloud: "Cloud"
    id: HostId
    name: str
    inventory: tuple[PciDevice, ...]
    boot_id: str = "boot"
    resources: HostResources = field(default_factory=lambda: HostResources(16, 65536, 1000, acts=tuple(GuestAct)))
    as_of: Callable[[Observed], Observed] = lambda observed: observed  # what becomes of a report on its way

    def desired(self) -> Desired:
        document = agents.desired(self.cloud.control, self.id, -1, 0)
        assert document is not None
        return document

    def report(
        self,
        running: Iterable[ServerId] = (),
        *,
        off: Iterable[ServerId] = (),
        paused: Iterable[ServerId] = (),
        saved: Iterable[ServerId] = (),
        held: Iterable[Held] = (),
        faults: dict[ServerId, Fault] | None = None,
        generation: int | None = None,
        sequence: int | None = None,
        disk: int | None = None,
        starts: int | None = None,
        unreadable: Iterable[Unreadable] = (),
        of: Desired | None = None,
    ) -> None:
        """Reports servers as running (with the counters that are desired), shut off, paused or saved, and devices as held.

        *of*: the document that the host has obeyed; what is desired meanwhile, it does not know.
        """
        document = of or self.desired()
        wanted = {server.id: server for server in document.servers}
        seen = [self._seen(wanted, each, PowerState.RUNNING) for each in running]
        seen += [self._seen(wanted, each, PowerState.SHUTOFF) for each in off]
        seen += [self._seen(wanted, each, PowerState.PAUSED) for each in paused]
        seen += [replace(self._seen(wanted, each, PowerState.SHUTOFF), saved=True) for each in saved]
        if disk is not None:
            seen = [replace(each, disk=disk) for each in seen]
        if starts is not None:
            seen = [replace(each, starts=starts) for each in seen]
        seen += [ObservedServer(each, None, fault=fault) for each, fault in (faults or {}).items()]
        observed = Observed(
            host=self.name,
            sequence=next(self.cloud.sequences) if sequence is None else sequence,
            generation=document.generation if generation is None else generation,
            boot_id=self.boot_id,
            resources=self.resources,
            inventory=self.inventory,
            servers=tuple(seen),
            held=tuple(held),
            iommu=True,
            unreadable=tuple(unreadable),
        )
        agents.observe(self.cloud.control, self.id, self.as_of(observed))
        advance(self.cloud.control)

    @staticmethod
    def _seen(wanted: dict, server_id: ServerId, power: PowerState) -> ObservedServer:  # type: ignore[type-arg]
        want = wanted.get(server_id)
        if want is None:
            return ObservedServer(server_id, power)
        devices = tuple(grant.unit.name for grant in want.devices)
        seen = ObservedServer(server_id, power, want.starts, want.reboots, devices, disk=want.disks[-1])
        return replace(seen, rescue=want.rescue_disk, cards=tuple(nic.mac for nic in want.nics), attached=devices)

    def obey(self, **changes: Any) -> None:
        """Does what an agent does that succeeds in everything: guests, devices, and disks that are asked for."""
        for server in self.obey_but_uploads(**changes):
            for asked in filter(None, (server.upload, server.upload_ephemeral)):
                with contextlib.suppress(Conflict):  # it has arrived already
                    self.hand_in(server.id, asked)

    def obey_but_uploads(self, **changes: Any) -> tuple[DesiredServer, ...]:
        """Does all of it but for the disks; returns the servers, some of which ask for theirs."""
        document = self.desired()
        wanted = document.servers
        held = [
            Held(server.id, each.unit, "bochs-drm", claim_id=each.claim_id)
            for server in wanted
            for each in server.devices
        ]
        on = [server.id for server in wanted if server.powered and server.hold is None]
        off = [server.id for server in wanted if not server.powered]
        kept = {hold: [one.id for one in wanted if one.powered and one.hold is hold] for hold in Hold}
        paused, saved = kept[Hold.PAUSED], kept[Hold.SUSPENDED]
        self.report(on, off=off, paused=paused, saved=saved, held=held, of=document, **changes)
        return wanted

    def hand_in(
        self, server_id: str, image_id: str, size_gb: int = 1, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Hands a disk in, as the agent does; `meanwhile` is done before the control plane has drawn what follows."""
        upload = agents.begin_disk_upload(self.cloud.control, self.id, server_id, image_id, None)
        try:
            upload.write(struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, size_gb << 30).ljust(104, b"\0"))
            agents.finish_disk_upload(self.cloud.control, upload)
            meanwhile()
            advance(self.cloud.control)
        finally:
            upload.abort()


class Cloud:
    """The control plane with an admin, a network, an image and flavors; time moves only when the test says so."""

    def __init__(self, database: Database, state: Path) -> None:
        self._start(database, state)
        project = identity.bootstrap_admin(self.control, "secret")
        networks.bootstrap_network(self.control, project.id)
        flavors.bootstrap_flavors(self.control)
        self.image = self._image()
        self._choose_flavors()

    @classmethod
    def resumed(cls, database: Database, state: Path) -> "Cloud":
        """A cloud that is there already, with the image and flavors of another."""
        cloud = cls.__new__(cls)
        cloud._start(database, state, first_id=1 << 32)
        cloud.sequences = itertools.count(1 << 32)
        cloud.image = ImageId("image-1")
        cloud._choose_flavors()
        return cloud

    def _start(self, database: Database, state: Path, first_id: int = 1) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.caller = ADMIN
        self.sequences = itertools.count(1)
        numbers = itertools.count(first_id)
        self.control = Control(
            db=database,
            now=lambda: self.time,
            new_id=lambda: f"00000000-0000-4000-8000-{next(numbers):012x}",
            bell=LocalDoorbell(),
            state=state,
            settings=file_settings(),
        )

    def _choose_flavors(self) -> None:
        flavor = flavors.list_flavors(self.control, ADMIN)[0]
        self.plain = replace(flavor, extra_specs={})
        self.gpu_flavor = replace(flavor, extra_specs={"pci_passthrough:alias": "a1:1"})

    def _image(self) -> ImageId:
        image = Image(
            ImageId("image-1"),
            "new1",
            ImageStatus.ACTIVE,
            ADMIN.project_id,
            self.time,
            self.time,
            visibility="public",
            disk_format="qcow2",
            container_format="bare",
            size=10,
            sha256="ab" * 32,
        )
        with self.control.db.write() as tx:
            image_store.add_image(tx, image)
        assert images.get_image(self.control, ADMIN, image.id)
        return image.id

    def project(self, tx: Tx) -> Project:
        """The project that the first start has made."""
        return projects_store.list_projects(tx)[0]

    def set_image_properties(self, tx: Tx, properties: dict[str, str]) -> None:
        """Changes the image that all servers are made of."""
        image_store.save_image(tx, replace(image_store.get_image(tx, self.image), properties=properties))

    def host(self, name: str, count: int = 1, inventory: tuple[PciDevice, ...] | None = None, **more: Any) -> Host:
        """Adds a host and takes its first report."""
        joining.create_host(self.control, ADMIN, name)
        host_id = next(host.id for host in hosts.list_hosts(self.control, ADMIN) if host.name == name)
        host = Host(self, host_id, name, gpus(count) if inventory is None else inventory, **more)
        host.report()
        return host

    def create(
        self, name: str = "s", *, gpu: bool = True, count: int = 1, caller: Caller = ADMIN, **more: Any
    ) -> list[Server]:
        """Asks for servers; nothing places them yet."""
        flavor = self.gpu_flavor if gpu else self.plain
        request = CreateServer(name, flavor, self.image, max_count=count, **more)
        made = create_servers(self.control, caller, request, f"req-{name}")
        tell_hosts(self.control)  # as the loop `networks` does
        return [get_server(self.control, caller, server.id) for server in made]

    def boot(
        self, name: str = "s", *, gpu: bool = True, count: int = 1, caller: Caller = ADMIN, **more: Any
    ) -> list[Server]:
        """Asks for servers and places them."""
        made = self.create(name, gpu=gpu, count=count, caller=caller, **more)
        place.place_round(self.control)
        return [self.server(each.id) for each in made]

    def server(self, server_id: str) -> Server:
        """A server as the database has it, a deleted one too."""
        with self.control.db.read() as tx:
            row = servers.find_server(tx, server_id)
            assert row is not None
            if row.status is ServerStatus.DELETED:
                return server_view(row, (), None)
        return get_server(self.control, ADMIN, server_id)

    def status(self, server_id: str) -> tuple[ServerStatus, TaskState | None]:
        """The status of a server, and what is being done to it."""
        server = self.server(server_id)
        return server.status, server.task_state

    def device_statuses(self) -> list[str | None]:
        """The status of each device that an admin sees."""
        return [device.status for device in listing.list_devices(self.control, ADMIN)]

    def live_claims(self) -> list[Claim]:
        """The claims that have not been released."""
        with self.control.db.read() as tx:
            return claims.list_live_claims(tx)

    def configure(self, **settings: Any) -> None:
        """Changes the settings of the control plane."""
        self.control = replace(self.control, settings=replace(self.control.settings, **settings))

    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
