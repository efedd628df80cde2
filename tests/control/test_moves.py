"""Resize and cold migration: both sets of devices are the server's until its user confirms or reverts."""

from dataclasses import replace

import pytest

from busway.control.devices import listing as devices
from busway.control.moves import listing as move_list
from busway.control.moves.begin_resize import resize_server
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.moves.verify import confirm_resize, revert_resize
from busway.control.servers import power as server_power
from busway.control.servers.delete import delete_server
from busway.control.servers.read import list_actions
from busway.control.servers.why import why
from busway.domain.errors import BadInput, Conflict, InvalidExtraSpec
from busway.domain.flavor import Flavor
from busway.domain.grant import Fault
from busway.domain.move import MoveState
from busway.domain.server import ServerStatus, TaskState
from busway.store.devices import DeviceFilter
from busway.testing.stage import held_function
from tests.control.clouds import ADMIN, Cloud, Host, gpu


def statuses(cloud: Cloud, host: str = "h1") -> list[str | None]:
    return [device.status for device in devices.list_devices(cloud.control, ADMIN, DeviceFilter(host=host))]


def owned(cloud: Cloud, server_id: str) -> list[str]:
    found = devices.list_devices(cloud.control, ADMIN)
    return [f"{device.host}:{device.address[5:7]}" for device in found if device.server_id == server_id]


def move_state(cloud: Cloud) -> MoveState:
    return move_list.list_moves(cloud.control, ADMIN).moves[0].state


def flavor(cloud: Cloud, gpus: int, **changes: object) -> Flavor:
    specs = {"pci_passthrough:alias": f"a1:{gpus}"} if gpus else {}
    return replace(cloud.gpu_flavor, id="other", name="other", extra_specs=specs, **changes)  # type: ignore[arg-type]


def running(cloud: Cloud, host: Host) -> str:
    [server] = cloud.boot()
    host.obey()
    assert cloud.server(server.id).status is ServerStatus.ACTIVE
    return server.id


def verify(cloud: Cloud, server_id: str, *hosts: Host) -> None:
    """Lets the hosts work until the move waits for its user."""
    for _ in range(3):
        for host in hosts:
            host.obey()
    assert cloud.status(server_id) == (ServerStatus.VERIFY_RESIZE, None)


def test_a_full_host_resizes_in_place_with_the_devices_that_the_server_has(cloud: Cloud) -> None:
    host = cloud.host("h1", count=1)
    server_id = running(cloud, host)
    resize_server(cloud.control, ADMIN, server_id, flavor(cloud, 1, vcpus=2), "req-2")
    assert cloud.status(server_id) == (ServerStatus.RESIZE, TaskState.RESIZE_MIGRATING)
    assert host.desired().servers[0].powered is False
    verify(cloud, server_id, host)
    [wanted] = host.desired().servers
    assert (wanted.vcpus, wanted.disks, len(wanted.devices), wanted.powered) == (2, (1, 2), 1, True)
    confirm_resize(cloud.control, ADMIN, server_id, "req-3")
    host.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)
    assert (statuses(cloud), move_state(cloud)) == (["allocated"], MoveState.CONFIRMED)


def test_more_devices_in_place_are_claimed_beside_the_old_ones(cloud: Cloud) -> None:
    host = cloud.host("h1", count=2)
    server_id = running(cloud, host)
    resize_server(cloud.control, ADMIN, server_id, flavor(cloud, 2), "req-2")
    assert statuses(cloud) == ["allocated", "claimed"]
    verify(cloud, server_id, host)
    assert statuses(cloud) == ["allocated", "allocated"]


def test_fewer_devices_in_place_are_both_held_until_confirmed_and_free_when_seen_free(cloud: Cloud) -> None:
    host = cloud.host("h1", count=1)
    server_id = running(cloud, host)
    resize_server(cloud.control, ADMIN, server_id, flavor(cloud, 0), "req-2")
    verify(cloud, server_id, host)
    assert host.desired().servers[0].devices == ()
    assert statuses(cloud) == ["allocated"]
    assert cloud.boot("other")[0].status is ServerStatus.ERROR
    confirm_resize(cloud.control, ADMIN, server_id, "req-3")
    held = held_function(gpu(0).address, cloud.server(server_id).id, "bochs-drm")
    host.report([cloud.server(server_id).id], held=[held])
    assert statuses(cloud) == ["allocated"]
    host.obey()
    assert statuses(cloud) == ["available"]
    assert cloud.server(server_id).status is ServerStatus.ACTIVE


def test_a_resize_in_place_that_is_reverted_gives_back_disk_size_and_device(cloud: Cloud) -> None:
    host = cloud.host("h1", count=2)
    server_id = running(cloud, host)
    before = host.desired().servers[0]
    resize_server(cloud.control, ADMIN, server_id, flavor(cloud, 2, vcpus=2), "req-2")
    verify(cloud, server_id, host)
    revert_resize(cloud.control, ADMIN, server_id, "req-3")
    assert cloud.status(server_id) == (ServerStatus.REVERT_RESIZE, TaskState.RESIZE_REVERTING)
    after = host.desired().servers[0]
    assert (after.disks, after.vcpus, after.devices) == (before.disks, before.vcpus, before.devices)
    assert statuses(cloud) == ["allocated", "allocated"]
    host.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)
    assert (statuses(cloud), move_state(cloud)) == (["allocated", "available"], MoveState.REVERTED)
    assert cloud.server(server_id).flavor == cloud.gpu_flavor


def test_a_migration_holds_devices_on_both_hosts_and_confirming_frees_the_old_one_by_observation(cloud: Cloud) -> None:
    one, two = cloud.host("h1"), cloud.host("h2")
    server_id = running(cloud, one)
    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    assert (statuses(cloud, "h1"), statuses(cloud, "h2")) == (["allocated"], ["claimed"])
    assert two.desired().servers == ()
    verify(cloud, server_id, one, two)
    assert cloud.server(server_id).host_name == "h2"
    assert (statuses(cloud, "h1"), statuses(cloud, "h2")) == (["allocated"], ["allocated"])
    [kept] = one.desired().servers
    assert (kept.powered, kept.disks, len(kept.devices)) == (False, (1,), 1)
    confirm_resize(cloud.control, ADMIN, server_id, "req-3")
    assert cloud.server(server_id).status is ServerStatus.ACTIVE
    assert one.desired().absent == (server_id,)
    assert statuses(cloud, "h1") == ["allocated"]
    one.obey()
    assert (statuses(cloud, "h1"), statuses(cloud, "h2")) == (["available"], ["allocated"])
    assert one.desired().absent == ()


def test_the_disk_travels_as_an_image_that_only_the_target_may_fetch_and_no_user_sees(cloud: Cloud) -> None:
    from busway.control.images import catalogue as images

    one, two = cloud.host("h1"), cloud.host("h2")
    server_id = running(cloud, one)
    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    upload = one.desired().servers[0].upload
    assert upload is not None
    with pytest.raises(Exception, match="was not requested"):
        two.hand_in(server_id, upload)
    verify(cloud, server_id, one, two)
    [wanted] = two.desired().servers
    assert (wanted.image.id, wanted.disks, wanted.upload) == (upload, (2,), None)
    assert upload not in [image.id for image in images.list_images(cloud.control, ADMIN)]
    assert cloud.server(server_id).image_id == cloud.image
    with pytest.raises(Conflict, match="already has data"):
        one.hand_in(server_id, upload)


def test_a_migration_that_is_reverted_starts_the_old_guest_only_when_the_new_one_is_gone(cloud: Cloud) -> None:
    one, two = cloud.host("h1"), cloud.host("h2")
    server_id = running(cloud, one)
    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    verify(cloud, server_id, one, two)
    revert_resize(cloud.control, ADMIN, server_id, "req-3")
    assert (one.desired().servers[0].powered, two.desired().absent) == (False, (server_id,))
    one.obey()
    two.report([cloud.server(server_id).id])  # its guest still runs
    assert one.desired().servers[0].powered is False
    two.obey()
    assert one.desired().servers[0].powered is True
    assert statuses(cloud, "h2") == ["available"]
    one.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)
    assert (cloud.server(server_id).host_name, move_state(cloud)) == ("h1", MoveState.REVERTED)
    assert statuses(cloud, "h1") == ["allocated"]


def test_a_server_that_was_off_arrives_off_and_is_confirmed_off(cloud: Cloud) -> None:
    one, two = cloud.host("h1"), cloud.host("h2")
    server_id = running(cloud, one)
    server_power.stop_server(cloud.control, ADMIN, server_id, "req-2")
    one.obey()
    migrate_server(cloud.control, ADMIN, server_id, "req-3", host="h2")
    verify(cloud, server_id, one, two)
    assert two.desired().servers[0].powered is False
    confirm_resize(cloud.control, ADMIN, server_id, "req-4")
    assert cloud.server(server_id).status is ServerStatus.SHUTOFF


def test_a_target_that_refuses_the_guest_gives_everything_back_and_the_old_guest_runs_again(cloud: Cloud) -> None:
    one, two = cloud.host("h1"), cloud.host("h2")
    server_id = running(cloud, one)
    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    one.obey()
    assert len(two.desired().servers) == 1
    two.report(faults={cloud.server(server_id).id: Fault("StartDomain", "libvirt refused", "no such machine")})
    assert cloud.server(server_id).status is ServerStatus.REVERT_RESIZE
    two.obey()
    one.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)
    assert (statuses(cloud, "h1"), statuses(cloud, "h2")) == (["allocated"], ["available"])
    assert "no such machine" in str(list_actions(cloud.control, ADMIN, server_id)[0].message)


def test_a_source_that_can_not_hand_the_disk_in_keeps_the_server(cloud: Cloud) -> None:
    one, two = cloud.host("h1"), cloud.host("h2")
    server_id = running(cloud, one)
    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    one.report(faults={cloud.server(server_id).id: Fault("UploadDisk", "The disk could not be made")})
    one.obey()
    two.obey()
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)
    assert (statuses(cloud, "h1"), statuses(cloud, "h2")) == (["allocated"], ["available"])
    assert one.desired().servers[0].upload is None


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_deleting_at_any_stage_of_a_migration_frees_both_sides(cloud: Cloud, stage: int) -> None:
    one, two = cloud.host("h1"), cloud.host("h2")
    server_id = running(cloud, one)
    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    for host in (one, two, two)[:stage]:
        host.obey()
    if stage == 3:
        revert_resize(cloud.control, ADMIN, server_id, "req-3")
    delete_server(cloud.control, ADMIN, server_id, "req-4")
    assert statuses(cloud, "h1") + statuses(cloud, "h2") == ["allocated", "allocated"]
    for _ in range(2):
        one.obey()
        two.obey()
    assert statuses(cloud, "h1") + statuses(cloud, "h2") == ["available", "available"]
    assert cloud.server(server_id).status is ServerStatus.DELETED
    assert move_state(cloud) is MoveState.CANCELLED
    assert one.desired().absent + two.desired().absent == ()


def test_the_request_is_derived_from_the_new_flavor_with_its_numa_policy(cloud: Cloud) -> None:
    host = cloud.host("h1", inventory=(gpu(0, numa_node=0), gpu(1, numa_node=1)))
    server_id = running(cloud, host)
    wrong = replace(flavor(cloud, 2), extra_specs={"pci_passthrough:alias": "a1:2", "hw:pci_numa_affinity_policy": "x"})
    with pytest.raises(InvalidExtraSpec):
        resize_server(cloud.control, ADMIN, server_id, wrong, "req-2")
    resize_server(cloud.control, ADMIN, server_id, flavor(cloud, 2), "req-3")
    assert len(owned(cloud, server_id)) == 2


def test_a_migration_claims_exactly_what_its_flavor_asks_for(cloud: Cloud) -> None:
    """The peer leaked a device in one of three cold migrations: its claim did not look at what was allocated."""
    one, two = cloud.host("h1", count=4), cloud.host("h2", count=4)
    found = cloud.boot(count=3)
    one.obey()
    two.obey()
    for number, server in enumerate(found):
        migrate_server(cloud.control, ADMIN, server.id, f"req-m{number}")
        verify(cloud, server.id, one, two)
        confirm_resize(cloud.control, ADMIN, server.id, f"req-c{number}")
        one.obey()
        two.obey()
        assert len(owned(cloud, server.id)) == 1
    allocated = [each for each in statuses(cloud, "h1") + statuses(cloud, "h2") if each != "available"]
    assert allocated == ["allocated"] * 3


def test_what_can_not_be_is_refused_with_its_reason_and_changes_nothing(cloud: Cloud) -> None:
    host = cloud.host("h1", count=1)
    server_id = running(cloud, host)
    generation = host.desired().generation
    for wanted, words in (
        (flavor(cloud, 2), "No valid host"),
        (cloud.server(server_id).flavor, "must change flavor"),
        (flavor(cloud, 1, disk_gb=0), "A disk can't shrink"),
    ):
        with pytest.raises(BadInput, match=words):
            resize_server(cloud.control, ADMIN, server_id, wanted, "req-2")
    with pytest.raises(BadInput, match="No valid host"):
        migrate_server(cloud.control, ADMIN, server_id, "req-2")
    with pytest.raises(BadInput, match="is on host h1 already"):
        migrate_server(cloud.control, ADMIN, server_id, "req-2", host="h1")
    with pytest.raises(Conflict, match="must be VERIFY_RESIZE"):
        confirm_resize(cloud.control, ADMIN, server_id, "req-2")
    assert host.desired().generation == generation
    assert cloud.status(server_id) == (ServerStatus.ACTIVE, None)


def test_a_server_does_not_go_back_to_a_host_that_has_not_let_it_go(cloud: Cloud) -> None:
    one, two = cloud.host("h1"), cloud.host("h2")
    server_id = running(cloud, one)
    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    verify(cloud, server_id, one, two)
    confirm_resize(cloud.control, ADMIN, server_id, "req-3")
    with pytest.raises(Conflict, match="still being removed from its previous host"):
        migrate_server(cloud.control, ADMIN, server_id, "req-4")
    one.obey()
    migrate_server(cloud.control, ADMIN, server_id, "req-5")
    verify(cloud, server_id, one, two)
    assert cloud.server(server_id).host_name == "h1"


def test_room_is_kept_on_both_sides_of_a_move(cloud: Cloud) -> None:
    from busway.control.hosts import registry as hosts

    one, two = cloud.host("h1"), cloud.host("h2")
    server_id = running(cloud, one)
    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    verify(cloud, server_id, one, two)
    used = {host.name: host.used_ram_mb for host in hosts.list_hosts(cloud.control, ADMIN)}
    assert used["h1"] == used["h2"] == cloud.gpu_flavor.ram_mb
    confirm_resize(cloud.control, ADMIN, server_id, "req-3")
    one.obey()
    used = {host.name: host.used_ram_mb for host in hosts.list_hosts(cloud.control, ADMIN)}
    assert (used["h1"], used["h2"]) == (0, cloud.gpu_flavor.ram_mb)


def test_why_names_the_devices_on_both_sides_of_a_move(cloud: Cloud) -> None:
    one, two = cloud.host("h1"), cloud.host("h2")
    server_id = running(cloud, one)
    migrate_server(cloud.control, ADMIN, server_id, "req-2")
    verify(cloud, server_id, one, two)
    told = why(cloud.control, ADMIN, server_id)
    assert sorted(line.rpartition("(")[2] for line in told.devices) == ["allocated on h1)", "allocated)"]
    assert [event.new for event in told.events if event.subject == "server"][-2:] == ["RESIZE", "VERIFY_RESIZE"]
