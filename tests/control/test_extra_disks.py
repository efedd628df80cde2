"""Ephemeral and swap disks count as disk, reach the host's document, and keep a server from leaving its host."""

from dataclasses import replace

import pytest

from busway.control.hosts import registry
from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.moves.verify import revert_resize
from busway.domain.documents import HostResources
from busway.domain.errors import BadInput, Conflict
from busway.domain.flavor import Flavor
from busway.domain.guest_machine import MachineWord
from busway.domain.server import ServerStatus
from tests.control.clouds import ADMIN, Cloud, Host

RESOURCES = HostResources(8, 16384, 20, machine=(MachineWord.MACHINE, MachineWord.EXTRA_DISKS))


def host(cloud: Cloud, name: str = "h1", **changes: object) -> Host:
    return cloud.host(name, resources=replace(RESOURCES, **changes))  # type: ignore[arg-type]


def with_disks(cloud: Cloud, ephemeral_gb: int, swap_mb: int = 0, **changes: object) -> Flavor:
    flavor = replace(cloud.plain, id="d", name="d", disk_gb=1, ephemeral_gb=ephemeral_gb, swap_mb=swap_mb)  # type: ignore[arg-type]
    return replace(flavor, **changes)  # type: ignore[arg-type]


def boot(cloud: Cloud, flavor: Flavor) -> str:
    cloud.plain = flavor
    return cloud.boot(gpu=False)[0].id


def test_their_size_is_the_hosts_document_and_counts_as_disk(cloud: Cloud) -> None:
    there = host(cloud)

    boot(cloud, with_disks(cloud, 5, 1025))

    [server] = there.desired().servers
    assert (server.disk_gb, server.machine.ephemeral_gb, server.machine.swap_mb) == (1, 5, 1025)
    assert registry.list_hosts(cloud.control, ADMIN)[0].used_disk_gb == 1 + 5 + 2


def test_a_host_without_room_for_all_disks_is_not_chosen(cloud: Cloud) -> None:
    host(cloud, disk_gb=6)

    server_id = boot(cloud, with_disks(cloud, 5, 1024))

    server = cloud.server(server_id)
    assert server.status is ServerStatus.ERROR and server.fault is not None
    assert "disk" in f"{server.fault.message} {server.fault.details}"


def test_a_host_that_can_not_make_them_is_not_chosen(cloud: Cloud) -> None:
    host(cloud, machine=(MachineWord.MACHINE,))

    server = cloud.server(boot(cloud, with_disks(cloud, 1)))

    assert server.status is ServerStatus.ERROR and server.fault is not None
    assert "extra-disks" in f"{server.fault.message} {server.fault.details}"


def test_a_server_with_an_ephemeral_disk_resizes_in_place_or_not_at_all(cloud: Cloud) -> None:
    first = host(cloud)
    host(cloud, "h2", disk_gb=100, vcpus=64)
    server_id = boot(cloud, with_disks(cloud, 5))
    first.obey()

    with pytest.raises(Conflict, match="can't go to another host") as caught:
        resize_server(cloud.control, ADMIN, server_id, with_disks(cloud, 50, id="e"), "req-2")
    assert caught.value.code == "ephemeral-stays"
    resize_server(cloud.control, ADMIN, server_id, with_disks(cloud, 8, 64, id="e"), "req-3")
    for _ in range(3):
        first.obey()

    [server] = first.desired().servers
    assert (server.disks, server.machine.ephemeral_gb, server.machine.swap_mb) == ((1, 2), 8, 64)
    revert_resize(cloud.control, ADMIN, server_id, "req-4")
    for _ in range(3):
        first.obey()
    [server] = first.desired().servers
    assert (server.disks, server.machine.ephemeral_gb, server.machine.swap_mb) == ((1,), 5, 0)


def test_an_ephemeral_disk_never_shrinks(cloud: Cloud) -> None:
    first = host(cloud)
    server_id = boot(cloud, with_disks(cloud, 5))
    first.obey()

    for flavor in (with_disks(cloud, 4, id="e"), with_disks(cloud, 0, id="e")):
        with pytest.raises(BadInput) as caught:
            resize_server(cloud.control, ADMIN, server_id, flavor, "req-2")
        assert caught.value.code == "disk-shrinks"


def test_a_server_with_an_ephemeral_disk_does_not_migrate_and_one_with_swap_does(cloud: Cloud) -> None:
    first = host(cloud)
    kept, moved = boot(cloud, with_disks(cloud, 1)), boot(cloud, with_disks(cloud, 0, 64))
    first.obey()
    second = host(cloud, "h2")

    with pytest.raises(Conflict) as caught:
        migrate_server(cloud.control, ADMIN, kept, "req-2")
    migrate_server(cloud.control, ADMIN, moved, "req-3")
    for _ in range(3):
        first.obey()
        second.obey()

    assert caught.value.code == "ephemeral-stays"
    [server] = second.desired().servers
    assert (server.id, server.machine.swap_mb) == (moved, 64)
