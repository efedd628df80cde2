"""An image of a server that is shut off: queued until its host has handed the disk in."""

import struct

import pytest

from busway.control.agents import access as agents
from busway.control.images import catalogue as images
from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.image import create_image
from busway.domain.errors import BuswayError, Conflict, NotFound, OverQuota, TooLarge
from busway.domain.grant import Fault
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


def test_a_running_server_is_refused_with_what_to_do(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    with pytest.raises(Conflict, match="while it runs"):
        create_image(cloud.control, ADMIN, server.id, "snap", {}, "req-3")


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
