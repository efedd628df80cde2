"""Moves of servers that are in a group, that are at their project's quota, or that lie on NUMA cells."""

from dataclasses import replace

import pytest

from busway.control import groups, quotas
from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.moves.verify import confirm_resize, revert_resize
from busway.control.placement import place
from busway.control.placement.snapshot import take_snapshot
from busway.control.servers.create import create_servers
from busway.domain.documents import HostResources
from busway.domain.errors import BadInput, OverQuota
from busway.domain.host_facts import HostCell
from busway.domain.ids import FlavorId
from busway.domain.requests import CreateServer
from busway.domain.server import ServerStatus
from busway.domain.server_group import GroupPolicy
from tests.control.clouds import ADMIN, Cloud, Host
from tests.control.test_moves import verify

CELLS = (HostCell(0, "0-3", 4, 4096, 0), HostCell(1, "4-7", 4, 4096, 1))


def boot(cloud: Cloud, name: str, *hosts: Host, **wishes: object) -> str:
    request = CreateServer(name, wishes.pop("flavor", cloud.plain), cloud.image, **wishes)  # type: ignore[arg-type]
    [server] = create_servers(cloud.control, ADMIN, request, f"req-{name}")
    place.place_round(cloud.control)
    for host in hosts:
        host.obey()
    assert cloud.server(server.id).status is ServerStatus.ACTIVE
    return server.id


def free_cells(cloud: Cloud) -> list[list[int]]:
    with cloud.control.db.read() as tx:
        return [[cell.free_ram_mb for cell in host.cells] for host in take_snapshot(cloud.control, tx).hosts]


def test_a_resize_over_the_quota_is_refused_and_changes_nothing(cloud: Cloud) -> None:
    with cloud.control.db.read() as tx:
        caller = replace(ADMIN, project_id=cloud.project(tx).id)
    host = cloud.host("h1")
    [server] = cloud.boot(gpu=False, caller=caller)
    host.obey()
    quotas.set_quota(cloud.control, ADMIN, caller.project_id, {"instances": 1, "cores": 2})

    with pytest.raises(OverQuota, match="cores"):
        resize_server(cloud.control, caller, server.id, replace(cloud.plain, id=FlavorId("three"), vcpus=3), "req-2")
    assert cloud.server(server.id).status is ServerStatus.ACTIVE

    resize_server(cloud.control, caller, server.id, replace(cloud.plain, id=FlavorId("two"), vcpus=2), "req-3")
    assert cloud.server(server.id).status is ServerStatus.RESIZE


def test_a_server_moves_where_no_other_of_its_group_is_and_is_not_in_its_own_way(cloud: Cloud) -> None:
    hosts = [cloud.host(name) for name in ("h1", "h2")]
    group = groups.create_group(cloud.control, ADMIN, "apart", GroupPolicy.ANTI_AFFINITY)
    first = boot(cloud, "first", *hosts, hints={"group": group.id})
    boot(cloud, "second", *hosts, hints={"group": group.id})

    with pytest.raises(BadInput, match="ServerGroupAntiAffinityFilter"):
        migrate_server(cloud.control, ADMIN, first, "req-2")
    resize_server(cloud.control, ADMIN, first, replace(cloud.plain, id=FlavorId("two"), vcpus=2), "req-3")
    verify(cloud, first, *hosts)
    revert_resize(cloud.control, ADMIN, first, "req-4")
    verify_back(cloud, first, *hosts)

    hosts.append(cloud.host("h3"))
    migrate_server(cloud.control, ADMIN, first, "req-5")
    verify(cloud, first, *hosts)
    assert cloud.server(first).host_name == "h3"


def verify_back(cloud: Cloud, server_id: str, *hosts: Host) -> None:
    for _ in range(3):
        for host in hosts:
            host.obey()
    assert cloud.server(server_id).status is ServerStatus.ACTIVE


def test_a_guest_with_numa_cells_is_resized_on_another_host_and_lies_on_both_until_confirmed(cloud: Cloud) -> None:
    hosts = [cloud.host(name, count=0) for name in ("h1", "h2")]
    for host in hosts:
        host.resources = HostResources(8, 16384, 1000, cells=CELLS)
        host.report()
    flavor = replace(cloud.plain, ram_mb=3072, extra_specs={"hw:numa_nodes": "1"})
    server_id = boot(cloud, "near", *hosts, flavor=flavor)
    assert free_cells(cloud) == [[1024, 4096], [4096, 4096]]

    resize_server(cloud.control, ADMIN, server_id, replace(flavor, id=FlavorId("other"), ram_mb=2048), "req-2")
    verify(cloud, server_id, *hosts)
    assert free_cells(cloud) == [[1024, 4096], [2048, 4096]]
    assert [len(server.cells) for server in hosts[1].desired().servers] == [1]

    confirm_resize(cloud.control, ADMIN, server_id, "req-3")
    assert free_cells(cloud) == [[1024, 4096], [2048, 4096]]
    hosts[0].obey()
    assert free_cells(cloud) == [[4096, 4096], [2048, 4096]]
