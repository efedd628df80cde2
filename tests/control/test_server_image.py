"""An image of a server that is shut off: queued until its host has handed the disk in."""

import pytest

from busway.control.images import catalogue as images
from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.image import create_image
from busway.domain.errors import Conflict, NotFound
from busway.domain.grant import Fault
from busway.domain.image import ImageStatus
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
