"""NUMA cells from a host's report to a placement and back: what servers take of each is remembered and given back."""

from dataclasses import replace

from busway.control.placement import place
from busway.control.placement.snapshot import take_snapshot
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.domain.address import PciAddress
from busway.domain.documents import DesiredCell, HostResources
from busway.domain.host_facts import GuestKind, HostCell
from busway.domain.requests import CreateServer
from busway.domain.server import Server, ServerStatus
from busway.wire.documents import decode_observed
from tests.control.clouds import ADMIN, Cloud, Host, gpu

CELLS = (HostCell(0, "0-3", 4, 4096, 0), HostCell(1, "4-7", 4, 4096, 1))


def numa_host(cloud: Cloud, **changes: object) -> Host:
    host = cloud.host("h1", inventory=(gpu(0, numa_node=0), gpu(1, numa_node=1)))
    resources = HostResources(8, 16384, 1000, cells=CELLS, **changes)  # type: ignore[arg-type]
    host.resources = resources
    host.report()
    return host


def boot(cloud: Cloud, name: str, **specs: str) -> Server:
    extra = {key.replace("__", ":"): value for key, value in specs.items()}
    flavor = replace(cloud.plain, vcpus=2, ram_mb=3072, extra_specs=extra)
    made = create_servers(cloud.control, ADMIN, CreateServer(name, flavor, cloud.image), f"req-{name}")
    place.place_round(cloud.control)
    return cloud.server(made[0].id)


def free_ram(cloud: Cloud) -> list[int]:
    with cloud.control.db.read() as tx:
        return [cell.free_ram_mb for cell in take_snapshot(cloud.control, tx).hosts[0].cells]


def test_a_server_takes_up_a_cell_until_its_host_has_let_go(cloud: Cloud) -> None:
    host = numa_host(cloud)
    first = boot(cloud, "one", hw__numa_nodes="1")
    assert sorted(free_ram(cloud)) == [1024, 4096]

    delete_server(cloud.control, ADMIN, first.id, "req-d")
    assert sorted(free_ram(cloud)) == [1024, 4096]
    host.report()
    assert free_ram(cloud) == [4096, 4096]


def test_the_host_is_told_on_which_node_each_cell_shall_lie(cloud: Cloud) -> None:
    host = numa_host(cloud)
    boot(cloud, "one", hw__numa_nodes="2")
    boot(cloud, "two")
    told = {server.name: server.cells for server in host.desired().servers}
    assert told == {
        "instance-00000001": (DesiredCell(1, 1536, 0, "0-3"), DesiredCell(1, 1536, 1, "4-7")),
        "instance-00000002": (),
    }


def test_a_guest_without_cells_floats_over_all(cloud: Cloud) -> None:
    numa_host(cloud)
    boot(cloud, "plain")
    assert free_ram(cloud) == [4096, 4096]


def test_a_cell_that_is_full_refuses_though_the_host_has_room(cloud: Cloud) -> None:
    numa_host(cloud)
    boot(cloud, "one", hw__numa_nodes="1")
    boot(cloud, "two", hw__numa_nodes="1")
    third = boot(cloud, "three", hw__numa_nodes="1")
    assert third.status is ServerStatus.ERROR
    assert third.fault is not None
    assert "NUMATopologyFilter excluded 1" in third.fault.message
    assert "cell 0: 14 vCPUs, 1024 MB free" in third.fault.message


def test_a_gpu_of_another_cell_is_not_enough_where_it_must_be_near(cloud: Cloud) -> None:
    numa_host(cloud)
    near = {"pci_passthrough__alias": "a1:1", "hw__pci_numa_affinity_policy": "required", "hw__numa_nodes": "1"}
    first, second = boot(cloud, "one", **near), boot(cloud, "two", **near)
    assert (first.status, second.status) == (ServerStatus.BUILD, ServerStatus.BUILD)
    assert free_ram(cloud) == [1024, 1024]


def test_devices_below_one_switch_go_together(cloud: Cloud) -> None:
    one, other = PciAddress("0000:40:00.0"), PciAddress("0000:50:00.0")
    host = cloud.host("h1", inventory=tuple(gpu(n, switch=(one, other)[n % 2]) for n in range(4)))
    boot(cloud, "one", pci_passthrough__alias="a1:2")
    [told] = host.desired().servers
    assert [str(device.unit.name) for device in told.devices] == ["0000:41:00.0", "0000:43:00.0"]


def test_the_image_of_a_server_without_devices_is_looked_at_too(cloud: Cloud) -> None:
    numa_host(cloud, guests=(GuestKind("aarch64", "kvm", "hvm"),))
    with cloud.control.db.write() as tx:
        cloud.set_image_properties(tx, {"hw_architecture": "x86_64"})
    server = boot(cloud, "one")
    assert server.fault is not None
    assert "it does not run guests of architecture x86_64" in server.fault.message


def test_capabilities_are_those_that_the_host_reports(cloud: Cloud) -> None:
    numa_host(cloud, hypervisor_version=7_002_022, architecture="x86_64", cpu_features=("avx2", "topoext"))
    assert boot(cloud, "one", **{"capabilities__cpu_info:features": "<in> avx2"}).fault is None
    refused = boot(cloud, "two", capabilities__hypervisor_version=">= 8000000")
    assert refused.fault is not None
    assert "hypervisor_version is 7002022, and >= 8000000 was asked for" in refused.fault.message


def test_a_report_of_an_older_agent_is_read() -> None:
    old = b'{"host":"h","sequence":1,"generation":0,"boot_id":"b","resources":{"vcpus":1,"ram_mb":2,"disk_gb":3}}'
    assert decode_observed(old).resources == HostResources(1, 2, 3)
