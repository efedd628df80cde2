"""A resize that gives a running guest more devices: it keeps running, waits for its user, and can be taken back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from busway.control.devices import listing
from busway.control.moves import listing as move_list
from busway.control.moves.begin_resize import resize_server
from busway.control.moves.verify import confirm_resize, revert_resize
from busway.control.servers.delete import delete_server
from busway.control.servers.devices import list_devices
from busway.control.servers.power import stop_server
from busway.control.servers.read import list_actions
from busway.domain.documents import HostResources, Observed
from busway.domain.errors import BadInput, OverQuota
from busway.domain.flavor import Flavor
from busway.domain.grant import Fault
from busway.domain.host_facts import GuestAct
from busway.domain.ids import FlavorId, UnitName
from busway.domain.move import MoveState
from busway.domain.server import Server, ServerStatus
from busway.store import quotas
from tests.control.clouds import ADMIN, Cloud, Host, gpu

FIRST, SECOND, THIRD = (UnitName(f"0000:4{n}:00.0") for n in (1, 2, 3))
FAULT = Fault("PlugDevice", "libvirt could not plug it in", "no room", "Look.", "libvirt-refused")


@pytest.fixture
def host(cloud: Cloud) -> Host:
    return cloud.host("h1", 3)


@pytest.fixture
def server(cloud: Cloud, host: Host) -> Server:
    [server] = cloud.boot()
    host.obey()
    return server


def bigger(cloud: Cloud, count: int = 2, words: dict[str, str] | None = None, **changes: Any) -> Flavor:
    """The flavor of the server with more devices, to which it may be resized as it runs."""
    specs = {"pci_passthrough:alias": f"a1:{count}", "busway:hot_resize": "true", **(words or {})}
    return replace(cloud.gpu_flavor, id=FlavorId("two"), name="two", extra_specs=specs, **changes)


def resize(cloud: Cloud, server: Server, flavor: Flavor | None = None) -> None:
    resize_server(cloud.control, ADMIN, server.id, flavor or bigger(cloud), "req-r")


def told(host: Host) -> tuple[bool, int, tuple[int, ...], list[str]]:
    """What the host must have: whether the guest runs, how often it was started, its disks, and its devices."""
    [server] = host.desired().servers
    return server.powered, server.starts, server.disks, [grant.unit.name for grant in server.devices]


def with_devices(*there: UnitName, **more: Any) -> Callable[[Observed], Observed]:
    """A report of a guest that has these devices."""

    def changed(observed: Observed) -> Observed:
        servers = tuple(replace(each, attached=there, devices=there, **more) for each in observed.servers)
        return replace(observed, servers=servers)

    return changed


def reports(host: Host, *there: UnitName, **more: Any) -> None:
    host.as_of = with_devices(*there, **more)
    try:
        host.obey()
    finally:
        host.as_of = lambda observed: observed


def status(cloud: Cloud, server: Server) -> str:
    return str(cloud.server(server.id).status)


def claimed(cloud: Cloud, server: Server) -> list[str]:
    return sorted(each.state for each in list_devices(cloud.control, ADMIN, server.id))


def free(cloud: Cloud) -> int:
    return sum(device.status == "available" for device in listing.list_devices(cloud.control, ADMIN))


def state(cloud: Cloud) -> MoveState:
    return move_list.list_moves(cloud.control, ADMIN).moves[0].state


def test_a_guest_keeps_running_and_waits_for_its_user_when_it_has_its_device(
    cloud: Cloud, host: Host, server: Server
) -> None:
    before = told(host)
    resize(cloud, server)
    assert told(host) == (*before[:3], [FIRST, SECOND])
    assert [grant.port for grant in host.desired().servers[0].devices] == [1, 3]
    reports(host, FIRST)
    assert (status(cloud, server), claimed(cloud, server)) == ("RESIZE", ["allocated", "claimed"])
    host.obey()
    assert (status(cloud, server), state(cloud)) == ("VERIFY_RESIZE", MoveState.FINISHED)
    assert (claimed(cloud, server), free(cloud)) == (["allocated", "allocated"], 1)

    confirm_resize(cloud.control, ADMIN, server.id, "req-c")
    host.obey()
    assert (status(cloud, server), state(cloud)) == ("ACTIVE", MoveState.CONFIRMED)
    assert told(host) == (*before[:3], [FIRST, SECOND])
    assert cloud.server(server.id).flavor.name == "two"


def test_a_report_from_before_the_resize_says_nothing_of_it(cloud: Cloud, host: Host, server: Server) -> None:
    old = host.desired()
    resize(cloud, server)
    host.report([server.id], of=old)
    assert status(cloud, server) == "RESIZE"


def test_a_revert_has_the_guest_let_go_of_what_is_new_and_of_nothing_else(
    cloud: Cloud, host: Host, server: Server
) -> None:
    before = told(host)
    resize(cloud, server)
    host.obey()
    revert_resize(cloud.control, ADMIN, server.id, "req-v")
    assert told(host) == before
    reports(host, FIRST, SECOND)
    assert status(cloud, server) == "REVERT_RESIZE"
    host.obey()
    assert (status(cloud, server), state(cloud)) == ("ACTIVE", MoveState.REVERTED)
    assert (claimed(cloud, server), free(cloud)) == (["allocated"], 2)
    assert cloud.server(server.id).flavor.name == cloud.gpu_flavor.name


def test_a_guest_that_keeps_what_is_taken_away_is_waited_for_no_longer_and_the_device_is_not_free(
    cloud: Cloud, host: Host, server: Server
) -> None:
    resize(cloud, server)
    host.obey()
    revert_resize(cloud.control, ADMIN, server.id, "req-v")
    reports(host, FIRST, SECOND, ignored=(SECOND,))
    assert (status(cloud, server), free(cloud)) == ("ACTIVE", 1)


def test_a_device_that_can_not_be_plugged_in_ends_it_and_the_guest_runs_as_before(
    cloud: Cloud, host: Host, server: Server
) -> None:
    before = told(host)
    resize(cloud, server)
    reports(host, FIRST, fault=FAULT)
    assert told(host) == before
    host.obey()
    host.obey()
    assert (status(cloud, server), state(cloud)) == ("ACTIVE", MoveState.REVERTED)
    assert (claimed(cloud, server), free(cloud)) == (["allocated"], 2)
    [action] = [each for each in list_actions(cloud.control, ADMIN, server.id) if each.action == "resize"]
    assert "could not plug it in" in str(action.message)


def test_a_guest_that_went_off_meanwhile_is_started_with_its_old_devices_by_a_revert(
    cloud: Cloud, host: Host, server: Server
) -> None:
    resize(cloud, server)
    host.obey()
    host.report(off=[server.id])
    _, starts, *_ = told(host)
    revert_resize(cloud.control, ADMIN, server.id, "req-v")
    assert told(host) == (True, starts + 1, (1,), [FIRST])
    host.obey()
    assert status(cloud, server) == "ACTIVE"


def test_the_quota_counts_what_a_resize_adds(cloud: Cloud, host: Host, server: Server) -> None:
    with cloud.control.db.write() as tx:
        quotas.set_limits(tx, ADMIN.project_id, {"pci_passthrough:a1": 1})
    with pytest.raises(OverQuota):
        resize(cloud, server)
    assert told(host)[3] == [FIRST]


def test_deleting_the_server_in_the_midst_frees_all(cloud: Cloud, host: Host, server: Server) -> None:
    resize(cloud, server)
    delete_server(cloud.control, ADMIN, server.id, "req-d")
    host.obey()
    assert free(cloud) == 3


@pytest.mark.parametrize(
    "other",
    [
        {"vcpus": 2},
        {"ram_mb": 1024},
        {"disk_gb": 30},
        {"words": {"busway:hotplug_ports": "4"}},
        {"words": {"busway:hot_resize": "false"}},
        {"count": 3, "words": {"busway:hotplug_ports": "4"}},
    ],
    ids=["vcpus", "ram", "disk", "machine", "not permitted", "more ports"],
)
def test_any_other_difference_needs_the_guest_to_be_shut_down(
    cloud: Cloud, host: Host, server: Server, other: dict[str, Any]
) -> None:
    resize(cloud, server, bigger(cloud, **other))
    assert (status(cloud, server), told(host)[0]) == ("RESIZE", False)


def test_fewer_devices_need_the_guest_to_be_shut_down(cloud: Cloud, host: Host) -> None:
    cloud.gpu_flavor = bigger(cloud)
    [server] = cloud.boot()
    host.obey()
    resize(cloud, server, replace(bigger(cloud, 1), id=FlavorId("one")))
    assert told(host)[0] is False


def test_without_a_free_root_port_the_guest_is_shut_down(cloud: Cloud, host: Host) -> None:
    cloud.gpu_flavor = replace(
        cloud.gpu_flavor, extra_specs={**cloud.gpu_flavor.extra_specs, "busway:hotplug_ports": "0"}
    )
    [server] = cloud.boot()
    host.obey()
    resize(cloud, server, bigger(cloud, words={"busway:hotplug_ports": "0"}))
    assert told(host)[0] is False


def test_a_server_that_is_off_is_resized_as_ever(cloud: Cloud, host: Host, server: Server) -> None:
    stop_server(cloud.control, ADMIN, server.id, "req-s")
    host.obey()
    resize(cloud, server)
    assert (status(cloud, server), told(host)[0]) == ("RESIZE", False)


def test_an_agent_that_can_not_plug_shuts_the_guest_down(cloud: Cloud) -> None:
    acts = tuple(act for act in GuestAct if act is not GuestAct.PLUG)
    host = cloud.host("old", 2, resources=HostResources(16, 65536, 1000, acts=acts))
    [server] = cloud.boot()
    host.obey()
    resize(cloud, server)
    assert told(host)[0] is False


def test_where_its_host_has_none_free_it_goes_elsewhere_as_ever_or_is_refused(cloud: Cloud) -> None:
    host = cloud.host("h1", 1)
    [server] = cloud.boot()
    host.obey()
    with pytest.raises(BadInput, match="No valid host"):
        resize(cloud, server)
    assert (status(cloud, server), told(host)[0]) == (str(ServerStatus.ACTIVE), True)
    other = cloud.host("h2", inventory=(gpu(0x20), gpu(0x21)))
    resize(cloud, server)
    assert told(host)[0] is False
    assert other.desired().servers == ()
