"""The life of a server's devices in the database: available, claimed, allocated, available, each with its event."""

import pytest

from busway.control import events
from busway.control.devices import listing as devices
from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.read import get_server, list_actions
from busway.domain.errors import Conflict, NotFound
from busway.domain.grant import Fault
from busway.domain.server import ServerStatus, TaskState
from busway.domain.status import DeviceStatus
from busway.testing.stage import held_function
from tests.control.clouds import ADMIN, USER, Cloud, gpu


def story(cloud: Cloud) -> list[tuple[str | None, str]]:
    device = devices.list_devices(cloud.control, ADMIN)[0]
    return [(e.old, e.new) for e in events.list_events(cloud.control, ADMIN, device=device.id)]


def test_a_device_goes_available_claimed_allocated_and_back(cloud: Cloud) -> None:
    host = cloud.host("h1")
    seen = [cloud.device_statuses()]
    [server] = cloud.boot()
    seen.append(cloud.device_statuses())
    host.report([server.id])
    seen.append(cloud.device_statuses())
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    seen.append(cloud.device_statuses())
    host.report()
    seen.append(cloud.device_statuses())
    assert seen == [["available"], ["claimed"], ["allocated"], ["allocated"], ["available"]]
    assert story(cloud) == [
        (None, "available"),
        ("available", "claimed"),
        ("claimed", "allocated"),
        ("allocated", "releasing"),
        ("releasing", "available"),
    ]


def test_every_event_names_server_device_time_and_reason(cloud: Cloud) -> None:
    cloud.host("h1")
    [server] = cloud.boot()
    claimed = events.list_events(cloud.control, ADMIN, server=server.id)[-1]
    assert (claimed.subject, claimed.new, claimed.reason) == ("device", "claimed", "placed for alias a1")
    assert claimed.device_id is not None
    assert claimed.at == cloud.time


def test_a_server_becomes_active_when_its_host_says_so(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    assert (server.status, server.task_state, server.host_name) == (ServerStatus.BUILD, TaskState.SPAWNING, "h1")
    host.report([server.id])
    assert (cloud.server(server.id).status, cloud.server(server.id).task_state) == (ServerStatus.ACTIVE, None)


def test_a_deleted_server_is_gone_only_after_its_host_has_let_go(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot(caller=USER)
    host.report([server.id])
    delete_server(cloud.control, USER, server.id, "req-2")
    assert host.desired().absent == (server.id,)
    host.report([server.id])
    assert get_server(cloud.control, USER, server.id).task_state is TaskState.DELETING
    host.report(held=[held_function(gpu(0).address, server.id, "bochs-drm")])
    assert cloud.device_statuses() == ["allocated"]
    host.report()
    assert cloud.device_statuses() == ["available"]
    with pytest.raises(NotFound, match="could not be found"):
        get_server(cloud.control, USER, server.id)
    assert host.desired().absent == ()


def test_a_report_of_an_older_generation_frees_nothing(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    before = host.desired().generation
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    host.report(generation=before)
    assert cloud.device_statuses() == ["allocated"]


def test_an_older_report_is_refused(cloud: Cloud) -> None:
    host = cloud.host("h1")
    with pytest.raises(Conflict, match="newer report"):
        host.report(sequence=1)


def test_a_device_that_can_not_be_given_back_is_quarantined_and_freed_once_it_is(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.report([server.id])
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    stuck = held_function(
        gpu(0).address, server.id, "bochs-drm", Fault("GiveBackDevice", "The reset failed", "FLR timed out")
    )
    host.report(held=[stuck])
    [device] = devices.list_devices(cloud.control, ADMIN)
    assert (device.status, device.reason) == (DeviceStatus.QUARANTINED, "The reset failed FLR timed out")
    assert cloud.server(server.id).status is ServerStatus.DELETED
    assert cloud.boot("second")[0].status is ServerStatus.ERROR
    host.report()
    assert cloud.device_statuses() == ["available"]


def test_a_build_that_its_host_refuses_ends_in_error_and_gives_the_device_back(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    refusal = Fault(
        "StartDomain", "libvirt refused to start the guest", "internal error: no such machine", "Look there"
    )
    host.report(faults={server.id: refusal})
    failed = cloud.server(server.id)
    assert failed.status is ServerStatus.ERROR
    assert failed.fault is not None
    assert "internal error: no such machine" in failed.fault.message
    assert cloud.device_statuses() == ["allocated"]
    host.report()
    assert cloud.device_statuses() == ["available"]
    assert cloud.server(server.id).status is ServerStatus.ERROR
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    with pytest.raises(NotFound):
        get_server(cloud.control, USER, server.id)


def test_a_guest_that_powers_itself_off_stays_off_and_keeps_its_device(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.report([server.id])
    host.report(off=[server.id])
    assert cloud.server(server.id).status is ServerStatus.SHUTOFF
    assert host.desired().servers[0].powered is False
    assert cloud.device_statuses() == ["allocated"]


def test_stop_and_start_are_asked_for_and_reached(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.report([server.id])
    server_power.stop_server(cloud.control, ADMIN, server.id, "req-2")
    assert cloud.server(server.id).task_state is TaskState.POWERING_OFF
    host.report(off=[server.id])
    assert cloud.server(server.id).status is ServerStatus.SHUTOFF
    server_power.start_server(cloud.control, ADMIN, server.id, "req-3")
    assert host.desired().servers[0].starts == 2
    host.report([server.id])
    assert (cloud.server(server.id).status, cloud.server(server.id).task_state) == (ServerStatus.ACTIVE, None)


def test_a_start_that_fails_leaves_the_server_shut_off_and_tells_why(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.report([server.id])
    server_power.stop_server(cloud.control, ADMIN, server.id, "req-2")
    host.report(off=[server.id])
    server_power.start_server(cloud.control, ADMIN, server.id, "req-3")
    host.report(faults={server.id: Fault("StartDomain", "libvirt refused", "out of memory")})
    assert (cloud.server(server.id).status, cloud.server(server.id).task_state) == (ServerStatus.SHUTOFF, None)
    assert "out of memory" in str(list_actions(cloud.control, ADMIN, server.id)[0].message)
    assert cloud.device_statuses() == ["allocated"]


def test_a_device_that_vanishes_is_removed_and_not_placed_on(cloud: Cloud) -> None:
    host = cloud.host("h1")
    host.inventory = ()
    host.report()
    assert cloud.device_statuses() == [DeviceStatus.REMOVED]
    [server] = cloud.boot()
    assert server.fault is not None
    assert "1 has vanished from its host" in server.fault.message


def test_a_server_of_a_host_that_is_down_can_be_deleted_and_its_device_stays_claimed(cloud: Cloud) -> None:
    from busway.control.loops.sweeper import sweep

    host = cloud.host("h1")
    [server] = cloud.boot()
    host.report([server.id])
    cloud.wait(60)
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    sweep(cloud.control)
    assert cloud.server(server.id).status is ServerStatus.DELETED
    assert cloud.device_statuses() == ["allocated"]
    host.report()
    assert cloud.device_statuses() == ["available"]


def test_a_device_that_shares_its_group_with_a_foreign_one_is_shown_as_unavailable_with_the_reason(
    cloud: Cloud,
) -> None:
    neighbour = gpu(1, iommu_group=10, product_id="11e8", driver=None)
    cloud.host("h1", inventory=(gpu(0), neighbour))
    shown = devices.list_devices(cloud.control, ADMIN)[0]
    assert shown.status is DeviceStatus.UNAVAILABLE
    assert str(neighbour.address) in shown.reason
