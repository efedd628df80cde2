"""Evacuation: from a host that is down only, and never two guests where the old host comes back."""

from dataclasses import replace

import pytest

from busway.control.devices import listing as devices
from busway.control.moves import listing as move_list
from busway.control.moves.kinds.evacuate import evacuate_server
from busway.control.servers.delete import delete_server
from busway.domain.errors import BadInput, Conflict, Forbidden, NotFound
from busway.domain.grant import Fault
from busway.domain.move import MoveState
from busway.domain.server import ServerStatus, TaskState
from busway.store.devices import DeviceFilter
from busway.testing.stage import held_function
from tests.control.clouds import ADMIN, USER, Cloud, Host, gpu


def statuses(cloud: Cloud, host: str) -> list[str | None]:
    return [device.status for device in devices.list_devices(cloud.control, ADMIN, DeviceFilter(host=host))]


def down(cloud: Cloud) -> tuple[Host, Host, str]:
    """A server on a host that has stopped reporting, and another host that reports."""
    one = cloud.host("h1")
    [server] = cloud.boot()
    one.obey()
    cloud.wait(60)
    return one, cloud.host("h2"), server.id


def evacuate(cloud: Cloud, server_id: str, **options: object) -> None:
    evacuate_server(cloud.control, ADMIN, server_id, "req-2", **options)  # type: ignore[arg-type]


def test_a_server_of_a_host_that_reports_is_not_evacuated(cloud: Cloud) -> None:
    one, _, server_id = down(cloud)
    one.obey()
    with pytest.raises(BadInput, match="Compute service of h1 is still in use"):
        evacuate(cloud, server_id)


def test_only_admins_evacuate(cloud: Cloud) -> None:
    _, _, server_id = down(cloud)
    with pytest.raises(NotFound):
        evacuate_server(cloud.control, USER, server_id, "req-2")
    with pytest.raises(Forbidden):
        evacuate_server(cloud.control, replace(USER, project_id=ADMIN.project_id), server_id, "req-2")


def test_an_evacuated_server_boots_elsewhere_from_its_image_and_the_old_device_stays_claimed(cloud: Cloud) -> None:
    one, two, server_id = down(cloud)
    evacuate(cloud, server_id)
    assert cloud.server(server_id).status is ServerStatus.REBUILD
    assert cloud.server(server_id).task_state is TaskState.REBUILDING
    [wanted] = two.desired().servers
    assert (wanted.image.id, wanted.disks, wanted.powered) == (cloud.image, (2,), True)
    two.obey()
    assert (cloud.server(server_id).status, cloud.server(server_id).host_name) == (ServerStatus.ACTIVE, "h2")
    assert (statuses(cloud, "h1"), statuses(cloud, "h2")) == (["allocated"], ["allocated"])
    assert move_list.list_moves(cloud.control, ADMIN).moves[0].state is MoveState.DONE
    assert one.desired().servers == ()


def test_a_host_that_comes_back_tears_the_server_down_and_only_then_is_its_device_free(cloud: Cloud) -> None:
    one, two, server_id = down(cloud)
    before = one.desired().generation
    evacuate(cloud, server_id)
    two.obey()
    mine = cloud.server(server_id).id
    one.report([mine], generation=before)  # it was cut off, and its guest has run on
    assert cloud.server(server_id).host_name == "h2"
    assert one.desired().absent == (server_id,)
    one.report(held=[held_function(gpu(0).address, mine, "bochs-drm")])
    assert statuses(cloud, "h1") == ["allocated"]
    one.obey()
    assert (statuses(cloud, "h1"), one.desired().absent) == (["available"], ())
    assert cloud.server(server_id).status is ServerStatus.ACTIVE


def test_an_evacuation_that_fails_may_be_tried_again_once_that_host_is_down_too(cloud: Cloud) -> None:
    one, two, server_id = down(cloud)
    evacuate(cloud, server_id)
    two.report(faults={cloud.server(server_id).id: Fault("StartDomain", "libvirt refused")})
    assert cloud.server(server_id).status is ServerStatus.ERROR
    cloud.wait(60)
    three = cloud.host("h3")
    evacuate(cloud, server_id)
    three.obey()
    assert (cloud.server(server_id).status, cloud.server(server_id).host_name) == (ServerStatus.ACTIVE, "h3")
    one.obey()
    two.obey()
    assert [statuses(cloud, name) for name in ("h1", "h2", "h3")] == [["available"], ["available"], ["allocated"]]


def test_a_server_that_was_shut_off_stays_off_and_any_can_be_kept_off(cloud: Cloud) -> None:
    _, two, server_id = down(cloud)
    evacuate(cloud, server_id, stay_off=True)
    two.obey()
    assert cloud.server(server_id).status is ServerStatus.SHUTOFF


def test_where_there_is_no_other_device_nothing_changes(cloud: Cloud) -> None:
    one, _, server_id = down(cloud)
    cloud.boot("other")
    generation = one.desired().generation
    with pytest.raises(BadInput, match="No valid host"):
        evacuate(cloud, server_id, host="h2")
    assert cloud.server(server_id).status is ServerStatus.ACTIVE
    assert one.desired().generation == generation


def test_an_evacuated_server_is_gone_when_it_is_deleted_though_the_old_host_is_still_away(cloud: Cloud) -> None:
    one, two, server_id = down(cloud)
    evacuate(cloud, server_id)
    two.obey()
    delete_server(cloud.control, ADMIN, server_id, "req-3")
    two.obey()
    assert cloud.server(server_id).status is ServerStatus.DELETED
    assert (statuses(cloud, "h1"), statuses(cloud, "h2")) == (["allocated"], ["available"])
    one.obey()
    assert statuses(cloud, "h1") == ["available"]


def test_a_deleted_server_is_not_evacuated(cloud: Cloud) -> None:
    _, _, server_id = down(cloud)
    delete_server(cloud.control, ADMIN, server_id, "req-3")
    with pytest.raises(Conflict, match="Cannot 'evacuate'"):
        evacuate(cloud, server_id)
