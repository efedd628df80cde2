"""A deleted server that can be restored is off and keeps its disk, ports and devices, until its time is over."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from busway.control import events, quotas
from busway.control.images.purge import purge_deleted_images
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.servers import hold, lock
from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.read import list_actions, list_servers
from busway.control.servers.rescue import rescue_server
from busway.control.servers.shelve import shelve_server
from busway.control.servers.soft_delete import reclaim_overdue, restore_server
from busway.domain.errors import BuswayError, Conflict, OverQuota
from busway.domain.grant import Fault
from busway.domain.requests import ServerFilter
from busway.domain.server import ServerStatus, TaskState
from busway.store import servers
from tests.control.clouds import ADMIN, USER, Cloud, Host

SOFT = (ServerStatus.SOFT_DELETED, None)
ACTIVE = (ServerStatus.ACTIVE, None)


def running(cloud: Cloud, interval: int = 100) -> tuple[Host, str]:
    cloud.configure(reclaim_instance_interval=interval, shelved_offload_time=-1)
    host = cloud.host("h1")
    [server] = cloud.boot(caller=USER)
    host.obey()
    return host, server.id


def deleted(cloud: Cloud) -> tuple[Host, str]:
    host, server_id = running(cloud)
    delete_server(cloud.control, USER, server_id, "req-2")
    host.obey()
    return host, server_id


def ids(cloud: Cloud, **wanted: object) -> list[str]:
    return [server.id for server in list_servers(cloud.control, USER, ServerFilter(**wanted))]  # type: ignore[arg-type]


def test_a_deleted_server_is_shut_down_and_keeps_its_device_and_its_address(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    delete_server(cloud.control, USER, server_id, "req-2")
    [wanted] = host.desired().servers
    assert (wanted.id, wanted.powered, len(wanted.devices)) == (server_id, False, 1)
    host.obey()
    host.obey()
    assert cloud.status(server_id) == SOFT
    assert cloud.server(server_id).addresses
    assert (host.desired().absent, cloud.device_statuses()) == ((), ["allocated"])
    assert [action.action for action in list_actions(cloud.control, USER, server_id)] == ["delete", "create"]
    told = events.list_events(cloud.control, ADMIN, server=server_id)
    assert [(each.old, each.new) for each in told if each.subject == "server"][-1] == ("ACTIVE", "SOFT_DELETED")


def test_nobody_else_gets_its_device(cloud: Cloud) -> None:
    host, server_id = deleted(cloud)
    [other] = cloud.boot("other")
    host.obey()
    assert cloud.status(other.id)[0] is ServerStatus.ERROR
    restore_server(cloud.control, USER, server_id, "req-3")
    host.obey()
    assert cloud.status(server_id) == ACTIVE


def test_a_restored_server_runs_again_with_what_it_had(cloud: Cloud) -> None:
    host, server_id = deleted(cloud)
    before = host.desired().servers[0]
    restore_server(cloud.control, USER, server_id, "req-3")
    assert cloud.status(server_id) == (ServerStatus.SOFT_DELETED, TaskState.RESTORING)
    with pytest.raises(Conflict, match="SOFT_DELETED and restoring"):
        restore_server(cloud.control, USER, server_id, "req-4")
    [wanted] = host.desired().servers
    assert (wanted.powered, wanted.devices, wanted.disks) == (True, before.devices, before.disks)
    host.obey()
    assert cloud.status(server_id) == ACTIVE
    assert list_actions(cloud.control, USER, server_id)[0].action == "restore"


def test_a_server_that_was_not_deleted_is_not_restored(cloud: Cloud) -> None:
    _, server_id = running(cloud)
    with pytest.raises(Conflict, match="Cannot 'restore'"):
        restore_server(cloud.control, USER, server_id, "req-2")


def test_a_server_that_can_not_start_again_is_restored_as_one_that_is_off(cloud: Cloud) -> None:
    host, server_id = deleted(cloud)
    restore_server(cloud.control, USER, server_id, "req-3")
    host.report(faults={cloud.server(server_id).id: Fault("StartDomain", "libvirt refused")})
    assert cloud.status(server_id) == (ServerStatus.SHUTOFF, None)
    assert "libvirt refused" in str(list_actions(cloud.control, USER, server_id)[0].message)


def test_a_guest_that_powers_off_before_it_is_seen_running_is_restored(cloud: Cloud) -> None:
    host, server_id = deleted(cloud)
    restore_server(cloud.control, USER, server_id, "req-3")
    host.report(off=[cloud.server(server_id).id])
    assert cloud.status(server_id) == (ServerStatus.SHUTOFF, None)


def test_a_soft_deleted_server_is_reclaimed_when_its_time_is_over(cloud: Cloud) -> None:
    host, server_id = deleted(cloud)
    cloud.wait(99)
    lock.lock_server(cloud.control, USER, server_id, "req-3")  # prolongs nothing
    delete_server(cloud.control, ADMIN, server_id, "req-4")
    reclaim_overdue(cloud.control)
    assert cloud.status(server_id) == SOFT
    cloud.wait(1)
    reclaim_overdue(cloud.control)
    assert cloud.status(server_id) == (ServerStatus.SOFT_DELETED, TaskState.DELETING)
    assert (host.desired().absent, cloud.device_statuses()) == ((server_id,), ["allocated"])
    host.obey()
    assert (cloud.status(server_id)[0], cloud.device_statuses()) == (ServerStatus.DELETED, ["available"])
    reasons = [event.reason for event in events.list_events(cloud.control, ADMIN, server=server_id)]
    assert "it was soft-deleted for 100 s" in reasons


def test_a_server_that_is_being_restored_is_not_reclaimed(cloud: Cloud) -> None:
    host, server_id = deleted(cloud)
    cloud.wait(100)
    restore_server(cloud.control, USER, server_id, "req-3")
    reclaim_overdue(cloud.control)
    host.obey()
    reclaim_overdue(cloud.control)
    assert cloud.status(server_id) == ACTIVE


def test_one_server_that_can_not_be_reclaimed_does_not_keep_the_others(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.configure(reclaim_instance_interval=100)
    host = cloud.host("h1", count=2)
    made = cloud.boot(count=2)
    host.obey()
    for server in made:
        delete_server(cloud.control, ADMIN, server.id, "req-2")
    bad = servers.find_server

    def fail(tx: object, server_id: str, **more: bool) -> object:
        if server_id == made[0].id and more:
            monkeypatch.setattr(servers, "find_server", bad)
            raise RuntimeError("of one server")
        return bad(tx, server_id, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(servers, "find_server", fail)
    cloud.wait(100)
    reclaim_overdue(cloud.control)
    assert cloud.status(made[0].id)[0] is ServerStatus.ERROR
    assert cloud.status(made[1].id) == (ServerStatus.SOFT_DELETED, TaskState.DELETING)


def test_without_an_interval_servers_are_deleted_at_once_and_kept_ones_wait_for_somebody(cloud: Cloud) -> None:
    host, server_id = deleted(cloud)
    cloud.configure(reclaim_instance_interval=0)
    cloud.wait(1000)
    reclaim_overdue(cloud.control)
    assert cloud.status(server_id) == SOFT
    delete_server(cloud.control, USER, server_id, "req-3")
    host.obey()
    assert cloud.status(server_id)[0] is ServerStatus.DELETED


@pytest.mark.parametrize("was_kept", [True, False])
def test_a_forced_deletion_is_for_good(cloud: Cloud, was_kept: bool) -> None:
    host, server_id = deleted(cloud) if was_kept else running(cloud)
    delete_server(cloud.control, USER, server_id, "req-3", for_good=True)
    host.obey()
    assert (cloud.status(server_id)[0], cloud.device_statuses()) == (ServerStatus.DELETED, ["available"])


def test_what_has_never_run_or_is_in_a_move_is_deleted_for_good(cloud: Cloud) -> None:
    cloud.configure(reclaim_instance_interval=100)
    host, other = cloud.host("h1"), cloud.host("h2")
    [new] = cloud.boot("new")
    delete_server(cloud.control, ADMIN, new.id, "req-2")
    assert cloud.status(new.id)[1] is TaskState.DELETING
    host.obey()
    [moving] = cloud.boot("moving")
    host.obey()
    migrate_server(cloud.control, ADMIN, moving.id, "req-3")
    delete_server(cloud.control, ADMIN, moving.id, "req-4")
    for each in (host, other, host):
        each.obey()
    assert cloud.status(moving.id)[0] is ServerStatus.DELETED


def test_a_server_of_any_status_on_a_host_is_kept_and_runs_again(cloud: Cloud) -> None:
    """What was being done to it ends: a shelving, a pause, a rescue, a stop that nobody has seen yet, a state that was set."""
    host, server_id = running(cloud)
    control = cloud.control

    def pause() -> None:
        hold.pause_server(control, USER, server_id, "r")
        host.obey()

    def rescue() -> None:
        rescue_server(control, USER, server_id, "r", None, "word")
        host.obey()

    def shelve() -> None:
        shelve_server(control, USER, server_id, "r")
        host.obey()
        host.obey()

    befores: tuple[Callable[[], object], ...] = (
        lambda: server_power.stop_server(control, USER, server_id, "r"),
        pause,
        lambda: shelve_server(control, USER, server_id, "r"),
        lambda: lock.reset_state(control, ADMIN, server_id, ServerStatus.ERROR, "r"),
        rescue,
        shelve,
    )
    for before in befores:
        before()
        delete_server(control, USER, server_id, "r")
        assert cloud.status(server_id) == SOFT
        [wanted] = host.desired().servers
        assert (wanted.powered, wanted.hold, wanted.rescue, wanted.upload) == (False, None, None, None)
        host.obey()
        restore_server(control, USER, server_id, "r")
        host.obey()
        assert cloud.status(server_id) == ACTIVE
    purge_deleted_images(control)


def test_the_quota_counts_what_it_keeps_but_no_instance(cloud: Cloud) -> None:
    host, server_id = running(cloud)
    project = USER.project_id
    used = quotas.get_quota(cloud.control, ADMIN, project).used
    delete_server(cloud.control, USER, server_id, "req-2")
    host.obey()
    assert quotas.get_quota(cloud.control, ADMIN, project).used == {**used, "instances": 0}
    cloud.configure(quota={"instances": 1})
    [other] = cloud.boot("other", gpu=False, caller=USER)
    host.obey()
    with pytest.raises(OverQuota, match="instances"):
        restore_server(cloud.control, USER, server_id, "req-3")
    assert cloud.status(server_id) == SOFT
    delete_server(cloud.control, USER, other.id, "req-4")
    restore_server(cloud.control, USER, server_id, "req-5")
    assert quotas.get_quota(cloud.control, ADMIN, project).used["instances"] == 1


def test_no_list_shows_it_unless_it_is_asked_for(cloud: Cloud) -> None:
    _, server_id = deleted(cloud)
    assert ids(cloud) == []
    assert ids(cloud, statuses=frozenset({ServerStatus.SOFT_DELETED})) == [server_id]
    assert ids(cloud, soft_deleted=True) == [server_id]
    assert ids(cloud, deleted=True) == []
    assert ids(cloud, deleted=True, soft_deleted=True) == [server_id]
    assert ids(cloud, changes_since=cloud.time) == [server_id]


ACTS = ("boot", "delete", "restore", "for good", "obey", "wait")


@pytest.mark.thorough
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 3)), max_size=25))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_device_of_a_soft_deleted_server_is_never_anothers(cloud: Cloud, acts: list[tuple[str, int]]) -> None:
    cloud.configure(reclaim_instance_interval=100)
    name = cloud.control.new_id()
    host = cloud.host(name, count=2)
    made: list[str] = []
    kept: dict[str, str] = {}
    for act, number in acts:
        try:
            if act == "boot":
                made += [server.id for server in cloud.boot(host=name)] if len(made) < 4 else []
            elif act == "obey":
                host.obey()
            elif act == "wait":
                cloud.wait(60)
                reclaim_overdue(cloud.control)
            elif made:
                server_id = made[number % len(made)]
                if act == "restore":
                    restore_server(cloud.control, ADMIN, server_id, "req")
                else:
                    delete_server(cloud.control, ADMIN, server_id, "req", for_good=act == "for good")
        except BuswayError:
            pass
        owners: dict[str, str] = {}
        for claim in cloud.live_claims():
            assert owners.setdefault(claim.device_id, claim.server_id) == claim.server_id
        has = {server: device for device, server in owners.items()}
        soft = [each for each in made if cloud.status(each) == SOFT]
        assert all(each in has for each in soft)
        assert all(has[each] == kept[each] for each in soft if each in kept)
        kept = {each: has[each] for each in soft}
    for server_id in made:
        with_error = cloud.server(server_id).status is not ServerStatus.DELETED
        if with_error:
            delete_server(cloud.control, ADMIN, server_id, "req", for_good=True)
    host.obey()
    host.obey()
    assert not cloud.live_claims()
