"""Two changes of one thing at once: each sees the other, so that none is lost. PostgreSQL has two writers, SQLite one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from busway.control import aggregates, flavors
from busway.control.identity import users
from busway.control.identity.tree import TURN
from busway.control.networks import network, subnet
from busway.control.networks.network import NewNetwork
from busway.control.networks.subnet import NewSubnet
from busway.control.placement import place
from busway.domain.errors import BuswayError, Conflict, PreconditionFailed
from busway.domain.identity import User
from busway.domain.ids import UserId
from busway.store import aggregates as aggregate_store
from busway.store import flavors as flavor_store
from busway.store import hosts
from busway.store import networks as network_store
from busway.store import users as user_store
from busway.store.database import Tx, take_turn
from busway.store.network_revisions import has_revision
from busway.store.precondition import under
from tests.control.clouds import ADMIN, Cloud
from tests.store.turns import until_someone_waits

pytestmark = pytest.mark.postgres


@contextmanager
def other(cloud: Cloud, act: Callable[[], object]) -> Iterator[Callable[[], None]]:
    """Gives what begins `act` in another thread and returns when that waits; raises at the end what `act` raises."""
    errors: list[BuswayError] = []

    def run() -> None:
        try:
            act()
        except BuswayError as error:
            errors.append(error)

    thread = threading.Thread(target=run)

    def begin() -> None:
        thread.start()
        until_someone_waits(cloud.control.db)

    yield begin
    thread.join(20)
    assert not thread.is_alive()
    if errors:
        raise errors[0]


@contextmanager
def meanwhile(cloud: Cloud, act: Callable[[], object]) -> Iterator[Tx]:
    """A transaction that is committed when `act`, in another thread, waits for it; raises what `act` raises."""
    with other(cloud, act) as begin, cloud.control.db.write() as tx:
        yield tx
        begin()


def test_a_flavor_keeps_the_extra_specs_of_both(shared: Cloud) -> None:
    flavor = shared.plain
    with meanwhile(
        shared, lambda: flavors.set_extra_specs(shared.control, ADMIN, flavor.id, {"hw:watchdog_action": "reset"})
    ) as tx:
        flavor_store.save_extra_specs(tx, flavor.id, {"hw:boot_menu": "true"})
    found = flavors.get_flavor(shared.control, ADMIN, flavor.id)
    assert found.extra_specs == {"hw:boot_menu": "true", "hw:watchdog_action": "reset"}


def test_an_aggregate_keeps_the_metadata_of_both(shared: Cloud) -> None:
    number = aggregates.create_aggregate(shared.control, ADMIN, "racks").id
    with meanwhile(shared, lambda: aggregates.set_metadata(shared.control, ADMIN, str(number), {"gpu": "h100"})) as tx:
        take_turn(tx, "place")
        aggregate_store.save_aggregate(tx, number, "racks", {"disk": "nvme"}, shared.time)
    found = aggregates.get_aggregate(shared.control, ADMIN, str(number))
    assert found.metadata == {"disk": "nvme", "gpu": "h100"}


def test_a_host_that_two_put_into_zones_is_in_one(shared: Cloud) -> None:
    shared.host("h1")
    east, west = (aggregates.create_aggregate(shared.control, ADMIN, name, name).id for name in ("east", "west"))
    with (
        pytest.raises(Conflict, match="Host h1 is already in availability zone east"),
        meanwhile(shared, lambda: aggregates.add_host(shared.control, ADMIN, str(west), "h1")) as tx,
    ):
        take_turn(tx, "place")
        host = hosts.find_host(tx, "h1")
        assert host is not None
        aggregate_store.add_host(tx, east, host.id)


def test_a_host_does_not_change_its_zone_while_a_server_is_placed_there(shared: Cloud) -> None:
    shared.host("h1")
    east = aggregates.create_aggregate(shared.control, ADMIN, "east", "east").id
    [server] = shared.create(gpu=False)
    begins: list[Callable[[], None]] = []
    shared.control = replace(
        shared.control, crashpoint=lambda point: begins[0]() if point == "place:before-commit" else None
    )

    with (
        pytest.raises(Conflict, match="Host h1 has 1 servers, which would change from availability zone nova to east"),
        other(shared, lambda: aggregates.add_host(shared.control, ADMIN, str(east), "h1")) as begin,
    ):
        begins.append(begin)
        place.place_round(shared.control)

    assert shared.server(server.id).availability_zone == "nova"


def test_a_password_that_is_changed_meanwhile_keeps_its_time(shared: Cloud) -> None:
    made = users.create_user(shared.control, ADMIN, User(UserId(""), "anna"), "the first password", None)
    shared.wait(60)

    def change() -> None:
        users.change_password(shared.control, made.id, "the first password", "the second password")

    with other(shared, change) as begin, shared.control.db.write() as tx:
        take_turn(tx, TURN)  # as `update_user` does
        known = user_store.get_user(tx, made.id)
        begin()
        user_store.save_user(tx, replace(known, description="new"))

    found = users.get_user(shared.control, ADMIN, made.id)
    assert (found.description, found.password_changed) == ("new", shared.time)


@pytest.mark.parametrize("kind", ["networks", "subnets"])
def test_what_has_changed_since_it_was_read_is_not_changed(shared: Cloud, kind: str) -> None:
    made = network.create_network(shared.control, ADMIN, NewNetwork("n"))
    known, read = subnet.create_subnet(shared.control, ADMIN, NewSubnet(made.id, "s", "auto"))
    assert known.v6 is not None

    def change() -> None:
        if kind == "networks":
            with under(has_revision(kind, known.id, known.revision)):
                network.update_network(shared.control, ADMIN, known.id, name="second")
        else:
            with under(has_revision(kind, read.id, read.revision)):
                subnet.update_subnet(shared.control, ADMIN, read.id, name="second")

    with pytest.raises(PreconditionFailed, match="current revision"), meanwhile(shared, change) as tx:
        network_store.save_network(tx, replace(known, name="first", v6=replace(known.v6, name="first")))

    left = network.get_network(shared.control, ADMIN, made.id)
    assert left.v6 is not None and (left.name, left.v6.name) == ("first", "first")
    assert (left.revision, left.v6.revision) == (known.revision + 1, 2)
