"""Nova's answer to whether a server fits on a machine: its pools, its NUMA policies and its PCI filter together.

A guest without NUMA cells is asked of `PciDeviceStats.support_requests`, as PciPassthroughFilter does; one with cells of
`numa_fit_instance_to_host`, as NUMATopologyFilter does. The cells have room for any guest, so that only devices decide.
"""

from __future__ import annotations

from typing import Any

from nova import objects  # type: ignore[import-not-found]
from nova.pci import request as pci_request  # type: ignore[import-not-found]
from nova.pci import stats
from nova.virt import hardware  # type: ignore[import-not-found]

from tools.oracle.peer_config import configured, rules_of

Json = dict[str, Any]
_CPUS, _RAM_MB = 64, 262_144


def fits(case: Json) -> bool:
    """Tell whether the machine has what the server asks for."""
    configured(case)
    flavor = objects.Flavor(extra_specs=case["extra_specs"])
    policy = hardware.get_pci_numa_policy_constraint(flavor, objects.ImageMeta.from_dict({"properties": {}}))
    wanted = pci_request.get_pci_requests_from_flavor(flavor, affinity_policy=policy)
    topology = _topology(case["cells"])
    free = _free(case, topology)
    if not case["guest_cells"]:
        return bool(free.support_requests(wanted.requests, provider_mapping=None))
    guest = _guest(case["guest_cells"])
    return (
        hardware.numa_fit_instance_to_host(topology, guest, None, pci_requests=wanted.requests, pci_stats=free)
        is not None
    )


def _free(case: Json, topology: objects.NUMATopology) -> stats.PciDeviceStats:
    machine = case["machine"]
    free = stats.PciDeviceStats(topology, dev_filter=rules_of(case, machine))
    made = {device["address"]: _device(device) for device in machine}
    for device in made.values():
        device.child_devices = [child for child in made.values() if child.parent_addr == device.address]
        device.parent_device = made.get(device.parent_addr)
    for device in made.values():
        free.add_device(device)
    return free


def _device(device: Json) -> objects.PciDevice:
    return objects.PciDevice(
        vendor_id=device["vendor_id"],
        product_id=device["product_id"],
        address=device["address"],
        parent_addr=device["parent"],
        dev_type=device["kind"],
        numa_node=device["numa_node"],
        compute_node_id=1,
        status="available",
        extra_info={},
    )


def _topology(cells: list[Json]) -> objects.NUMATopology:
    return objects.NUMATopology(
        cells=[
            objects.NUMACell(
                id=cell["id"],
                socket=cell["socket"],
                cpuset=set(range(cell["id"] * _CPUS, (cell["id"] + 1) * _CPUS)),
                pcpuset=set(),
                pinned_cpus=set(),
                siblings=[],
                memory=_RAM_MB,
                cpu_usage=0,
                memory_usage=0,
                mempages=[objects.NUMAPagesTopology(size_kb=4, total=_RAM_MB * 256, used=0)],
                network_metadata=objects.NetworkMetadata(physnets=set(), tunneled=False),
            )
            for cell in cells
        ]
    )


def _guest(cells: int) -> objects.InstanceNUMATopology:
    return objects.InstanceNUMATopology(
        cells=[
            objects.InstanceNUMACell(
                id=number, cpuset={2 * number, 2 * number + 1}, pcpuset=set(), memory=512, pagesize=None
            )
            for number in range(cells)
        ]
    )
