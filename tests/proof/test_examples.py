"""Counterexamples that the machine of random faults has found, each as a story of its own."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from busway.control.moves.begin_resize import resize_server
from busway.domain.address import PciAddress
from busway.domain.errors import BadInput
from busway.domain.ids import FlavorId
from busway.domain.server import ServerStatus
from busway.store.servers import ServerRow
from tests.proof import monitors
from tests.proof.host import Host
from tests.proof.world import ADMIN, World, flavor


@pytest.fixture
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def placed(world: World, wish: str) -> tuple[ServerRow, Host]:
    """A new server, and the host that it was placed on."""
    world.create(wish)
    world.place()
    row = world.rows()[-1]
    return row, next(host for host in world.hosts if host.id == row.host_id)


def now(world: World, row: ServerRow) -> ServerRow:
    return next(each for each in world.rows() if each.id == row.id)


def test_vfs_are_not_given_while_their_vanished_pf_has_an_owner(world: World) -> None:
    owner, host = placed(world, "pf:1")
    host.round()
    [device] = next(server.devices for server in world.desired(host).servers if server.id == owner.id)
    host.lose_device(PciAddress(device.unit.name))
    world.wait(1)
    host.round()

    world.create("vf:1")
    world.place()

    assert world.rows()[-1].status is ServerStatus.ERROR
    monitors.check_always(world)


def test_a_guest_that_lost_power_before_anyone_saw_it_run_ends_as_shut_off(world: World) -> None:
    row, host = placed(world, "gpu:1")
    host.line.fates = ["request"]
    host.round()
    assert row.id in host.running()
    host.reboot()
    world.wait(1)

    host.round()

    assert (now(world, row).status, now(world, row).task_state) == (ServerStatus.SHUTOFF, None)
    world.calm()
    monitors.check_settled(world)


def test_a_guest_that_is_off_and_whose_device_is_gone_is_not_shown_as_active(world: World) -> None:
    row, host = placed(world, "gpu:1")
    host.round()
    [device] = next(server.devices for server in world.desired(host).servers if server.id == row.id)
    host.hypervisor.power_off_from_inside(row.id)
    host.lose_device(PciAddress(device.unit.name))

    world.calm()

    assert now(world, row).status is ServerStatus.SHUTOFF
    monitors.check_settled(world)


def test_a_resize_in_place_does_not_give_a_server_the_pf_of_the_vf_that_it_may_go_back_to(world: World) -> None:
    row, host = placed(world, "vf:1")
    host.round()
    pf = replace(flavor("pf:1"), id=FlavorId("other"))

    with pytest.raises(BadInput, match="No valid host"):
        resize_server(world.control(), ADMIN, row.id, pf, "req")

    assert now(world, row).status is ServerStatus.ACTIVE
    monitors.check_always(world)


def test_a_resized_guest_that_its_hosts_restart_ended_is_not_desired_to_run(world: World) -> None:
    row, host = placed(world, "gpu:1")
    host.round()
    resize_server(world.control(), ADMIN, row.id, replace(flavor("gpu:1", 512), id=FlavorId("other")), "req")
    world.calm()
    assert now(world, row).status is ServerStatus.VERIFY_RESIZE

    host.reboot()

    world.calm()
    assert not now(world, row).powered
    monitors.check_settled(world)
