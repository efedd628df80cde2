"""What a router's interfaces cost and how many there are."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import event

from busway.control.networks import network, router, router_interface, subnet
from busway.control.networks.network import NewNetwork
from busway.domain.errors import BadInput
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import PortId
from busway.domain.network import ROUTER_INTERFACE, Network, Port, mac_for
from busway.domain.router import MAX_INTERFACES, Router
from busway.ovn.northbound import Northbound
from busway.store import ports
from tests.control.clouds import ADMIN, USER, Cloud


def made(cloud: Cloud) -> tuple[Network, str, Router]:
    """A network, its subnet, and a router that does not join it."""
    cloud.control = replace(cloud.control, northbound=Northbound(()))
    known = network.create_network(cloud.control, USER, NewNetwork("mine", driver=OVERLAY))
    net, sub = subnet.create_subnet(cloud.control, USER, subnet.NewSubnet(known.id, "mine", "10.1.0.0/24"))
    return net, sub.id, router.create_router(cloud.control, USER, router.NewRouter("r"))


def test_an_admin_joins_and_takes_a_subnet_without_reading_all_networks_or_all_ports_of_one(cloud: Cloud) -> None:
    _net, sub, one = made(cloud)
    found: list[str] = []

    def seen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        found.append(" ".join(statement.split()))

    event.listen(cloud.control.db.engine, "before_cursor_execute", seen)
    router_interface.add_interface(cloud.control, ADMIN, one.id, subnet_id=sub)
    router_interface.remove_interface(cloud.control, ADMIN, one.id, subnet_id=sub)

    of_ports = [each for each in found if each.startswith("SELECT ports.id, ports.network_id") and "ORDER BY" in each]
    assert [each for each in found if "FROM networks ORDER BY" in each] == []
    assert of_ports and all("device_id IN" in each or "device_owner IN" in each for each in of_ports), of_ports


def test_a_router_joins_so_many_subnets_and_no_more(cloud: Cloud) -> None:
    net, sub, one = made(cloud)
    names = [PortId(f"p{number}") for number in range(MAX_INTERFACES)]
    with cloud.control.db.write() as tx:
        held = [
            Port(
                name, net, USER.project_id, None, "", mac_for(name), cloud.control.now(), own=True, security=False,
                device_owner=ROUTER_INTERFACE, device_id=one.id,
            )
            for name in names
        ]  # fmt: skip
        ports.add_ports(tx, held)

    with pytest.raises(BadInput, match="already joins 250 subnets"):
        router_interface.add_interface(cloud.control, USER, one.id, subnet_id=sub)
