"""Devices that come to a server and go again: claims, the quota, what its host must have, and what a report makes of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from busway.control.devices import listing
from busway.control.moves.begin_resize import resize_server
from busway.control.servers.devices import ALIAS, ServerDevice, attach_device, detach_device, list_devices, with_alias
from busway.control.servers.power import stop_server
from busway.control.servers.read import list_actions
from busway.domain.documents import Observed
from busway.domain.errors import BadInput, BuswayError, Conflict, NotFound, OverQuota
from busway.domain.flavor import Flavor
from busway.domain.grant import Fault
from busway.domain.ids import FlavorId, UnitName
from busway.domain.server import Server, ServerStatus
from busway.store import quotas, servers
from tests.control.clouds import ADMIN, Cloud, Host


@pytest.fixture
def host(cloud: Cloud) -> Host:
    return cloud.host("h1", 2)


@pytest.fixture
def server(cloud: Cloud, host: Host) -> Server:
    [server] = cloud.boot(gpu=False)
    host.obey()
    return server


def attach(cloud: Cloud, server: Server) -> ServerDevice:
    return attach_device(cloud.control, ADMIN, server.id, "a1", "req-a")


def detach(cloud: Cloud, server: Server, device: ServerDevice) -> None:
    detach_device(cloud.control, ADMIN, server.id, device.id, "req-d")


def states(cloud: Cloud, server: Server) -> list[str]:
    return [each.state for each in list_devices(cloud.control, ADMIN, server.id)]


def free(cloud: Cloud) -> int:
    return sum(device.status == "available" for device in listing.list_devices(cloud.control, ADMIN))


def seeing(
    change: Callable[[tuple[UnitName, ...]], tuple[UnitName, ...]], **more: object
) -> Callable[[Observed], Observed]:
    """A report that tells of other devices in the guest than are desired."""

    def changed(observed: Observed) -> Observed:
        [seen] = observed.servers
        there = change(seen.attached or ())
        return replace(observed, servers=(replace(seen, attached=there, **more),))  # type: ignore[arg-type]

    return changed


def test_a_device_is_allocated_once_the_guest_was_seen_with_it(cloud: Cloud, host: Host, server: Server) -> None:
    made = attach(cloud, server)
    [grant] = host.desired().servers[0].devices
    host.as_of = seeing(lambda _there: ())
    host.obey()
    waiting = states(cloud, server)
    host.as_of = lambda observed: observed
    host.obey()

    assert (made.alias, made.state, waiting) == ("a1", "claimed", ["claimed"])
    assert states(cloud, server) == ["allocated"]
    assert (grant.claim_id, grant.port) == (made.id, 2)
    assert free(cloud) == 1
    assert cloud.server(server.id).flavor.extra_specs[ALIAS] == "a1:1"


def test_a_device_that_goes_is_free_once_its_host_has_it_back(cloud: Cloud, host: Host, server: Server) -> None:
    device = attach(cloud, server)
    host.obey()
    [name] = [grant.unit.name for grant in host.desired().servers[0].devices]
    detach(cloud, server, device)
    host.as_of = seeing(lambda _there: (name,), devices=(name,), ignored=(name,))
    host.obey()
    kept = (states(cloud, server), free(cloud))
    [action] = [each for each in list_actions(cloud.control, ADMIN, server.id) if each.action == "detachDevice"]
    host.as_of = lambda observed: observed
    host.obey()

    assert kept == (["releasing"], 1)
    assert "let go of device a1" in (action.message or "")
    assert (states(cloud, server), free(cloud)) == ([], 2)
    assert ALIAS not in cloud.server(server.id).flavor.extra_specs
    with pytest.raises(NotFound):
        detach(cloud, server, device)


def test_a_device_that_its_host_can_not_plug_in_is_given_back(cloud: Cloud, host: Host, server: Server) -> None:
    attach(cloud, server)
    fault = Fault("PlugDevice", "its BARs have no room", "They need 16 MB.", "Stop the server.", "no-bar-room")
    host.as_of = seeing(lambda _there: (), devices=(), fault=fault)
    host.report([server.id], held=[])
    taken_back = states(cloud, server)
    host.as_of = lambda observed: observed
    host.obey()

    [action] = [each for each in list_actions(cloud.control, ADMIN, server.id) if each.action == "attachDevice"]
    assert "its BARs have no room" in (action.message or "")
    assert taken_back == ["releasing"]
    assert (states(cloud, server), free(cloud)) == ([], 2)
    assert cloud.server(server.id).status is ServerStatus.ACTIVE
    assert ALIAS not in cloud.server(server.id).flavor.extra_specs


def test_where_the_host_has_none_the_refusal_says_why(cloud: Cloud, host: Host, server: Server) -> None:
    cloud.host("h2", 4)
    for _ in range(2):
        attach(cloud, server)
        host.obey()

    with pytest.raises(BadInput, match="a1") as caught:
        attach(cloud, server)
    assert "own host" in caught.value.detail


def test_the_quota_of_devices_holds(cloud: Cloud, host: Host, server: Server) -> None:
    with cloud.control.db.write() as tx:
        quotas.set_limits(tx, ADMIN.project_id, {"pci_passthrough:a1": 1})
    attach(cloud, server)

    with pytest.raises(OverQuota):
        attach(cloud, server)


def test_a_device_that_a_guest_keeps_counts_in_the_quota(cloud: Cloud, host: Host, server: Server) -> None:
    with cloud.control.db.write() as tx:
        quotas.set_limits(tx, ADMIN.project_id, {"pci_passthrough:a1": 1})
    device = attach(cloud, server)
    host.obey()
    [name] = [grant.unit.name for grant in host.desired().servers[0].devices]
    detach(cloud, server, device)
    host.as_of = seeing(lambda _there: (name,), devices=(name,), ignored=(name,))
    host.obey()

    with pytest.raises(OverQuota):
        attach(cloud, server)
    host.as_of = lambda observed: observed
    host.obey()
    assert attach(cloud, server).state == "claimed"


def test_an_alias_that_nobody_knows_is_refused(cloud: Cloud, host: Host, server: Server) -> None:
    with pytest.raises(BuswayError, match="nothing"):
        attach_device(cloud.control, ADMIN, server.id, "nothing", "req-a")


def test_a_guest_that_runs_has_two_places_and_one_that_is_off_gets_more(
    cloud: Cloud, server: Server, host: Host
) -> None:
    host.inventory = cloud.host("h3", 3).inventory
    host.obey()
    for _ in range(2):
        attach(cloud, server)
        host.obey()
    with pytest.raises(Conflict, match="no free root port"):
        attach(cloud, server)
    stop_server(cloud.control, ADMIN, server.id, "req-s")
    host.obey()
    attach(cloud, server)

    assert [grant.port for grant in host.desired().servers[0].devices] == [2, 3, 4]


def test_a_paused_guest_is_refused_with_the_reason(cloud: Cloud, host: Host, server: Server) -> None:
    with cloud.control.db.write() as tx:
        servers.update_server(tx, server.id, cloud.control.now(), status=ServerStatus.PAUSED)

    with pytest.raises(Conflict, match="while it is PAUSED"):
        attach(cloud, server)


def test_a_flavor_counts_its_devices() -> None:
    flavor = Flavor(FlavorId("f"), "f", 1, 1, 1, extra_specs={"x": "y"})
    more = with_alias(with_alias(with_alias(flavor, "a1", 1), "b", 1), "a1", 1)

    assert more.extra_specs == {"x": "y", ALIAS: "a1:2,b:1"}
    assert with_alias(with_alias(with_alias(more, "a1", -1), "a1", -1), "b", -1) == flavor


def test_a_resize_does_not_count_on_a_device_that_is_still_going(cloud: Cloud, host: Host, server: Server) -> None:
    device = attach(cloud, server)
    host.obey()
    stop_server(cloud.control, ADMIN, server.id, "req-s")
    host.report(off=[server.id])
    detach(cloud, server, device)

    resize_server(cloud.control, ADMIN, server.id, cloud.gpu_flavor, "req-r")

    assert sorted(states(cloud, server)) == ["claimed", "releasing"]
