"""Requests for routers and floating addresses lock in one order: networks, routers, ports, floating addresses."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import event

from busway.control.networks import floating_ip, network, port, router, router_interface, subnet
from busway.control.networks.network import NewNetwork
from busway.control.networks.port import PortFields
from busway.domain.errors import BadInput, Conflict, NotFound
from busway.domain.guest_network import BRIDGE, OVERLAY
from busway.ovn.northbound import Northbound
from busway.store import floating_ips, ports, routers
from tests.control.clouds import ADMIN, USER, Cloud
from tests.sample import one_in

ORDER = ("networks", "routers", "ports", "floating_ips")
_LOCK = re.compile(r"FROM (\w+).*FOR UPDATE", re.DOTALL)


@dataclass
class Routed:
    """A network behind a router with a gateway, a port on it, and a floating address that leads nowhere."""

    cloud: Cloud

    def __post_init__(self) -> None:
        self.cloud.control = control = replace(self.cloud.control, northbound=Northbound(()))
        wanted = NewNetwork("outside", driver=BRIDGE, physical="outside", external=True)
        self.outer = network.create_network(control, ADMIN, wanted).id
        subnet.create_subnet(control, ADMIN, subnet.NewSubnet(self.outer, "outside", "203.0.113.0/24"))
        self.inner = network.create_network(control, USER, NewNetwork("mine", driver=OVERLAY)).id
        self.subnet = subnet.create_subnet(control, USER, subnet.NewSubnet(self.inner, "mine", "10.1.0.0/24"))[1].id
        self.port = port.create_port(control, USER, self.inner, PortFields()).id
        self.router = router.create_router(control, USER, router.NewRouter("r", gateway=router.Gateway(self.outer))).id
        self.floating = floating_ip.create_floating_ip(control, USER, floating_ip.NewFloatingIp(self.outer)).id

    def join(self) -> None:
        router_interface.add_interface(self.cloud.control, USER, self.router, subnet_id=self.subnet)

    def join_port(self) -> None:
        router_interface.add_interface(self.cloud.control, USER, self.router, port_id=self.port)

    def part(self) -> None:
        router_interface.remove_interface(self.cloud.control, USER, self.router, subnet_id=self.subnet)

    def lead(self) -> None:
        floating_ip.update_floating_ip(self.cloud.control, USER, self.floating, port_id=self.port)

    def lead_new(self) -> None:
        wanted = floating_ip.NewFloatingIp(self.outer, port_id=self.port)
        floating_ip.create_floating_ip(self.cloud.control, USER, wanted)

    def free(self) -> None:
        floating_ip.update_floating_ip(self.cloud.control, USER, self.floating, port_id=None)

    def close(self) -> None:
        router.update_router(self.cloud.control, USER, self.router, gateway=None)

    def open(self) -> None:
        router.update_router(self.cloud.control, USER, self.router, gateway=router.Gateway(self.outer))

    def delete_port(self) -> None:
        port.delete_port(self.cloud.control, USER, self.port)

    def delete_subnet(self) -> None:
        subnet.delete_subnet(self.cloud.control, USER, self.subnet)

    def delete_network(self) -> None:
        network.delete_network(self.cloud.control, USER, self.inner)

    def delete_router(self) -> None:
        router.delete_router(self.cloud.control, USER, self.router)


ALONE: dict[str, tuple[str, ...]] = {
    "join": ("join",),
    "join_port": ("join_port",),
    "part": ("join", "part"),
    "lead": ("join", "lead"),
    "lead_new": ("join", "lead_new"),
    "close": ("close",),
    "open": ("close", "open"),
}


@pytest.mark.parametrize("doing", one_in(3, ALONE))
def test_networks_are_locked_before_routers_and_these_before_ports(shared: Cloud, doing: str) -> None:
    routed = Routed(shared)
    *before, last = ALONE[doing]
    for each in before:
        getattr(routed, each)()
    found: list[list[str]] = []

    def begun(_connection: object) -> None:
        found.append([])

    def seen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        found[-1] += [name for name in _LOCK.findall(statement) if name in ORDER]

    event.listen(shared.control.db.engine, "begin", begun)
    event.listen(shared.control.db.engine, "before_cursor_execute", seen)
    getattr(routed, last)()

    assert any("routers" in each for each in found), found
    assert all(each == sorted(each, key=ORDER.index) for each in found), found


PAIRS = (
    ("join", "delete_subnet"), ("join", "delete_network"), ("join_port", "delete_port"), ("lead", "delete_port"),
    ("lead", "part"), ("lead", "close"), ("join", "delete_router"), ("lead_new", "part"), ("join_port", "lead"),
)  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_two_requests_at_once_leave_nothing_half_done(shared: Cloud, pair: tuple[str, str]) -> None:
    """Each is done or refused, and neither waits for the other for good."""
    routed = Routed(shared)
    if pair[1] in ("part", "close") or pair[0] == "lead":
        routed.join()
    elif pair[1] == "delete_network":
        routed.delete_port()

    def ask(what: Callable[[], None]) -> str:
        try:
            what()
        except (BadInput, Conflict, NotFound) as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(2) as pool:
        answers = [each.result(60) for each in [pool.submit(ask, getattr(routed, name)) for name in pair]]

    assert "done" in answers and "database-raced" not in answers, answers
    with shared.control.db.read() as tx:
        known = {each.id: each for each in ports.list_ports(tx)}
        there = {each.id: each for each in routers.list_routers(tx)}
        for led in floating_ips.attached(tx):
            assert led.port_id in known and led.router_id in there
            assert there[led.router_id].gateway == led.network_id
            assert known[led.port_id].network.id in {each.network.id for each in there[led.router_id].interfaces}
            assert not known[led.port_id].is_internal
        assert {each.device_id for each in known.values() if each.device_owner == "network:router_interface"} <= {
            *there
        }


def test_a_subnet_that_is_deleted_meanwhile_is_not_found(shared: Cloud) -> None:
    """Who waits for the lock of its network reads the network again."""
    routed = Routed(shared)
    routed.delete_port()
    done: list[str] = []
    engine = shared.control.db.engine

    def seen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if not done and "FROM networks" in statement and "FOR UPDATE" in statement:
            done.append("deleted")
            with ThreadPoolExecutor(1) as pool:
                pool.submit(routed.delete_subnet).result(60)

    event.listen(engine, "before_cursor_execute", seen)
    with pytest.raises(NotFound, match="Subnet"):
        routed.join()
