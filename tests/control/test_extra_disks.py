"""Ephemeral and swap disks count as disk, reach the host's document, and travel with a server whose guest is off."""

from dataclasses import replace

import pytest

from busway.control.hosts import registry
from busway.control.images.purge import purge_deleted_images
from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.moves.kinds.unshelve import unshelve_server
from busway.control.moves.verify import confirm_resize, revert_resize
from busway.control.servers.rebuild import Rebuild, rebuild_server
from busway.control.servers.shelve import shelve_server
from busway.domain.documents import HostResources
from busway.domain.errors import BadInput, Conflict
from busway.domain.flavor import Flavor
from busway.domain.guest_machine import MachineWord
from busway.domain.host_facts import GuestAct
from busway.domain.ids import ImageId
from busway.domain.server import ServerStatus
from busway.store import images as image_store
from busway.store import servers
from tests.control.clouds import ADMIN, Cloud, Host

RESOURCES = HostResources(8, 16384, 20, machine=(MachineWord.MACHINE, MachineWord.EXTRA_DISKS), acts=tuple(GuestAct))


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


def test_a_resize_in_place_keeps_an_ephemeral_disk_and_its_revert_gives_it_back(cloud: Cloud) -> None:
    first = host(cloud)
    server_id = boot(cloud, with_disks(cloud, 5))
    first.obey()

    resize_server(cloud.control, ADMIN, server_id, with_disks(cloud, 8, 64, id="e"), "req-3")
    for _ in range(3):
        first.obey()

    [server] = first.desired().servers
    assert (server.disks, server.machine.ephemeral_gb, server.machine.swap_mb) == ((1, 2), 8, 64)
    assert server.ephemeral_image is None
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


def away(cloud: Cloud, flavor: Flavor, larger: Flavor | None = None) -> tuple[Host, Host, str]:
    """A server that has gone from the first host to the second, and waits for its user."""
    first = host(cloud)
    server_id = boot(cloud, flavor)
    first.obey()
    second = host(cloud, "h2", disk_gb=100)
    if larger is None:
        migrate_server(cloud.control, ADMIN, server_id, "req-2")
    else:
        resize_server(cloud.control, ADMIN, server_id, larger, "req-2")
    for _ in range(3):
        first.obey()
        second.obey()
    assert cloud.server(server_id).status is ServerStatus.VERIFY_RESIZE
    return first, second, server_id


def test_a_migration_waits_for_both_disks_and_the_target_makes_its_own_from_them(cloud: Cloud) -> None:
    first = host(cloud)
    server_id = boot(cloud, with_disks(cloud, 5, 64))
    first.obey()
    second = host(cloud, "h2")

    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    [asked] = first.obey_but_uploads()
    assert asked.upload and asked.upload_ephemeral and not asked.powered
    first.hand_in(server_id, asked.upload)
    assert second.desired().servers == ()
    first.hand_in(server_id, asked.upload_ephemeral)

    [server] = second.desired().servers
    assert server.ephemeral_image is not None and server.ephemeral_image.id == asked.upload_ephemeral
    assert (server.image.id, server.disks, server.machine.ephemeral_gb) == (asked.upload, (2,), 5)
    assert (server.machine.swap_mb, server.upload, server.upload_ephemeral) == (64, None, None)
    [left] = first.desired().servers
    assert left.ephemeral_image is None and not left.powered


def test_a_server_without_an_ephemeral_disk_is_asked_for_its_root_disk_alone(cloud: Cloud) -> None:
    first = host(cloud)
    server_id = boot(cloud, with_disks(cloud, 0, 64))
    first.obey()
    second = host(cloud, "h2")

    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    [asked] = first.obey_but_uploads()
    assert asked.upload and asked.upload_ephemeral is None
    first.hand_in(server_id, asked.upload)

    assert [server.ephemeral_image for server in second.desired().servers] == [None]


def test_a_resize_to_another_host_takes_the_ephemeral_disk_along(cloud: Cloud) -> None:
    _, second, server_id = away(cloud, with_disks(cloud, 5), with_disks(cloud, 50, id="e"))

    [server] = second.desired().servers
    assert (server.id, server.machine.ephemeral_gb) == (server_id, 50) and server.ephemeral_image is not None


def test_what_the_ephemeral_disk_is_made_of_stays_as_long_as_the_server_reads_from_it(cloud: Cloud) -> None:
    first, second, server_id = away(cloud, with_disks(cloud, 5))
    confirm_resize(cloud.control, ADMIN, server_id, "req-3")
    for each in (second, first, second):
        each.obey()
    purge_deleted_images(cloud.control)

    [server] = second.desired().servers
    image = server.ephemeral_image
    assert image is not None and image.id in images(cloud, server_id)
    rebuild_server(cloud.control, ADMIN, server_id, Rebuild(cloud.image), "req-4")
    second.obey()
    purge_deleted_images(cloud.control)
    assert second.desired().servers[0].ephemeral_image is None
    with cloud.control.db.read() as tx:
        assert image_store.find_image(tx, image.id) is None


def images(cloud: Cloud, server_id: str) -> frozenset[ImageId]:
    with cloud.control.db.read() as tx:
        row = servers.find_server(tx, server_id)
        assert row is not None
        return frozenset(each for each in row.images if image_store.find_image(tx, each) is not None)


def test_a_revert_goes_back_to_the_disk_that_stayed(cloud: Cloud) -> None:
    first, second, server_id = away(cloud, with_disks(cloud, 5))

    revert_resize(cloud.control, ADMIN, server_id, "req-3")
    for each in (second, first, second, first):
        each.obey()

    [server] = first.desired().servers
    assert (server.disks, server.ephemeral_image, server.powered) == ((1,), None, True)
    assert second.desired().servers == ()


def test_a_second_move_is_made_from_the_disk_of_the_first_and_the_source_keeps_its_own(cloud: Cloud) -> None:
    first, second, server_id = away(cloud, with_disks(cloud, 5))
    confirm_resize(cloud.control, ADMIN, server_id, "req-3")
    for each in (second, first, second):
        each.obey()
    before = second.desired().servers[0].ephemeral_image

    migrate_server(cloud.control, ADMIN, server_id, "req-4")
    for _ in range(3):
        second.obey()
        first.obey()

    [server], [left] = first.desired().servers, second.desired().servers
    assert before is not None and left.ephemeral_image == before
    assert server.ephemeral_image is not None and server.ephemeral_image != before


def test_shelving_leaves_the_ephemeral_disk_behind_as_nova_does(cloud: Cloud) -> None:
    first, second, server_id = away(cloud, with_disks(cloud, 5))
    confirm_resize(cloud.control, ADMIN, server_id, "req-3")
    second.obey()
    shelve_server(cloud.control, ADMIN, server_id, "req-4")
    [asked] = second.obey_but_uploads()
    assert asked.upload and asked.upload_ephemeral is None
    for _ in range(2):
        second.obey()
        first.obey()

    unshelve_server(cloud.control, ADMIN, server_id, "req-5")

    assert [each.ephemeral_image for there in (first, second) for each in there.desired().servers] == [None]


@pytest.mark.parametrize("old", ["h1", "h2"])
def test_an_agent_of_an_earlier_release_neither_sends_nor_takes_an_ephemeral_disk(cloud: Cloud, old: str) -> None:
    acts = {name: tuple(GuestAct) if name != old else (GuestAct.PAUSE,) for name in ("h1", "h2")}
    first = host(cloud, acts=acts["h1"])
    server_id = boot(cloud, with_disks(cloud, 5))
    first.obey()
    host(cloud, "h2", disk_gb=100, acts=acts["h2"])

    with pytest.raises(Conflict if old == "h1" else BadInput) as caught:
        migrate_server(cloud.control, ADMIN, server_id, "req-2")
    assert caught.value.code == ("guest-act" if old == "h1" else "no-valid-host")
    if old == "h2":
        assert "h2 (AgentVersion): its agent" in caught.value.detail
        assert "too old to take an ephemeral disk" in caught.value.detail and "pgrade" in caught.value.remedy
    with pytest.raises(BadInput) as caught_in_resize:
        resize_server(cloud.control, ADMIN, server_id, with_disks(cloud, 50, id="e"), "req-3")
    assert "(AgentVersion)" in caught_in_resize.value.detail

    assert cloud.server(server_id).status is ServerStatus.ACTIVE
