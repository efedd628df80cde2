"""A cloud as rows of a database: hosts that are up, each with eight GPUs on two NUMA nodes."""

from __future__ import annotations

import itertools
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from sqlalchemy import insert

from busway.control.context import Control
from busway.control.doorbell import LocalDoorbell
from busway.control.settings import Settings
from busway.domain.alias import parse_aliases
from busway.domain.caller import Caller
from busway.domain.device_spec import parse_device_specs
from busway.domain.documents import HostResources
from busway.domain.flavor import Flavor
from busway.domain.ids import FlavorId, ImageId, ProjectId, UserId
from busway.domain.image import Image, ImageStatus
from busway.domain.requests import CreateServer
from busway.store.database import Database
from busway.store.devices import devices
from busway.store.hosts import hosts
from busway.store.images import add_image
from busway.store.schema import upgrade

GPUS = 8
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CALLER = Caller(UserId("u"), "bench", ProjectId("p"), "bench", frozenset({"admin"}))
_IMAGE = Image(ImageId("image"), "i", ImageStatus.ACTIVE, CALLER.project_id, NOW, NOW, visibility="public")
_FLAVOR = Flavor(FlavorId("g1"), "g1", 256, 1, 0, extra_specs={"pci_passthrough:alias": "h100:1"})
_RESOURCES = msgspec.to_builtins(HostResources(vcpus=256, ram_mb=1 << 20, disk_gb=10000))
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class Rows:
    """What was written: the ids of the hosts, and those of their devices, host by host."""

    hosts: tuple[str, ...]
    devices: tuple[str, ...]


def open_cloud(stack: ExitStack, url: str, state: Path) -> Control:
    """Open an empty database as a control plane does, with one image and the alias h100."""
    db = Database(url)
    stack.callback(db.close)
    upgrade(db)
    with db.write() as tx:
        add_image(tx, _IMAGE)
    return Control(
        db=db,
        now=lambda: NOW,
        new_id=lambda: str(uuid.uuid4()),
        bell=LocalDoorbell(),
        state=state,
        settings=Settings(
            parse_aliases(['{"name":"h100","vendor_id":"10de","product_id":"2330","device_type":"type-PF"}']),
            parse_device_specs(['{"vendor_id":"10de","product_id":"2330"}']),
            cpu_allocation_ratio=16.0,
        ),
    )


def add_hosts(control: Control, count: int, *, enabled: bool = True) -> Rows:
    """Add hosts with their devices."""
    numbers = [next(_NUMBERS) for _ in range(count)]
    host_rows = [_host(number, enabled) for number in numbers]
    device_rows = [_device(str(row["id"]), n) for row in host_rows for n in range(GPUS)]
    with control.db.write() as tx:
        tx.execute(insert(hosts), host_rows)
        tx.execute(insert(devices), device_rows)
    return Rows(tuple(str(row["id"]) for row in host_rows), tuple(str(row["id"]) for row in device_rows))


def request(name: str) -> CreateServer:
    """Return a request for a server with one GPU."""
    return CreateServer(name, _FLAVOR, _IMAGE.id, networks="none")


def _host(number: int, enabled: bool) -> dict[str, object]:
    return {
        "id": str(uuid.uuid4()),
        "number": number + 1,
        "name": f"host{number:05}",
        "token_hash": f"{number:064x}",
        "enabled": enabled,
        "generation": 1,
        "revision": 1,
        "seen": NOW,
        "resources": _RESOURCES,
        "created": NOW,
    }


def _device(host_id: object, n: int) -> dict[str, object]:
    return {
        "id": str(uuid.uuid4()),
        "host_id": host_id,
        "address": f"0000:{0x41 + n:02x}:00.0",
        "vendor_id": "10de",
        "product_id": "2330",
        "class_code": "030200",
        "kind": "type-PF",
        "subsystem_vendor_id": "10de",
        "subsystem_id": "16c1",
        "revision": "a1",
        "driver": "nvidia",
        "iommu_group": 20 + n,
        "numa_node": n // (GPUS // 2),
        "vendor_name": "NVIDIA Corporation",
        "product_name": "GH100 [H100 SXM5 80GB]",
        "class_name": "3D controller",
        "present": True,
        "discovered": NOW,
    }
