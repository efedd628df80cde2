"""A host that is restarted ends its guests: a server tells so whatever was in progress, and nothing starts twice."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.unshelve import unshelve_server
from busway.control.moves.verify import confirm_resize, revert_resize
from busway.control.servers import hold
from busway.control.servers import power as server_power
from busway.control.servers.rebuild import Rebuild, rebuild_server
from busway.control.servers.shelve import shelve_server
from busway.domain.ids import FlavorId, ServerId
from busway.domain.server import PowerState, ServerStatus, TaskState
from tests.control.clouds import ADMIN, Cloud, Host

Act = Callable[[Cloud, Host, ServerId], None]


def start(cloud: Cloud, host: Host, server_id: ServerId) -> None:
    server_power.stop_server(cloud.control, ADMIN, server_id, "req")
    host.obey()
    server_power.start_server(cloud.control, ADMIN, server_id, "req")


def reboot(cloud: Cloud, _host: Host, server_id: ServerId) -> None:
    server_power.reboot_server(cloud.control, ADMIN, server_id, "req", hard=True)


def rebuild(cloud: Cloud, _host: Host, server_id: ServerId) -> None:
    rebuild_server(cloud.control, ADMIN, server_id, Rebuild(cloud.image), "req")


def unpause(cloud: Cloud, host: Host, server_id: ServerId) -> None:
    hold.pause_server(cloud.control, ADMIN, server_id, "req")
    host.obey()
    hold.unpause_server(cloud.control, ADMIN, server_id, "req")


def unshelve(cloud: Cloud, host: Host, server_id: ServerId) -> None:
    cloud.configure(shelved_offload_time=-1)
    shelve_server(cloud.control, ADMIN, server_id, "req")
    host.obey()
    host.obey()
    assert cloud.server(server_id).status is ServerStatus.SHELVED
    unshelve_server(cloud.control, ADMIN, server_id, "req")


def resize(cloud: Cloud, host: Host, server_id: ServerId) -> None:
    begin(cloud, server_id)
    host.obey()
    assert cloud.server(server_id).task_state is TaskState.RESIZE_FINISH


def resize_hot(cloud: Cloud, _host: Host, server_id: ServerId) -> None:
    begin(cloud, server_id, hot=True)
    assert cloud.server(server_id).task_state is TaskState.RESIZE_FINISH


def revert(cloud: Cloud, host: Host, server_id: ServerId) -> None:
    resize(cloud, host, server_id)
    host.obey()
    revert_resize(cloud.control, ADMIN, server_id, "req")


def revert_hot(cloud: Cloud, host: Host, server_id: ServerId) -> None:
    resize_hot(cloud, host, server_id)
    host.obey()
    revert_resize(cloud.control, ADMIN, server_id, "req")


def begin(cloud: Cloud, server_id: ServerId, *, hot: bool = False) -> None:
    specs = {"pci_passthrough:alias": "a1:2"} | ({"busway:hot_resize": "true"} if hot else {})
    flavor = replace(cloud.gpu_flavor, id=FlavorId("two"), name="two", extra_specs=specs)
    resize_server(cloud.control, ADMIN, server_id, flavor, "req")


def restarted(host: Host, server_id: ServerId) -> None:
    """Its first report after boot: the guest was started as the document says, and nobody saw it run."""
    host.boot_id = "next"
    host.report(off=[server_id])


ACTS = [start, reboot, rebuild, unpause, unshelve, revert, revert_hot]
RESIZES = [resize, resize_hot]


@pytest.fixture
def host(cloud: Cloud) -> Host:
    return cloud.host("h1", 3)


@pytest.fixture
def server_id(cloud: Cloud, host: Host) -> ServerId:
    [server] = cloud.boot()
    host.obey()
    return server.id


@pytest.mark.parametrize("act", ACTS)
def test_a_guest_that_its_hosts_restart_ended_is_shut_off_whatever_was_in_progress(
    cloud: Cloud, host: Host, server_id: ServerId, act: Act
) -> None:
    act(cloud, host, server_id)
    restarted(host, server_id)
    server = cloud.server(server_id)
    assert (server.status, server.task_state, server.power) == (ServerStatus.SHUTOFF, None, PowerState.SHUTOFF)
    assert not host.desired().servers[0].powered
    server_power.start_server(cloud.control, ADMIN, server_id, "req")
    host.obey()
    assert cloud.server(server_id).status is ServerStatus.ACTIVE


@pytest.mark.parametrize("act", [*ACTS, *RESIZES])
def test_the_guest_is_started_again_once_if_the_operator_chose_so(
    cloud: Cloud, host: Host, server_id: ServerId, act: Act
) -> None:
    cloud.configure(resume_guests_state_on_host_boot=True)
    act(cloud, host, server_id)
    before = host.desired().servers[0].starts
    restarted(host, server_id)
    assert (host.desired().servers[0].powered, host.desired().servers[0].starts) == (True, before + 1)
    host.obey()
    host.obey()
    server = cloud.server(server_id)
    reached = ServerStatus.VERIFY_RESIZE if act in RESIZES else ServerStatus.ACTIVE
    assert (server.status, server.task_state, server.power) == (reached, None, PowerState.RUNNING)
    assert host.desired().servers[0].starts == before + 1


@pytest.mark.parametrize("act", RESIZES)
@pytest.mark.parametrize("seen", [True, False])
def test_a_resized_guest_that_is_off_is_confirmed_off(
    cloud: Cloud, host: Host, server_id: ServerId, act: Act, seen: bool
) -> None:
    act(cloud, host, server_id)
    if seen:
        host.obey()
    restarted(host, server_id)
    server = cloud.server(server_id)
    assert (server.status, server.power) == (ServerStatus.VERIFY_RESIZE, PowerState.SHUTOFF)
    assert not host.desired().servers[0].powered
    confirm_resize(cloud.control, ADMIN, server_id, "req")
    assert cloud.server(server_id).status is ServerStatus.SHUTOFF
    host.obey()
    assert (cloud.server(server_id).status, host.desired().servers[0].powered) == (ServerStatus.SHUTOFF, False)


@pytest.mark.parametrize("act", RESIZES)
def test_a_resized_guest_that_is_off_runs_again_when_it_is_reverted(
    cloud: Cloud, host: Host, server_id: ServerId, act: Act
) -> None:
    act(cloud, host, server_id)
    restarted(host, server_id)
    before = host.desired().servers[0].starts
    revert_resize(cloud.control, ADMIN, server_id, "req")
    assert (host.desired().servers[0].powered, host.desired().servers[0].starts) == (True, before + 1)
    host.obey()
    assert (cloud.server(server_id).status, cloud.server(server_id).power) == (
        ServerStatus.ACTIVE,
        PowerState.RUNNING,
    )


def test_a_resize_that_is_confirmed_while_its_guest_is_started_again_ends_as_active(
    cloud: Cloud, host: Host, server_id: ServerId
) -> None:
    cloud.configure(resume_guests_state_on_host_boot=True)
    resize(cloud, host, server_id)
    host.obey()
    restarted(host, server_id)
    starts = host.desired().servers[0].starts
    confirm_resize(cloud.control, ADMIN, server_id, "req")
    server = cloud.server(server_id)
    assert (server.status, server.task_state) == (ServerStatus.SHUTOFF, TaskState.POWERING_ON)
    host.obey()
    assert cloud.server(server_id).status is ServerStatus.ACTIVE
    assert (host.desired().servers[0].powered, host.desired().servers[0].starts) == (True, starts)


def test_a_resized_guest_that_stalls_is_confirmed_as_running(cloud: Cloud, host: Host, server_id: ServerId) -> None:
    resize(cloud, host, server_id)
    host.obey()
    host.report(paused=[server_id])  # QEMU has paused it: its host's disk is full
    confirm_resize(cloud.control, ADMIN, server_id, "req")
    assert (cloud.server(server_id).status, host.desired().servers[0].powered) == (ServerStatus.ACTIVE, True)
