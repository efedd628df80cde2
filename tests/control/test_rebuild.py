"""A rebuild: a new disk on the same host with the same devices."""

import pytest

from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.password import post_password, show_password
from busway.control.servers.rebuild import Rebuild, rebuild_server
from busway.domain.errors import Conflict
from busway.domain.grant import Fault
from busway.domain.ids import ServerId
from busway.domain.server import PowerState, ServerStatus, TaskState
from tests.control.clouds import ADMIN, Cloud, Host


def running(cloud: Cloud) -> tuple[Host, str]:
    host = cloud.host("h1", count=2)
    [server] = cloud.boot()
    host.obey()
    return host, server.id


def rebuild(cloud: Cloud, server_id: str) -> None:
    rebuild_server(cloud.control, ADMIN, server_id, Rebuild(cloud.image), "req-2")


def test_a_rebuild_asks_for_a_disk_of_a_new_number_and_keeps_the_devices(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    before = host.desired().servers[0]
    rebuild(cloud, server_id)
    after = host.desired().servers[0]
    assert cloud.status(server_id) == (ServerStatus.REBUILD, TaskState.REBUILDING)
    assert (before.disks, after.disks, after.starts) == ((1,), (2,), 2)
    assert before.devices == after.devices
    host.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)
    assert cloud.device_statuses() == ["allocated", "available"]


def test_a_report_of_the_old_disk_does_not_end_a_rebuild(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    rebuild(cloud, server_id)
    wanted = host.desired().servers[0]
    assert wanted.disks == (2,)
    cloud_report_of_disk(host, server_id, 1)
    assert cloud.status(server_id)[0] is ServerStatus.REBUILD
    cloud_report_of_disk(host, server_id, 2)
    assert cloud.status(server_id)[0] is ServerStatus.ACTIVE


def test_the_password_that_the_old_guest_has_posted_is_forgotten(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    post_password(cloud.control, host.id, ServerId(server_id), "c2VhbGVk")
    rebuild(cloud, server_id)
    between = show_password(cloud.control, ADMIN, server_id)
    host.obey()
    post_password(cloud.control, host.id, ServerId(server_id), "of the new guest")

    assert between == ""
    assert show_password(cloud.control, ADMIN, server_id) == "of the new guest"


def cloud_report_of_disk(host: Host, server_id: str, disk: int) -> None:
    """A report of a running guest on a certain disk."""
    host.report([host.desired().servers[0].id], disk=disk)


def test_a_server_that_is_off_stays_off(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    server_power.stop_server(cloud.control, ADMIN, server_id, "req-2")
    host.obey()
    rebuild(cloud, server_id)
    assert host.desired().servers[0].powered is False
    host.obey()
    assert cloud.status(server_id) == (ServerStatus.SHUTOFF, None)


def test_two_rebuilds_are_two_disks_and_no_other_act_comes_in_between(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    rebuild(cloud, server_id)
    with pytest.raises(Conflict, match="while it is REBUILD"):
        rebuild(cloud, server_id)
    host.obey()
    rebuild(cloud, server_id)
    assert host.desired().servers[0].disks == (3,)


def test_a_rebuild_that_fails_is_an_error_that_keeps_its_device_and_may_be_tried_again(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    rebuild(cloud, server_id)
    host.report(faults={cloud.server(server_id).id: Fault("MakeDisk", "There is no room")})
    failed = cloud.server(server_id)
    assert failed.status is ServerStatus.ERROR
    assert failed.fault is not None and "There is no room" in failed.fault.message
    assert cloud.device_statuses() == ["allocated", "available"]
    assert len(host.desired().servers) == 1
    rebuild(cloud, server_id)
    host.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)


def test_a_fault_of_before_the_rebuild_says_nothing_of_it(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    before = host.desired().generation
    rebuild(cloud, server_id)
    host.report(faults={cloud.server(server_id).id: Fault("StopDomain", "Something old")}, generation=before)
    assert cloud.status(server_id) == (ServerStatus.REBUILD, TaskState.REBUILDING)


def test_deleting_in_the_midst_of_a_rebuild_frees_the_device(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    rebuild(cloud, server_id)
    delete_server(cloud.control, ADMIN, server_id, "req-3")
    host.report()
    assert cloud.device_statuses() == ["available", "available"]
    assert cloud.server(server_id).status is ServerStatus.DELETED


@pytest.mark.parametrize(("resume", "status_"), [(False, ServerStatus.SHUTOFF), (True, ServerStatus.ACTIVE)])
def test_after_a_restart_of_its_host_a_guest_is_off_or_started_again_as_the_operator_chose(
    cloud: Cloud, resume: bool, status_: ServerStatus
) -> None:
    cloud.configure(resume_guests_state_on_host_boot=resume)
    host, server_id = running(cloud)
    host.boot_id = "another"
    host.report(off=[cloud.server(server_id).id])
    assert host.desired().servers[0].starts == (2 if resume else 1)
    assert host.desired().servers[0].powered is resume
    host.obey()
    assert cloud.status(server_id) == (status_, None)
    assert cloud.server(server_id).power is (PowerState.RUNNING if resume else PowerState.SHUTOFF)
    assert cloud.device_statuses() == ["allocated", "available"]


def test_a_guest_that_powers_itself_off_is_not_started_again(cloud: Cloud) -> None:
    cloud.configure(resume_guests_state_on_host_boot=True)
    host, server_id = running(cloud)
    host.report(off=[cloud.server(server_id).id])
    assert cloud.status(server_id) == (ServerStatus.SHUTOFF, None)
