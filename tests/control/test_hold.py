"""Paused and suspended servers: what their hosts must have, what they are shown as, and what a failure leaves of them."""

from dataclasses import replace

import pytest

from busway.control.servers import hold
from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.image import create_image
from busway.control.servers.lock import reset_state
from busway.control.servers.read import get_server, list_actions
from busway.control.servers.shelve import shelve_server
from busway.domain.errors import Conflict
from busway.domain.grant import Fault
from busway.domain.server import Hold, PowerState, Server, ServerStatus, TaskState
from busway.store import servers
from tests.control.clouds import ADMIN, Cloud, Host

FAULT = Fault("SaveDomain", "libvirt could not save it", "no space left", "Make room.", "libvirt-refused")


@pytest.fixture
def host(cloud: Cloud) -> Host:
    return cloud.host("h1")


@pytest.fixture
def plain(cloud: Cloud, host: Host) -> Server:
    [server] = cloud.boot(gpu=False)
    host.obey()
    return server


@pytest.fixture
def gpu_server(cloud: Cloud, host: Host) -> Server:
    [server] = cloud.boot()
    host.obey()
    return server


def state(cloud: Cloud, server: Server) -> tuple[ServerStatus, TaskState | None, PowerState | None]:
    found = get_server(cloud.control, ADMIN, server.id)
    return found.status, found.task_state, found.power


def test_a_server_with_a_device_is_paused_and_goes_on(cloud: Cloud, host: Host, gpu_server: Server) -> None:
    hold.pause_server(cloud.control, ADMIN, gpu_server.id, "req-1")
    asked = state(cloud, gpu_server)
    [wanted] = host.desired().servers
    host.report([gpu_server.id])
    waiting = state(cloud, gpu_server)
    host.obey()
    paused = state(cloud, gpu_server)
    hold.unpause_server(cloud.control, ADMIN, gpu_server.id, "req-2")
    host.obey()

    assert asked == waiting == (ServerStatus.ACTIVE, TaskState.PAUSING, PowerState.RUNNING)
    assert (wanted.powered, wanted.hold, len(wanted.devices)) == (True, Hold.PAUSED, 1)
    assert paused == (ServerStatus.PAUSED, None, PowerState.PAUSED)
    assert state(cloud, gpu_server) == (ServerStatus.ACTIVE, None, PowerState.RUNNING)
    assert [a.action for a in list_actions(cloud.control, ADMIN, gpu_server.id)][:2] == ["unpause", "pause"]


def test_a_server_is_suspended_and_goes_on(cloud: Cloud, host: Host, plain: Server) -> None:
    hold.suspend_server(cloud.control, ADMIN, plain.id, "req-1")
    host.obey()
    suspended = state(cloud, plain)
    hold.resume_server(cloud.control, ADMIN, plain.id, "req-2")
    resuming = state(cloud, plain)
    host.obey()

    assert suspended == (ServerStatus.SUSPENDED, None, PowerState.SHUTOFF)
    assert resuming == (ServerStatus.SUSPENDED, TaskState.RESUMING, PowerState.SHUTOFF)
    assert state(cloud, plain) == (ServerStatus.ACTIVE, None, PowerState.RUNNING)


def test_a_server_with_a_device_is_not_suspended_and_the_refusal_says_why(cloud: Cloud, gpu_server: Server) -> None:
    with pytest.raises(Conflict, match="it has devices of its host") as caught:
        hold.suspend_server(cloud.control, ADMIN, gpu_server.id, "req-1")

    assert caught.value.code == "suspend-devices"
    assert "(a1)" in caught.value.detail
    assert "openstack server pause" in caught.value.remedy
    assert state(cloud, gpu_server)[:2] == (ServerStatus.ACTIVE, None)


def test_an_agent_that_is_too_old_is_not_asked(cloud: Cloud, host: Host, plain: Server) -> None:
    host.resources = replace(host.resources, acts=())
    host.obey()

    with pytest.raises(Conflict) as caught:
        hold.pause_server(cloud.control, ADMIN, plain.id, "req-1")

    assert caught.value.code == "guest-act"


@pytest.mark.parametrize("act", [hold.pause_server, hold.suspend_server, hold.unpause_server, hold.resume_server])
def test_a_server_that_is_off_is_not_held(cloud: Cloud, host: Host, plain: Server, act: object) -> None:
    server_power.stop_server(cloud.control, ADMIN, plain.id, "req-1")
    host.obey()

    with pytest.raises(Conflict, match="SHUTOFF"):
        act(cloud.control, ADMIN, plain.id, "req-2")  # type: ignore[operator]


def test_a_suspension_that_fails_leaves_the_server_as_it_ran(cloud: Cloud, host: Host, plain: Server) -> None:
    hold.suspend_server(cloud.control, ADMIN, plain.id, "req-1")
    host.as_of = lambda seen: replace(seen, servers=tuple(replace(one, fault=FAULT) for one in seen.servers))
    host.report([plain.id])

    [wanted] = host.desired().servers
    assert state(cloud, plain) == (ServerStatus.ACTIVE, None, PowerState.RUNNING)
    assert wanted.hold is None
    assert "no space left" in str(list_actions(cloud.control, ADMIN, plain.id)[0].message)


def test_a_resumption_that_fails_leaves_the_memory_saved(cloud: Cloud, host: Host, plain: Server) -> None:
    hold.suspend_server(cloud.control, ADMIN, plain.id, "req-1")
    host.obey()
    hold.resume_server(cloud.control, ADMIN, plain.id, "req-2")
    host.as_of = lambda seen: replace(seen, servers=tuple(replace(one, fault=FAULT) for one in seen.servers))
    host.report(saved=[plain.id])

    [wanted] = host.desired().servers
    assert state(cloud, plain) == (ServerStatus.SUSPENDED, None, PowerState.SHUTOFF)
    assert wanted.hold is Hold.SUSPENDED


def test_an_unpausing_that_fails_leaves_it_paused(cloud: Cloud, host: Host, plain: Server) -> None:
    hold.pause_server(cloud.control, ADMIN, plain.id, "req-1")
    host.obey()
    hold.unpause_server(cloud.control, ADMIN, plain.id, "req-2")
    host.as_of = lambda seen: replace(seen, servers=tuple(replace(one, fault=FAULT) for one in seen.servers))
    host.report(paused=[plain.id])

    [wanted] = host.desired().servers
    assert (state(cloud, plain), wanted.hold) == ((ServerStatus.PAUSED, None, PowerState.PAUSED), Hold.PAUSED)


def test_a_guest_that_qemu_has_stopped_by_itself_is_not_shown_as_off(cloud: Cloud, host: Host, plain: Server) -> None:
    host.report(paused=[plain.id])

    [wanted] = host.desired().servers
    assert state(cloud, plain) == (ServerStatus.ACTIVE, None, PowerState.PAUSED)
    assert wanted.powered


def test_a_paused_guest_that_its_host_lost_is_off(cloud: Cloud, host: Host, gpu_server: Server) -> None:
    hold.pause_server(cloud.control, ADMIN, gpu_server.id, "req-1")
    host.obey()
    host.boot_id = "other"
    host.report(off=[gpu_server.id])

    [wanted] = host.desired().servers
    assert state(cloud, gpu_server) == (ServerStatus.SHUTOFF, None, PowerState.SHUTOFF)
    assert (wanted.powered, wanted.hold, len(wanted.devices)) == (False, None, 1)


def test_a_suspended_guest_outlives_a_restart_of_its_host(cloud: Cloud, host: Host, plain: Server) -> None:
    hold.suspend_server(cloud.control, ADMIN, plain.id, "req-1")
    host.obey()
    host.boot_id = "other"
    host.obey()

    assert state(cloud, plain) == (ServerStatus.SUSPENDED, None, PowerState.SHUTOFF)


def test_a_suspended_guest_whose_memory_is_gone_is_off(cloud: Cloud, host: Host, plain: Server) -> None:
    hold.suspend_server(cloud.control, ADMIN, plain.id, "req-1")
    host.obey()
    host.report(off=[plain.id])

    [wanted] = host.desired().servers
    assert state(cloud, plain) == (ServerStatus.SHUTOFF, None, PowerState.SHUTOFF)
    assert (wanted.powered, wanted.hold) == (False, None)


@pytest.mark.parametrize("act", [hold.pause_server, hold.suspend_server, server_power.stop_server])
def test_a_hard_reboot_is_the_way_out(cloud: Cloud, host: Host, plain: Server, act: object) -> None:
    act(cloud.control, ADMIN, plain.id, "req-1")  # type: ignore[operator]
    host.obey()
    server_power.reboot_server(cloud.control, ADMIN, plain.id, "req-2", hard=True)
    [wanted] = host.desired().servers
    host.obey()

    assert (wanted.powered, wanted.hold, wanted.reboots, wanted.hard_reboot) == (True, None, 1, True)
    assert state(cloud, plain) == (ServerStatus.ACTIVE, None, PowerState.RUNNING)


@pytest.mark.parametrize("act", [hold.pause_server, hold.suspend_server])
def test_a_held_server_is_shelved_and_deleted(cloud: Cloud, host: Host, plain: Server, act: object) -> None:
    act(cloud.control, ADMIN, plain.id, "req-1")  # type: ignore[operator]
    host.obey()
    shelve_server(cloud.control, ADMIN, plain.id, "req-2")
    [wanted] = host.desired().servers
    host.obey()
    shelved = state(cloud, plain)[0]
    delete_server(cloud.control, ADMIN, plain.id, "req-3")

    assert (wanted.powered, wanted.hold) == (False, None)
    assert shelved is ServerStatus.SHELVED_OFFLOADED


def test_an_image_is_made_of_a_suspended_server(cloud: Cloud, host: Host, plain: Server) -> None:
    hold.suspend_server(cloud.control, ADMIN, plain.id, "req-1")
    host.obey()
    create_image(cloud.control, ADMIN, plain.id, "kept", {}, "req-2")
    [wanted] = host.desired().servers
    host.obey()

    assert (wanted.hold, wanted.upload is not None) == (Hold.SUSPENDED, True)
    assert state(cloud, plain) == (ServerStatus.SUSPENDED, None, PowerState.SHUTOFF)


def test_a_paused_server_that_is_reset_runs_again(cloud: Cloud, host: Host, plain: Server) -> None:
    hold.pause_server(cloud.control, ADMIN, plain.id, "req-1")
    host.obey()
    reset_state(cloud.control, ADMIN, plain.id, ServerStatus.ACTIVE, "req-2")

    [wanted] = host.desired().servers
    assert wanted.hold is None


@pytest.mark.parametrize(
    ("status", "way"),
    [
        (ServerStatus.PAUSED, "unpause"),
        (ServerStatus.SUSPENDED, "resume"),
        (ServerStatus.SHUTOFF, "start"),
        (ServerStatus.RESCUE, "unrescue"),
        (ServerStatus.SHELVED_OFFLOADED, "unshelve"),
        (ServerStatus.VERIFY_RESIZE, "resize confirm"),
        (ServerStatus.SOFT_DELETED, "restore"),
    ],
)
def test_a_refusal_names_the_command_that_leads_out_of_a_status(
    cloud: Cloud, plain: Server, status: ServerStatus, way: str
) -> None:
    def remedy() -> str:
        with pytest.raises(Conflict) as refused:
            hold.pause_server(cloud.control, ADMIN, plain.id, "req-1")
        return refused.value.remedy

    with cloud.control.db.write() as tx:
        servers.update_server(tx, plain.id, cloud.control.now(), status=status)
    rests = remedy()
    with cloud.control.db.write() as tx:
        servers.update_server(tx, plain.id, cloud.control.now(), task_state=TaskState.REBOOTING)

    assert rests == f"First: openstack server {way} {plain.id}"
    assert remedy().startswith("Wait until it is")


def test_a_running_server_is_not_told_to_stop_before_it_starts(cloud: Cloud, plain: Server) -> None:
    with pytest.raises(Conflict) as refused:
        server_power.start_server(cloud.control, ADMIN, plain.id, "req-1")

    assert "stop" not in refused.value.remedy
