from datetime import UTC, datetime

import pytest

from busway.domain.errors import Conflict
from busway.domain.ids import NetworkId, ProjectId, ServerId
from busway.domain.network import Network
from busway.store import networks
from busway.store.database import Database

NOON = datetime(2026, 1, 1, tzinfo=UTC)
P1 = ProjectId("p1")


class Origin:
    def __init__(self) -> None:
        self.count = 0

    def new_id(self) -> str:
        self.count += 1
        return f"id-{self.count}"

    def now(self) -> datetime:
        return NOON


@pytest.fixture
def origin(database: Database) -> Origin:
    network = Network(NetworkId("n"), "sub", "private", "10.0.0.0/29", "10.0.0.2", "10.0.0.4", "10.0.0.3", P1, NOON)
    with database.write() as tx:
        networks.add_network(tx, network)
    return Origin()


def test_addresses_are_given_in_order_without_the_gateway_until_none_is_left(
    database: Database, origin: Origin
) -> None:
    with database.write() as tx:
        given = [networks.allocate_port(origin, tx, ServerId(name), P1).address for name in ("a", "b")]
        with pytest.raises(Conflict, match="has no free address"):
            networks.allocate_port(origin, tx, ServerId("c"), P1)

    assert given == ["10.0.0.2", "10.0.0.4"]


def test_a_released_address_is_given_again(database: Database, origin: Origin) -> None:
    with database.write() as tx:
        networks.allocate_port(origin, tx, ServerId("a"), P1)
        networks.release_ports(tx, ServerId("a"))

        again = networks.allocate_port(origin, tx, ServerId("b"), P1)

    assert again.address == "10.0.0.2"
    with database.read() as tx:
        assert networks.list_addresses(tx, ServerId("a")) == ()
        assert networks.list_addresses(tx, ServerId("b")) == (again,)


def test_a_wanted_address_is_given_or_refused(database: Database, origin: Origin) -> None:
    with database.write() as tx:
        given = networks.allocate_port(origin, tx, ServerId("a"), P1, fixed_ip="10.0.0.4")
        for taken in ("10.0.0.4", "10.0.0.3", "10.9.9.9"):
            with pytest.raises(Conflict):
                networks.allocate_port(origin, tx, ServerId("b"), P1, fixed_ip=taken)

    assert given.address == "10.0.0.4"


def test_the_database_itself_refuses_an_address_twice(database: Database, origin: Origin) -> None:
    row = {
        "network_id": "n",
        "project_id": "p1",
        "server_id": "a",
        "address": "10.0.0.2",
        "created": NOON,
        "released": False,
    }
    with pytest.raises(Conflict), database.write() as tx:
        for number in (1, 2):
            tx.execute(networks.ports.insert().values(id=f"p{number}", mac=f"fa:{number}", **row))
