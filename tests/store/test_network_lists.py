"""Lists of networks, subnets and ports in SQL: every filter, order and page means the same on both databases."""

from datetime import UTC, datetime, timedelta

import pytest

from busway.domain.errors import BadInput
from busway.domain.guest_network import DIRECT, OVERLAY
from busway.domain.ids import NetworkId, PortId, ProjectId, SecurityGroupId, ServerId
from busway.domain.network import Network, Plug, Port, Subnet
from busway.store.database import Database
from busway.store.network_list import (
    NETWORK_COLUMNS,
    SUBNET_COLUMNS,
    NetworkFilter,
    list_network_page,
    list_subnet_page,
)
from busway.store.networks import add_network
from busway.store.port_list import PORT_COLUMNS, PORT_SORT_KEYS, PortFilter, list_page
from busway.store.ports import add_ports

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINE, THEIRS = ProjectId("mine"), ProjectId("theirs")
V4 = Subnet("a4", "four", "10.0.0.0/24", "10.0.0.1", (("10.0.0.2", "10.0.0.9"),), True, ("10.0.0.53",), (), "told")
V6 = Subnet("a6", "six", "fd00::/64", "fd00::1")
A = Network(NetworkId("a"), "front", MINE, NOON, shared=False, v4=V4, v6=V6)
B = Network(NetworkId("b"), "back", THEIRS, NOON + timedelta(seconds=1), False, OVERLAY, mtu=900, description="told")
C = Network(NetworkId("c"), "shared", THEIRS, NOON + timedelta(seconds=2), True, "bridge", "physnet1", 7)
LISTS = {"subnets", "availability_zones", "availability_zone_hints", "dns_nameservers", "service_types"}
MAC = "fa:16:3e:00:00:0a"


@pytest.fixture
def filled(database: Database) -> Database:
    ports = [
        Port(PortId("p1"), A, MINE, ServerId("s"), "10.0.0.2", MAC, NOON, "one", groups=(SecurityGroupId("g"),)),
        Port(PortId("p2"), A, MINE, None, "10.0.0.3", "fa:16:3e:00:00:0b", NOON, "two", "told", security=False, vnic=DIRECT),
        Port(PortId("p3"), B, THEIRS, ServerId("t"), "10.1.0.4", "fa:16:3e:00:00:0c", NOON, up=False, plug=Plug.COMING),
    ]  # fmt: skip
    with database.write() as tx:
        for network in (A, B, C):
            add_network(tx, network)
        add_ports(tx, ports)
    return database


def networks(database: Database, wanted: NetworkFilter) -> list[str]:
    with database.read() as tx:
        return [network.id for network in list_network_page(tx, wanted)]


def subnets(database: Database, wanted: NetworkFilter) -> list[str]:
    with database.read() as tx:
        return [subnet.id for _, subnet in list_subnet_page(tx, wanted)]


def ports(database: Database, wanted: PortFilter) -> list[str]:
    with database.read() as tx:
        return [port.id for port in list_page(tx, wanted)]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("name", "back", ["b"]),
        ("shared", "true", ["c"]),
        ("mtu", "900", ["b"]),
        ("project_id", "theirs", ["b", "c"]),
        ("subnets", "a6", ["a"]),
        ("status", "active", ["a", "b", "c"]),
        ("status", "down", []),
        ("router:external", "true", []),
        ("availability_zones", "nova", []),
        ("provider:network_type", "geneve", ["b"]),
        ("provider:network_type", "vlan", ["c"]),
        ("provider:segmentation_id", "7", ["c"]),
        ("provider:segmentation_id", "", ["a", "b"]),
        ("provider:physical_network", "physnet1", ["c"]),
    ],
)
def test_networks_are_filtered(filled: Database, name: str, value: str, found: list[str]) -> None:
    assert networks(filled, NetworkFilter({name: [value]})) == found


def test_a_project_sees_its_own_and_shared_networks_and_nothing_of_the_operators(filled: Database) -> None:
    mine = NetworkFilter(project_id=MINE)

    assert networks(filled, mine) == ["a", "c"]
    assert subnets(filled, NetworkFilter(project_id=THEIRS)) == []
    assert networks(filled, NetworkFilter({"provider:segmentation_id": ["7"]}, project_id=MINE)) == []


def test_a_time_is_one_of_a_second(filled: Database) -> None:
    assert networks(filled, NetworkFilter(times={"created_at": [NOON + timedelta(seconds=1)]})) == ["b"]
    assert len(ports(filled, PortFilter(times={"created_at": [NOON]}))) == 3


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("ip_version", "6", ["a6"]),
        ("cidr", "10.0.0.0/24", ["a4"]),
        ("network_id", "a", ["a4", "a6"]),
        ("dns_nameservers", "10.0.0.53", ["a4"]),
        ("description", "told", ["a4"]),
        ("ipv6_ra_mode", "slaac", ["a6"]),
        ("enable_dhcp", "true", ["a4", "a6"]),
        ("segment_id", "", ["a4", "a6"]),
        ("service_types", "x", []),
    ],
)
def test_subnets_are_filtered(filled: Database, name: str, value: str, found: list[str]) -> None:
    assert subnets(filled, NetworkFilter({name: [value]})) == found


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("status", "active", ["p1"]),
        ("admin_state_up", "false", ["p3"]),
        ("port_security_enabled", "false", ["p2"]),
        ("device_id", "", ["p2"]),
        ("device_id", "s", ["p1"]),
        ("device_owner", "compute:nova", ["p1", "p3"]),
        ("security_groups", "g", ["p1"]),
        ("binding:vnic_type", "direct", ["p2"]),
        ("binding:vif_type", "unbound", ["p1", "p2", "p3"]),
        ("binding:host_id", "h", []),
        ("subnet_id", "a6", ["p1", "p2"]),
        ("ip_address", "10.0.0.3", ["p2"]),
        ("ip_address", "fd00::f816:3eff:fe00:a", ["p1"]),
        ("ip_address", "fd01::f816:3eff:fe00:a", []),
        ("ip_address", "fd00::1", []),
        ("revision_number", "1", ["p1", "p2", "p3"]),
        ("numa_affinity_policy", "", ["p1", "p2", "p3"]),
    ],
)
def test_ports_are_filtered(filled: Database, name: str, value: str, found: list[str]) -> None:
    assert ports(filled, PortFilter({name: [value]})) == found


@pytest.mark.parametrize(
    ("parts", "found"), [(["0.0."], ["p1", "p2"]), (["fe00:b"], ["p2"]), (["%"], []), (["0.0.2", "10"], ["p1"])]
)
def test_a_part_of_an_address_is_looked_for_in_all_addresses(
    filled: Database, parts: list[str], found: list[str]
) -> None:
    assert ports(filled, PortFilter(address_parts=parts)) == found
    assert ports(filled, PortFilter(address_parts=parts, limit=1)) == found[:1]


@pytest.mark.parametrize("backwards", [False, True])
def test_each_attribute_is_an_order_and_pages_go_both_ways(filled: Database, *, backwards: bool) -> None:
    for name in sorted(NETWORK_COLUMNS - LISTS):
        whole = networks(filled, NetworkFilter(sort=((name, True),)))
        last = whole[-1] if backwards else whole[0]
        page = networks(filled, NetworkFilter(sort=((name, True),), marker=last, backwards=backwards, limit=2))
        assert page == (whole[:-1] if backwards else whole[1:]), name
    for name in sorted(SUBNET_COLUMNS - LISTS):
        whole = subnets(filled, NetworkFilter(sort=((name, False),)))
        last = whole[-1] if backwards else whole[0]
        assert len(subnets(filled, NetworkFilter(sort=((name, False),), marker=last, backwards=backwards))) == 1, name
    for name in sorted(PORT_SORT_KEYS):
        whole = ports(filled, PortFilter(sort=((name, True),)))
        last = whole[-1] if backwards else whole[0]
        page = ports(filled, PortFilter(sort=((name, True),), marker=last, backwards=backwards))
        assert page == (whole[:-1] if backwards else whole[1:]), name


def test_numbers_are_sorted_as_numbers(filled: Database) -> None:
    assert networks(filled, NetworkFilter(sort=(("mtu", False),)))[0] == "b"


def test_an_unknown_marker_is_refused(filled: Database) -> None:
    for ask in (networks, subnets):
        with pytest.raises(BadInput):
            ask(filled, NetworkFilter(marker="none"))
    with pytest.raises(BadInput):
        ports(filled, PortFilter(marker="none"))


def test_each_attribute_of_a_port_is_a_filter(filled: Database) -> None:
    for name in PORT_COLUMNS - {"created_at", "updated_at", "fixed_ips"}:
        assert ports(filled, PortFilter({name: ["nothing-has-this"]})) == [], name
