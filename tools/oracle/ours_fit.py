"""Busway's answer to whether a server fits on a machine: the scheduler's own decision on a cloud of that one host."""

from __future__ import annotations

from typing import Any

from busway.domain.address import PciAddress
from busway.domain.alias import parse_aliases, parse_requests
from busway.domain.device import DeviceKind, PciDevice
from busway.domain.device_spec import DeviceSpecs, parse_device_specs
from busway.domain.ids import DeviceId, HostId, ServerId
from busway.domain.placement import DeviceState, HostState, NumaCell, Placement, PlacementRequest, Snapshot
from busway.scheduler.place import place

Json = dict[str, Any]
_CPUS, _RAM_MB = 64, 262_144


def fits(case: Json) -> bool:
    """Tell whether the machine has what the server asks for."""
    aliases = parse_aliases(case["aliases"], placement=case["placement"])
    wanted = parse_requests(case["extra_specs"], aliases, {})
    cells = case["guest_cells"]
    request = PlacementRequest(ServerId("s"), 2 * max(cells, 1), 512 * max(cells, 1), 1, wanted, numa_nodes=cells)
    return isinstance(place(Snapshot((_host(case),)), request), Placement)


def _host(case: Json) -> HostState:
    rules = parse_device_specs(case["specs"])
    machine = case["machine"]
    cells = tuple(NumaCell(cell["id"], _CPUS, _RAM_MB, cell["socket"]) for cell in case["cells"])
    devices = tuple(_state(rules, device, group) for group, device in enumerate(machine))
    total = len(case["cells"]) or 1
    return HostState(HostId("h"), "h", 1, 1, _CPUS * total, _RAM_MB * total, 1000, devices, cells=cells)


def _state(rules: DeviceSpecs, device: Json, group: int) -> DeviceState:
    found = PciDevice(
        PciAddress(device["address"]),
        device["vendor_id"],
        device["product_id"],
        "030200",
        kind=DeviceKind(device["kind"]),
        parent=PciAddress(device["parent"]) if device["parent"] else None,
        numa_node=device["numa_node"],
        iommu_group=group,
    )
    spec = rules.find(found)
    if spec is None:
        return DeviceState(DeviceId(device["address"]), found, offered=False)
    return DeviceState(DeviceId(device["address"]), found, tags=spec.tags)
