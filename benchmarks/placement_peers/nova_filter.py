"""Nova's PciPassthroughFilter over the states of hosts as its scheduler has them: eight pools of one device each."""

from __future__ import annotations

from typing import Any

import nova.conf  # type: ignore[import-not-found]
from nova import objects
from nova.objects import pci_device_pool  # type: ignore[import-not-found]
from nova.pci import stats  # type: ignore[import-not-found]
from nova.scheduler import host_manager  # type: ignore[import-not-found]
from nova.scheduler.filters.pci_passthrough_filter import PciPassthroughFilter  # type: ignore[import-not-found]

from benchmarks.placement_peers.timing import asked, tell

_DEVICES = 8


def main() -> None:
    """Time the filter over all hosts, one allocation candidate each, as a scheduling decision runs it."""
    numbers, counts = asked()
    nova.conf.CONF([], project="nova", default_config_files=[], default_config_dirs=[])
    objects.register_all()
    known: list[Any] = []
    for hosts in sorted(numbers):
        known += [_host(number) for number in range(len(known), hosts)]
        for count in counts:
            _time(known, count)


def _time(hosts: list[Any], count: int) -> None:
    requests = objects.InstancePCIRequests(requests=[_request(count)])
    spec = objects.RequestSpec(pci_requests=requests)
    passes = PciPassthroughFilter()

    def act() -> None:
        for host in hosts:
            host.allocation_candidates = [{"mappings": {}}]
        assert sum(passes.host_passes(host, spec) for host in hosts) == len(hosts)

    tell(len(hosts), count, act)


def _request(count: int) -> Any:
    wanted = {"vendor_id": "10de", "product_id": "2330", "dev_type": "type-PF"}
    return objects.InstancePCIRequest(
        count=count, spec=[wanted], alias_name="h100", request_id="r", numa_policy="legacy"
    )


def _host(number: int) -> Any:
    pools = [pci_device_pool.PciDevicePool.from_dict(_pool(device)) for device in range(_DEVICES)]
    state = host_manager.HostState(f"host{number}", f"host{number}", None)
    state.pci_stats = stats.PciDeviceStats(
        objects.NUMATopology(cells=[]), pci_device_pool.PciDevicePoolList(objects=pools)
    )
    return state


def _pool(device: int) -> dict[str, Any]:
    return {
        "vendor_id": "10de",
        "product_id": "2330",
        "numa_node": device // 4,
        "count": 1,
        "dev_type": "type-PF",
        "address": f"0000:{0x41 + device:02x}:00.0",
        "remote_managed": "false",
    }


if __name__ == "__main__":
    main()
