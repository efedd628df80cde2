"""CPUs that a server has for itself, from a host's report to its document, and back when the host has let go."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import pytest

from busway.control.hosts import registry
from busway.control.placement import place
from busway.control.providers.tree import read_trees
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.domain.dedicated_cpus import SHARED
from busway.domain.documents import DesiredCell, HostResources
from busway.domain.errors import InvalidExtraSpec
from busway.domain.flavor import Flavor
from busway.domain.host_facts import HostCell
from busway.domain.requests import CreateServer
from busway.domain.server import Server, ServerStatus
from busway.store import cells
from tests.control.clouds import ADMIN, Cloud, Host, gpu

CELLS = (
    HostCell(0, "0-1", 2, 4096, 0, ((2, 10), (3, 11))),
    HostCell(1, "4-5", 2, 4096, 1, ((6, 14), (7, 15))),
)
DEDICATED = {"hw:cpu_policy": "dedicated"}
NOTHING: Mapping[str, str] = MappingProxyType({})


def numa_host(cloud: Cloud, there: tuple[HostCell, ...] = CELLS) -> Host:
    host = cloud.host("h1", inventory=(gpu(0, numa_node=0), gpu(1, numa_node=1)))
    host.resources = HostResources(4, 16384, 1000, cells=there)
    host.report()
    return host


def boot(cloud: Cloud, name: str, specs: Mapping[str, str] = NOTHING, vcpus: int = 2) -> Server:
    flavor = replace(cloud.plain, vcpus=vcpus, ram_mb=1024, extra_specs={**DEDICATED, **specs})
    return boot_flavor(cloud, name, flavor)


def boot_flavor(cloud: Cloud, name: str, flavor: Flavor) -> Server:
    made = create_servers(cloud.control, ADMIN, CreateServer(name, flavor, cloud.image), f"req-{name}")
    place.place_round(cloud.control)
    return cloud.server(made[0].id)


def pins(host: Host) -> dict[str, tuple[int, ...]]:
    return {server.name: tuple(cpu for cell in server.cells for cpu in cell.pins) for server in host.desired().servers}


def test_the_host_is_told_which_cpu_each_vcpu_has_for_itself(cloud: Cloud) -> None:
    host = numa_host(cloud)
    boot(cloud, "one")
    [told] = host.desired().servers
    assert told.cells == (DesiredCell(2, 1024, 0, "0-1", (2, 10)),)


def test_cpus_are_free_again_when_the_host_has_let_go(cloud: Cloud) -> None:
    host = numa_host(cloud)
    four = [boot(cloud, f"s{number}") for number in range(4)]
    assert sorted(pins(host).values()) == [(2, 10), (3, 11), (6, 14), (7, 15)]

    refused = boot(cloud, "fifth", vcpus=1)
    assert refused.fault is not None
    assert "cell 0: 0 dedicated CPUs (0 whole cores)" in refused.fault.message

    delete_server(cloud.control, ADMIN, four[1].id, "req-d")
    assert boot(cloud, "too-early", vcpus=1).status is ServerStatus.ERROR
    host.report([server.id for server in four if server is not four[1]])
    assert boot(cloud, "sixth").status is ServerStatus.BUILD
    assert sorted(pins(host).values()) == [(2, 10), (3, 11), (6, 14), (7, 15)]


def test_an_isolated_server_holds_the_threads_on_which_nothing_runs(cloud: Cloud) -> None:
    host = numa_host(cloud)
    boot(cloud, "one", {"hw:cpu_thread_policy": "isolate"})
    assert list(pins(host).values()) == [(2, 3)]
    with cloud.control.db.read() as tx:
        [[used]] = cells.list_cells(tx).values()
    assert used.held == (2, 3, 10, 11)
    boot(cloud, "two", vcpus=4)
    assert sorted(pins(host).values()) == [(2, 3), (6, 14, 7, 15)]


def test_a_device_lies_on_the_node_of_the_cpus(cloud: Cloud) -> None:
    host = numa_host(cloud)
    near = {"pci_passthrough:alias": "a1:1", "hw:pci_numa_affinity_policy": "required"}
    boot(cloud, "small", near)
    boot(cloud, "large", near, vcpus=4)
    nodes = {server.name: (server.cells[0].node, server.devices[0].node) for server in host.desired().servers}
    assert nodes == {"instance-00000001": (0, 0), "instance-00000002": (1, 1)}


def test_a_host_that_keeps_none_refuses_with_the_reason(cloud: Cloud) -> None:
    numa_host(cloud, (HostCell(0, "0-7", 8, 4096, 0),))
    refused = boot(cloud, "one")
    assert (refused.status, refused.fault is not None) == (ServerStatus.ERROR, True)
    assert "the host keeps no CPUs for dedicated servers (cpu_dedicated_set)" in refused.fault.message  # type: ignore[union-attr]


def test_thread_policies_are_about_dedicated_cpus(cloud: Cloud) -> None:
    numa_host(cloud)
    with pytest.raises(InvalidExtraSpec, match="hw:cpu_policy=dedicated"):
        boot(cloud, "one", {"hw:cpu_policy": "shared", "hw:cpu_thread_policy": "isolate"})


def test_usage_counts_them_apart_from_shared_ones(cloud: Cloud) -> None:
    numa_host(cloud)
    boot(cloud, "one", {"hw:cpu_thread_policy": "isolate"})
    boot_flavor(cloud, "two", replace(cloud.plain, vcpus=3, ram_mb=1024))
    [view] = registry.list_hosts(cloud.control, ADMIN)
    assert (view.used_vcpus, view.used_pcpus, view.resources.pcpus) == (3, 4, 8)
    with cloud.control.db.read() as tx:
        root = read_trees(cloud.control, tx)[0].root
    assert (root.inventories["PCPU"].total, root.inventories["VCPU"].total) == (8, 4)
    assert sorted(tuple(sorted(each.items()))[2:] for each in root.allocations.values()) == [
        (("PCPU", 4),),
        (("VCPU", 3),),
    ]


def test_ram_of_huge_pages_is_for_guests_to_the_last(cloud: Cloud) -> None:
    host = cloud.host("h1", 0)
    plain = replace(cloud.plain, vcpus=1, ram_mb=1024, extra_specs={"hw:mem_page_size": "large"})
    for paged, status in ((False, ServerStatus.ERROR), (True, ServerStatus.BUILD)):
        words = ("machine", "huge-pages", "pages-2048") if paged else ("machine",)
        host.resources = HostResources(4, 1024, 1000, machine=words, paged=paged)
        host.report()
        assert boot_flavor(cloud, f"paged-{paged}", plain).status is status
    refused = boot_flavor(cloud, "more", plain)
    assert refused.fault is not None and "RAM: 1024 MB wanted, 0 MB free" in refused.fault.message


def test_the_cpu_of_the_emulator_is_counted_and_told_and_free_again(cloud: Cloud) -> None:
    host = numa_host(cloud)
    server = boot(cloud, "one", {"hw:emulator_threads_policy": "isolate"})
    [told] = host.desired().servers
    assert told.cells == (DesiredCell(2, 1024, 0, "0-1", (2, 10), (3,)),) and not told.machine.share_emulator
    assert registry.list_hosts(cloud.control, ADMIN)[0].used_pcpus == 3

    refused = boot(cloud, "two", {"hw:emulator_threads_policy": "isolate"}, vcpus=4)
    assert refused.fault is not None
    assert "5 dedicated CPUs with that of the emulator" in refused.fault.message
    delete_server(cloud.control, ADMIN, server.id, "req-d")
    host.report()
    assert registry.list_hosts(cloud.control, ADMIN)[0].used_pcpus == 0


def test_a_mixed_server_is_counted_among_both_kinds_of_cpus(cloud: Cloud) -> None:
    cloud.configure(cpu_allocation_ratio=1.0)
    host = numa_host(cloud)
    flavor = replace(
        cloud.plain, vcpus=3, ram_mb=1024, extra_specs={"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "^0"}
    )
    boot_flavor(cloud, "one", flavor)

    [told] = host.desired().servers
    assert told.cells == (DesiredCell(3, 1024, 0, "0-1", (SHARED, 2, 10)),)
    [seen] = registry.list_hosts(cloud.control, ADMIN)
    assert (seen.used_vcpus, seen.used_pcpus) == (1, 2)
    both = replace(flavor, extra_specs={"hw:cpu_policy": "mixed", "hw:cpu_dedicated_mask": "^0-1"})
    boot_flavor(cloud, "two", both)
    assert [cell.node for server in host.desired().servers for cell in server.cells] == [0, 1]


def test_a_server_that_asks_for_pcpus_by_their_class_has_them(cloud: Cloud) -> None:
    host = numa_host(cloud)
    boot_flavor(cloud, "one", replace(cloud.plain, vcpus=2, ram_mb=1024, extra_specs={"resources:PCPU": "2"}))

    assert pins(host) == {host.desired().servers[0].name: (2, 10)}
