"""Rows with as little in them as the tables take, for tests that are about one thing in them."""

from datetime import UTC, datetime
from typing import Any

from busway.domain.address import PciAddress
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.documents import HostResources
from busway.domain.flavor import Flavor
from busway.domain.ids import ClaimId, DeviceId, FlavorId, HostId, ImageId, ProjectId, ServerId, UserId
from busway.domain.server import ServerStatus
from busway.store import claims, devices, hosts, servers
from busway.store.database import Tx
from busway.store.servers import Intent

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
H1, H2 = HostId("h1"), HostId("h2")
S1, S2 = ServerId("s1"), ServerId("s2")
P1, P2 = ProjectId("p1"), ProjectId("p2")


def add_host(tx: Tx, host_id: HostId = H1) -> None:
    hosts.insert_host(tx, host_id, f"name of {host_id}", f"hash of {host_id}", NOON)


def gpu(slot: int = 1, **changes: Any) -> PciDevice:
    fields: dict[str, Any] = {
        "vendor_id": "10de",
        "product_id": "2330",
        "class_code": "030200",
        "iommu_group": slot,
    } | changes
    return PciDevice(PciAddress(f"0000:{slot:02x}:00.0"), **fields)


def add_device(tx: Tx, device_id: str = "d1", host_id: HostId = H1, slot: int = 1, **changes: Any) -> DeviceId:
    devices.insert_device(tx, DeviceId(device_id), host_id, gpu(slot, **changes), NOON)
    return DeviceId(device_id)


def add_claim(
    tx: Tx,
    claim_id: str,
    device_id: str = "d1",
    server_id: ServerId = S1,
    host_id: HostId = H1,
    alias: str | None = "a",
) -> None:
    claims.insert_claim(tx, ClaimId(claim_id), DeviceId(device_id), host_id, server_id, alias, NOON)


def add_server(tx: Tx, server_id: ServerId = S1, **changes: Any) -> ServerId:
    values: dict[str, Any] = {
        "id": server_id,
        "name": f"name of {server_id}",
        "hostname": server_id,
        "description": None,
        "project_id": P1,
        "user_id": UserId("u1"),
        "status": ServerStatus.BUILD,
        "task_state": None,
        "power": None,
        "intent": Intent.PRESENT,
        "host_id": None,
        "wanted_host": None,
        "flavor": Flavor(FlavorId("f"), "gpu", 256, 1, 1, extra_specs={"pci_passthrough:alias": "a:1"}),
        "image_id": ImageId("i1"),
        "key_name": None,
        "public_key": None,
        "user_data": None,
        "config_drive": True,
        "metadata": {"k": "v"},
        "tags": ["t"],
        "hints": {},
        "availability_zone": "nova",
        "powered": True,
        "starts": 1,
        "reboots": 0,
        "hard_reboot": False,
        "fault": None,
        "created": NOON,
        "updated": NOON,
        "launched": None,
        "terminated": None,
    }
    servers.insert_servers(tx, [values | changes])
    return server_id


RESOURCES = HostResources(16, 65536, 1000)
VF = DeviceKind.VF
