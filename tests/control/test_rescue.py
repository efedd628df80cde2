"""Rescued servers: what their hosts must have, what they are shown as, and what a failure leaves of them."""

import json
from dataclasses import replace

import pytest

from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.read import get_server, list_actions
from busway.control.servers.rebuild import Rebuild, rebuild_server
from busway.control.servers.rescue import rescue_server, unrescue_server
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.grant import Fault
from busway.domain.ids import ImageId
from busway.domain.image import Image, ImageStatus
from busway.domain.server import PowerState, Server, ServerStatus, TaskState
from busway.store import images as image_store
from busway.store import servers as server_store
from tests.control.clouds import ADMIN, USER, Cloud, Host

FAULT = Fault("FetchImage", "the image arrived damaged", "more bytes", "Upload it again.", "image-damaged")


@pytest.fixture
def host(cloud: Cloud) -> Host:
    return cloud.host("h1")


@pytest.fixture
def server(cloud: Cloud, host: Host) -> Server:
    [made] = cloud.boot()
    host.obey()
    return made


def mender(cloud: Cloud, owner: str = "p1", **properties: str) -> ImageId:
    """An image to rescue with."""
    image = Image(
        ImageId("mender"),
        "mender",
        ImageStatus.ACTIVE,
        owner,  # type: ignore[arg-type]
        cloud.time,
        cloud.time,
        disk_format="raw",
        container_format="bare",
        size=7,
        sha256="cd" * 32,
        min_disk=900,
        properties=properties,
        visibility="private",
    )
    with cloud.control.db.write() as tx:
        image_store.add_image(tx, image)
    return image.id


def state(cloud: Cloud, server: Server) -> tuple[ServerStatus, TaskState | None, PowerState | None]:
    found = get_server(cloud.control, ADMIN, server.id)
    return found.status, found.task_state, found.power


def rescue(cloud: Cloud, server: Server, image: str | None = None) -> None:
    rescue_server(cloud.control, ADMIN, server.id, "req-1", image, "secret")


def test_a_server_is_rescued_with_its_devices_and_comes_back(cloud: Cloud, host: Host, server: Server) -> None:
    rescue(cloud, server, mender(cloud))
    asked = state(cloud, server)
    [wanted] = host.desired().servers
    told = json.loads(wanted.config_drive.meta_data)
    host.obey()
    rescued = state(cloud, server)
    unrescue_server(cloud.control, ADMIN, server.id, "req-2")
    leaving = state(cloud, server)
    [after] = host.desired().servers
    host.obey()

    assert asked == (ServerStatus.ACTIVE, TaskState.RESCUING, PowerState.RUNNING)
    assert wanted.rescue is not None
    assert (wanted.rescue.image.id, wanted.rescue.number, wanted.disks, len(wanted.devices)) == ("mender", 2, (1,), 1)
    assert told["admin_pass"] == "secret"
    assert rescued == (ServerStatus.RESCUE, None, PowerState.RUNNING)
    assert leaving == (ServerStatus.RESCUE, TaskState.UNRESCUING, PowerState.RUNNING)
    assert (after.rescue, after.starts) == (None, 3)
    assert "admin_pass" not in after.config_drive.meta_data
    assert state(cloud, server) == (ServerStatus.ACTIVE, None, PowerState.RUNNING)
    assert [a.action for a in list_actions(cloud.control, ADMIN, server.id)][:2] == ["unrescue", "rescue"]


def test_each_rescue_has_a_disk_of_its_own(cloud: Cloud, host: Host, server: Server) -> None:
    numbers = []
    for _ in range(2):
        rescue(cloud, server)
        [wanted] = host.desired().servers
        numbers.append(wanted.rescue_disk)
        host.obey()
        unrescue_server(cloud.control, ADMIN, server.id, "req-2")
        host.obey()
    rebuild_server(cloud.control, ADMIN, server.id, Rebuild(cloud.image), "req-3")
    [wanted] = host.desired().servers

    assert (numbers, wanted.disks) == ([2, 3], (4,))


def test_without_an_image_it_boots_from_its_own(cloud: Cloud, host: Host, server: Server) -> None:
    rescue(cloud, server)
    [wanted] = host.desired().servers

    assert wanted.rescue is not None
    assert wanted.rescue.image == wanted.image


def test_its_host_may_fetch_the_image_and_the_image_is_kept(cloud: Cloud, host: Host, server: Server) -> None:
    rescue(cloud, server, mender(cloud))
    with cloud.control.db.read() as tx:
        row = server_store.find_server(tx, server.id)
        used = server_store.images_in_use(tx, [ImageId("mender"), ImageId("other")])

    assert row is not None
    assert "mender" in row.images
    assert used == {"mender"}


def test_a_stable_rescue_is_said_by_the_image(cloud: Cloud, host: Host, server: Server) -> None:
    rescue(cloud, server, mender(cloud, hw_rescue_bus="usb"))
    [wanted] = host.desired().servers

    assert wanted.rescue is not None
    assert (wanted.rescue.bus, wanted.rescue.device) == ("usb", "disk")


def test_an_image_that_can_not_be_used_is_refused(cloud: Cloud, host: Host, server: Server) -> None:
    with pytest.raises(BadInput, match="hw_rescue_device = floppy"):
        rescue(cloud, server, mender(cloud, hw_rescue_device="floppy"))
    with pytest.raises(NotFound):
        rescue(cloud, server, "nothing")
    assert state(cloud, server)[:2] == (ServerStatus.ACTIVE, None)


def test_an_image_of_others_is_not_found(cloud: Cloud, host: Host) -> None:
    mine = mender(cloud)
    [made] = cloud.boot(caller=USER, gpu=False)
    host.obey()

    with pytest.raises(NotFound):
        rescue_server(cloud.control, USER, made.id, "req-1", mine, "secret")


def test_what_nova_refuses_of_a_rescued_server_is_refused(cloud: Cloud, host: Host, server: Server) -> None:
    rescue(cloud, server)
    host.obey()

    with pytest.raises(Conflict, match="RESCUE"):
        server_power.reboot_server(cloud.control, ADMIN, server.id, "r", hard=True)
    with pytest.raises(Conflict, match="RESCUE"):
        server_power.stop_server(cloud.control, ADMIN, server.id, "r")
    with pytest.raises(Conflict, match="RESCUE"):
        rescue(cloud, server)
    with pytest.raises(Conflict, match="RESCUE"):
        rebuild_server(cloud.control, ADMIN, server.id, Rebuild(cloud.image), "r")


def test_a_server_that_was_off_runs_after_its_rescue(cloud: Cloud, host: Host, server: Server) -> None:
    server_power.stop_server(cloud.control, ADMIN, server.id, "req-0")
    host.obey()
    rescue(cloud, server)
    host.obey()
    unrescue_server(cloud.control, ADMIN, server.id, "req-2")
    host.obey()

    assert state(cloud, server) == (ServerStatus.ACTIVE, None, PowerState.RUNNING)


def test_a_rescue_that_fails_before_the_guest_is_off_leaves_it_running(
    cloud: Cloud, host: Host, server: Server
) -> None:
    rescue(cloud, server, mender(cloud))
    host.as_of = lambda seen: replace(seen, servers=tuple(replace(s, fault=FAULT, rescue=0) for s in seen.servers))
    host.report([server.id])

    [wanted] = host.desired().servers
    assert state(cloud, server) == (ServerStatus.ACTIVE, None, PowerState.RUNNING)
    assert wanted.rescue is None
    assert "damaged" in str(list_actions(cloud.control, ADMIN, server.id)[0].message)


def test_a_rescue_that_fails_later_leaves_it_off_with_its_own_disk(cloud: Cloud, host: Host, server: Server) -> None:
    rescue(cloud, server)
    host.as_of = lambda seen: replace(seen, servers=tuple(replace(s, fault=FAULT) for s in seen.servers))
    host.report(off=[server.id])
    host.as_of = lambda seen: seen
    server_power.start_server(cloud.control, ADMIN, server.id, "req-2")
    host.obey()

    [wanted] = host.desired().servers
    assert (wanted.rescue, state(cloud, server)) == (None, (ServerStatus.ACTIVE, None, PowerState.RUNNING))


def test_an_unrescue_that_fails_while_the_rescue_system_runs_leaves_it_rescued(
    cloud: Cloud, host: Host, server: Server
) -> None:
    rescue(cloud, server)
    host.obey()
    unrescue_server(cloud.control, ADMIN, server.id, "req-2")
    host.as_of = lambda seen: replace(seen, servers=tuple(replace(s, fault=FAULT, rescue=2) for s in seen.servers))
    host.report([server.id])

    [wanted] = host.desired().servers
    assert state(cloud, server) == (ServerStatus.RESCUE, None, PowerState.RUNNING)
    assert wanted.rescue_disk == 2


def test_a_rescued_guest_that_powers_off_waits_for_its_user(cloud: Cloud, host: Host, server: Server) -> None:
    rescue(cloud, server)
    host.obey()
    host.report(off=[server.id])
    host.report(off=[server.id])
    off = state(cloud, server)
    unrescue_server(cloud.control, ADMIN, server.id, "req-2")
    host.obey()

    assert off == (ServerStatus.RESCUE, None, PowerState.SHUTOFF)
    assert state(cloud, server) == (ServerStatus.ACTIVE, None, PowerState.RUNNING)


def test_a_rescued_server_is_deleted(cloud: Cloud, host: Host, server: Server) -> None:
    rescue(cloud, server)
    host.obey()
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    host.report()

    assert cloud.server(server.id).status is ServerStatus.DELETED
