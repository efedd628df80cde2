from dataclasses import replace
from datetime import UTC, datetime

import pytest

from busway.domain.dhcp_option import DhcpOption
from busway.domain.errors import BadInput, Conflict
from busway.domain.guest_network import AddressPair
from busway.domain.ids import NetworkId, PortId, ProjectId, SecurityGroupId, ServerId
from busway.domain.network import Network, Port, Subnet
from busway.store import networks, port_addresses, ports, server_addresses
from busway.store.database import Database, Tx

NOON = datetime(2026, 1, 1, tzinfo=UTC)
P1 = ProjectId("p1")
V4 = Subnet("sub", "private", "10.0.0.0/29", "10.0.0.3", (("10.0.0.2", "10.0.0.4"),))
V6 = Subnet("sub6", "private6", "fd00::/64", "fd00::1", dns=("fd00::53",))
NETWORK = Network(NetworkId("n"), "private", P1, NOON, v4=V4, v6=V6)
A, B = ServerId("a"), ServerId("b")


@pytest.fixture(autouse=True)
def network(database: Database) -> None:
    with database.write() as tx:
        networks.add_network(tx, NETWORK)


def give(tx: Tx, name: str, server: ServerId | None, *wanted: str, own: bool = False) -> Port:
    port_id = PortId(name)
    (((address, *further), mac),) = port_addresses.take_cards(tx, NETWORK, [port_id], wanted or ("",))
    port = Port(port_id, NETWORK, P1, server, address, mac, NOON, own=own, further=tuple(further))
    ports.add_port(tx, port)
    return port


def test_networks_and_ports_come_back_as_they_were_stored(database: Database) -> None:
    pairs = (AddressPair("fa:16:3e:00:00:01", "10.0.0.0/30"),)
    groups = (SecurityGroupId("g1"), SecurityGroupId("g2"))
    port = Port(
        PortId("p"),
        NETWORK,
        P1,
        None,
        "10.0.0.2",
        "fa:16:3e:00:00:01",
        NOON,
        "n",
        "d",
        True,
        True,
        groups,
        pairs,
        dhcp_options=(DhcpOption("bootfile-name", "pxelinux.0"),),
    )
    with database.write() as tx:
        ports.add_port(tx, port)

    with database.read() as tx:
        assert networks.list_networks(tx) == [NETWORK]
        assert ports.find_port(tx, "p") == port
        assert ports.group_ports(tx, [SecurityGroupId("g2")]) == [port]


def test_addresses_are_given_in_order_without_the_gateway_until_none_is_left(database: Database) -> None:
    with database.write() as tx:
        given = [give(tx, name, ServerId(name)).address for name in ("a", "b")]
        with pytest.raises(Conflict, match="has no free address"):
            give(tx, "c", ServerId("c"))

    assert given == ["10.0.0.2", "10.0.0.4"]


def test_a_released_address_is_given_again_and_a_users_own_port_stays(database: Database) -> None:
    with database.write() as tx:
        give(tx, "p1", A)
        give(tx, "p2", A, own=True)
        ports.release_ports(tx, A)

        again = give(tx, "p3", B)

    assert again.address == "10.0.0.2"
    with database.read() as tx:
        assert server_addresses.server_addresses(tx, [A]) == {}
        assert [told.address for told in server_addresses.server_addresses(tx, [B])[B]] == ["10.0.0.2", again.address6]
        mine = ports.find_port(tx, "p2")
    assert mine is not None and mine.server_id is None and mine.address == "10.0.0.4"


def test_a_port_that_is_kept_after_it_was_read_stays_when_its_server_goes(database: Database) -> None:
    with database.write() as tx:
        read = give(tx, "p1", A)
        ports.keep_port(tx, read.id)  # as somebody who makes a trunk of it meanwhile

        ports.release_port(tx, read)

        kept = ports.find_port(tx, read.id)
    assert kept is not None and kept.server_id is None


def test_a_wanted_address_is_given_or_refused(database: Database) -> None:
    with database.write() as tx:
        given = give(tx, "a", A, "10.0.0.6")
        with pytest.raises(Conflict):
            give(tx, "b", B, "10.0.0.6")
        for outside in ("10.0.0.3", "10.9.9.9", "10.0.0.7", "10.0.0.0"):
            with pytest.raises(BadInput):
                give(tx, "b", B, outside)

    assert given.address == "10.0.0.6", "one outside of the pool too, as in Neutron"


def test_the_database_itself_refuses_an_address_twice(database: Database) -> None:
    one = Port(PortId("p1"), NETWORK, P1, A, "10.0.0.2", "fa:16:3e:00:00:01", NOON)
    two = Port(PortId("p2"), NETWORK, P1, B, "10.0.0.2", "fa:16:3e:00:00:02", NOON)

    with pytest.raises(Conflict), database.write() as tx:
        ports.add_port(tx, one)
        ports.add_port(tx, two)


def test_a_port_has_several_addresses_which_nobody_else_is_given(database: Database) -> None:
    with database.write() as tx:
        several = give(tx, "a", A, "10.0.0.2", "")
        kept = ports.find_port(tx, "a")
        for wanted in ("10.0.0.2", "10.0.0.4", ""):
            with pytest.raises(Conflict):
                give(tx, "b", B, wanted)
        with pytest.raises(BadInput, match="twice"):
            give(tx, "b", B, "10.0.0.5", "10.0.0.5")
        ports.save_addresses(tx, replace(several, address="10.0.0.4", further=()))
        free = give(tx, "b", B)

    assert kept == several and several.addresses == ("10.0.0.2", "10.0.0.4")
    assert free.addresses == ("10.0.0.2",)
    with database.read() as tx:
        told = server_addresses.server_addresses(tx, [A, B])
    assert [each.address for each in told[A] + told[B] if "." in each.address] == ["10.0.0.4", "10.0.0.2"]


def test_addresses_of_a_port_are_free_when_it_goes(database: Database) -> None:
    with database.write() as tx:
        give(tx, "a", A, "10.0.0.2", "10.0.0.4")
        ports.release_ports(tx, A)

        assert give(tx, "b", B, "10.0.0.4", "10.0.0.2").addresses == ("10.0.0.4", "10.0.0.2")


def test_the_addresses_of_a_server_are_all_of_its_ports(database: Database) -> None:
    with database.write() as tx:
        several = give(tx, "a", A, "10.0.0.5", "10.0.0.2", "10.0.0.4")
        other = give(tx, "b", A, "10.0.0.6")

        told = server_addresses.server_addresses(tx, [A])[A]

    assert [each.address for each in told] == [*several.addresses, several.address6, "10.0.0.6", other.address6]
