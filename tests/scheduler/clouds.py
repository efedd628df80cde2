"""Builds snapshots of invented clouds for tests of the scheduler."""

from collections.abc import Iterable
from dataclasses import replace

from busway.domain.address import PciAddress
from busway.domain.alias import Alias, AliasSpec, PciRequest
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.ids import DeviceId, HostId, ServerId
from busway.domain.placement import DeviceState, HostState, PlacementRequest, Snapshot

A1 = Alias("a1", (AliasSpec("1234", "1111"),))
PF = Alias("pf", (AliasSpec("10de", "2330", DeviceKind.PF),))
VF = Alias("vf", (AliasSpec("10de", "2330", DeviceKind.VF),))


def state(host: str, address: str, group: int | None, **changes: object) -> DeviceState:
    of_device = {k: changes.pop(k) for k in tuple(changes) if k in PciDevice.__dataclass_fields__}
    device = PciDevice(PciAddress(address), "1234", "1111", "038000", iommu_group=group, numa_node=0)
    made = DeviceState(DeviceId(f"{host}:{address}"), replace(device, **of_device))  # type: ignore[arg-type]
    return replace(made, **changes)  # type: ignore[arg-type]


def host(name: str, devices: Iterable[DeviceState] = (), **changes: object) -> HostState:
    made = HostState(
        HostId(name), name, 1, 1, free_vcpus=64, free_ram_mb=65536, free_disk_gb=1000, devices=tuple(devices)
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def gpus(name: str, count: int) -> list[DeviceState]:
    """GPUs on their own slots and in their own groups, half on each of two NUMA nodes."""
    return [state(name, f"0000:{0x41 + i:02x}:00.0", 10 + i, numa_node=2 * i // max(count, 1)) for i in range(count)]


def cloud(*hosts: HostState) -> Snapshot:
    return Snapshot(hosts)


def request(count: int = 1, alias: Alias = A1, **changes: object) -> PlacementRequest:
    pci = (PciRequest(alias, count),) if count else ()
    made = PlacementRequest(ServerId("s1"), vcpus=1, ram_mb=256, disk_gb=1, pci=pci)
    return replace(made, **changes)  # type: ignore[arg-type]
