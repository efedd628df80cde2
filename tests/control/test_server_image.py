"""Images and backups of servers, whether they run or not: queued until the host has handed the disk in."""

import struct
from dataclasses import replace

import pytest

from busway.control.agents import access as agents
from busway.control.images import catalogue as images
from busway.control.servers import hold
from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.image import create_backup, create_image
from busway.domain.errors import BuswayError, Conflict, NotFound, OverQuota, TooLarge
from busway.domain.grant import Fault
from busway.domain.host_facts import GuestAct
from busway.domain.image import ImageStatus
from busway.domain.quota import DEFAULTS
from busway.domain.server import ServerStatus, TaskState
from tests.control.clouds import ADMIN, Cloud, Host


def stopped(cloud: Cloud) -> tuple[Host, str]:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    server_power.stop_server(cloud.control, ADMIN, server.id, "req-2")
    host.obey()
    return host, server.id


def test_the_image_is_active_once_the_disk_has_arrived_and_can_be_booted(cloud: Cloud) -> None:
    host, server_id = stopped(cloud)
    image_id = create_image(cloud.control, ADMIN, server_id, "snap", {"a": "b"}, "req-3")
    assert images.get_image(cloud.control, ADMIN, image_id).status is ImageStatus.QUEUED
    assert cloud.server(server_id).task_state is TaskState.IMAGE_UPLOADING
    host.obey()
    image = images.get_image(cloud.control, ADMIN, image_id)
    assert (image.status, image.name, image.properties["a"]) == (ImageStatus.ACTIVE, "snap", "b")
    assert image.properties["instance_uuid"] == server_id
    assert (cloud.server(server_id).status, cloud.server(server_id).task_state) == (ServerStatus.SHUTOFF, None)
    server_power.start_server(cloud.control, ADMIN, server_id, "req-4")


def test_an_image_of_a_server_has_no_more_properties_than_another_image(cloud: Cloud) -> None:
    _host, server_id = stopped(cloud)

    with pytest.raises(TooLarge, match="properties"):
        create_image(cloud.control, ADMIN, server_id, "snap", {f"p{number}": "" for number in range(128)}, "req-3")
    assert cloud.server(server_id).task_state is None


@pytest.mark.parametrize("paused", [False, True])
def test_an_image_of_a_running_server_is_made_while_it_stays_as_it_is(cloud: Cloud, paused: bool) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    if paused:
        hold.pause_server(cloud.control, ADMIN, server.id, "req-2")
        host.obey()
    before = cloud.server(server.id)

    image_id = create_image(cloud.control, ADMIN, server.id, "snap", {}, "req-3")

    [wanted] = host.desired().servers
    assert (wanted.upload, wanted.powered) == (image_id, True)
    assert cloud.server(server.id).task_state is TaskState.IMAGE_UPLOADING
    with pytest.raises(Conflict, match="image_uploading"):
        create_image(cloud.control, ADMIN, server.id, "second", {}, "req-4")
    host.obey()
    after = cloud.server(server.id)
    assert images.get_image(cloud.control, ADMIN, image_id).status is ImageStatus.ACTIVE
    assert (after.status, after.power, after.task_state) == (before.status, before.power, None)


def test_a_running_server_on_a_host_whose_agent_is_too_old_is_refused(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    host.resources = replace(host.resources, acts=(GuestAct.PAUSE,))
    host.obey()

    with pytest.raises(Conflict, match="too old"):
        create_image(cloud.control, ADMIN, server.id, "snap", {}, "req-3")


def test_a_new_backup_takes_the_place_of_the_oldest_of_its_kind(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()

    def back_up(name: str, kind: str, rotation: int) -> None:
        create_backup(cloud.control, ADMIN, server.id, name, kind, rotation, {}, "req-3")
        host.obey()
        cloud.wait(1)

    def kept() -> set[str | None]:
        found = images.list_images(cloud.control, ADMIN)
        return {image.name for image in found if image.properties.get("image_type") == "backup"}

    back_up("w1", "weekly", 1)
    for number in range(3):
        back_up(f"d{number}", "daily", 2)

    assert kept() == {"w1", "d1", "d2"}
    assert create_backup(cloud.control, ADMIN, server.id, "none", "daily", 0, {}, "req-4") is None
    assert kept() == {"w1"}
    assert cloud.server(server.id).task_state is None


def test_a_backup_that_fails_costs_no_other(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    first = create_backup(cloud.control, ADMIN, server.id, "one", "daily", 1, {}, "req-3")
    host.obey()
    create_backup(cloud.control, ADMIN, server.id, "two", "daily", 1, {}, "req-4")

    host.as_of = lambda seen: replace(
        seen, servers=tuple(replace(each, fault=Fault("UploadDisk", "There is no room")) for each in seen.servers)
    )
    host.obey_but_uploads()

    assert first is not None
    assert images.get_image(cloud.control, ADMIN, first).status is ImageStatus.ACTIVE
    assert cloud.server(server.id).status is ServerStatus.ACTIVE


def test_an_image_that_will_never_come_is_not_left_behind(cloud: Cloud) -> None:
    host, server_id = stopped(cloud)
    first = create_image(cloud.control, ADMIN, server_id, "snap", {}, "req-3")
    host.report(faults={cloud.server(server_id).id: Fault("UploadDisk", "There is no room")})
    assert cloud.server(server_id).task_state is None
    with pytest.raises(NotFound):
        images.get_image(cloud.control, ADMIN, first)
    second = create_image(cloud.control, ADMIN, server_id, "snap", {}, "req-4")
    delete_server(cloud.control, ADMIN, server_id, "req-5")
    with pytest.raises(NotFound):
        images.get_image(cloud.control, ADMIN, second)


@pytest.mark.parametrize(("resource", "error"), [("image_count_total", OverQuota), ("image_size_total", TooLarge)])
def test_an_image_of_a_server_counts_in_its_projects_quotas(
    cloud: Cloud, resource: str, error: type[BuswayError]
) -> None:
    _, server_id = stopped(cloud)
    cloud.configure(quota={**DEFAULTS, resource: 0})

    with pytest.raises(error):
        create_image(cloud.control, ADMIN, server_id, "snap", {}, "req-3")
    assert cloud.server(server_id).task_state is None


def test_a_disk_that_is_larger_than_what_its_project_has_left_is_refused_and_the_act_told_as_failed(
    cloud: Cloud,
) -> None:
    host, server_id = stopped(cloud)
    create_image(cloud.control, ADMIN, server_id, "snap", {}, "req-3")
    cloud.configure(quota={**DEFAULTS, "image_size_total": 1})
    [wanted] = [server.upload for server in host.desired().servers if server.upload]

    with pytest.raises(TooLarge) as announced:
        agents.begin_disk_upload(cloud.control, host.id, server_id, wanted, 2 * 1024**2)
    with pytest.raises(TooLarge) as unannounced:
        upload = agents.begin_disk_upload(cloud.control, host.id, server_id, wanted, None)
        try:
            upload.write(struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 1 << 30).ljust(2 * 1024**2, b"\0"))
            agents.finish_disk_upload(cloud.control, upload)
        finally:
            upload.abort()

    assert {announced.value.code, unannounced.value.code} == {"image-quota"}
