"""A build that is given up at each of its stages: nothing is leaked, and nothing is free before its host says so."""

from collections.abc import Callable

import pytest

from busway.control.loops.sweeper import sweep
from busway.control.placement import place
from busway.control.servers.delete import delete_server
from busway.domain.server import Server, ServerStatus
from busway.testing.stage import held_function
from tests.control.clouds import ADMIN, Cloud, Host, gpu


def test_a_build_that_is_deleted_before_it_was_placed_is_gone_at_once_and_never_placed(cloud: Cloud) -> None:
    cloud.host("h1")
    [server] = cloud.create()
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    assert cloud.server(server.id).status is ServerStatus.DELETED
    assert place.place_round(cloud.control) == 0
    assert cloud.device_statuses() == ["available"]


def test_a_refused_build_is_gone_at_once(cloud: Cloud) -> None:
    [server] = cloud.boot()
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    assert cloud.server(server.id).status is ServerStatus.DELETED


def nothing_yet(_host: Host, _server: Server) -> None:
    """The agent has not asked for its document."""


def fetching(host: Host, _server: Server) -> None:
    """The agent has the document and no part of the server."""
    host.report()


def bound(host: Host, server: Server) -> None:
    """The agent holds the device, and there is no guest."""
    host.report(held=[held_function(gpu(0).address, server.id, "bochs-drm")])


def defined(host: Host, server: Server) -> None:
    """The guest is defined and was never started."""
    host.report(off=[server.id], starts=0, held=[held_function(gpu(0).address, server.id, "bochs-drm")])


@pytest.mark.parametrize("stage", [nothing_yet, fetching, bound, defined])
def test_a_build_that_is_deleted_on_its_host_frees_its_device_when_the_host_says_so(
    cloud: Cloud, stage: Callable[[Host, Server], None]
) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    stage(host, server)
    assert cloud.server(server.id).status is ServerStatus.BUILD
    before = host.desired().generation
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    host.report(generation=before)
    assert cloud.device_statuses() == ["allocated"]
    assert host.desired().absent == (server.id,)
    host.report()
    assert cloud.device_statuses() == ["available"]
    assert cloud.server(server.id).status is ServerStatus.DELETED
    assert host.desired().absent == ()


@pytest.mark.parametrize("running", [True, False])
def test_a_server_of_a_host_that_is_down_is_deleted_and_its_device_waits_for_the_host(
    cloud: Cloud, running: bool
) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    if running:
        host.report([server.id])
    cloud.wait(60)
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    sweep(cloud.control)
    assert cloud.server(server.id).status is ServerStatus.DELETED
    assert cloud.device_statuses() == ["allocated"]
    assert cloud.boot("other")[0].status is ServerStatus.ERROR
    host.report([server.id])  # it is back, and the guest is not torn down yet
    assert cloud.device_statuses() == ["allocated"]
    assert cloud.server(server.id).status is ServerStatus.DELETED
    host.report()
    assert cloud.device_statuses() == ["available"]


def test_a_delete_that_is_asked_for_twice_is_one_delete(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    delete_server(cloud.control, ADMIN, server.id, "req-2")
    generation = host.desired().generation
    delete_server(cloud.control, ADMIN, server.id, "req-3")
    assert host.desired().generation == generation
