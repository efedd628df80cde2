"""Networks, ports, servers, routers and floating addresses come and go in any order; what leads to what stays true.

Two projects and an admin choose among all that is there, what is not theirs included.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from busway.control.networks import floating_ip, network, port, quota, router, router_interface, subnet
from busway.control.networks.network import NewNetwork
from busway.control.networks.overlay import read_overlay
from busway.control.networks.port import PortFields
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.fixed_ips import add_fixed_ip, remove_fixed_ip
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict, Forbidden, NotFound, NotSupported, OverQuota
from busway.domain.guest_network import BRIDGE, OVERLAY, HostRoute
from busway.domain.ids import ProjectId, UserId
from busway.domain.network import FLOATING_IP, ROUTER_INTERFACE, SERVICES, FixedIp, Network, Port
from busway.domain.requests import CreateServer, NetworkRef
from busway.domain.router import FloatingIp, Router
from busway.ovn.northbound import Northbound
from busway.ovn.row import Refs
from busway.ovn.rows import rows_of
from busway.store import floating_ips, networks, ports, router_list, routers
from busway.store.database import Database
from busway.store.network_list import EVERY_NETWORK
from tests.control.clouds import ADMIN, USER, Cloud
from tests.databases import add_tables

BOB = Caller(UserId("u3"), "bob", ProjectId("p3"), "works", frozenset({"member", "reader"}))
CALLERS = (USER, BOB, ADMIN)
CIDRS = ("10.1.0.0/29", "10.1.0.0/28", "10.2.0.0/30", "10.3.0.0/29", "fd00:1::/64", "fd00:2::/64")
OUTSIDE = ("203.0.113.0/29", "198.51.100.0/30", "fd00:9::/64")
HOSTS = st.none() | st.lists(st.integers(0, 3), max_size=3)  # which addresses of a subnet, 0 is any one
WHO, ANY = st.sampled_from(CALLERS), st.integers(0, 10**4)


class RoutersMachine(RuleBasedStateMachine):
    """Each rule is one request; whatever is chosen, it is done or refused, and the database says nothing untrue."""

    @initialize()
    def begin(self) -> None:
        self.known: tuple[list[Network], list[Port], list[Router], list[FloatingIp]] | None = None
        self.folder = Path(tempfile.mkdtemp())
        self.database = Database(f"sqlite:///{self.folder / 'busway.db'}")
        add_tables(self.database)
        self.cloud = Cloud(self.database, self.folder)
        counted = itertools.count(1)  # ids in order: a failure can be repeated
        self.control = self.cloud.control = replace(
            self.cloud.control, northbound=Northbound(()), new_id=lambda: str(UUID(int=next(counted)))
        )
        for number, cidr in enumerate(OUTSIDE):
            wanted = NewNetwork(f"out{number}", driver=BRIDGE, physical=f"out{number}", external=True)
            made = network.create_network(self.control, ADMIN, wanted)
            subnet.create_subnet(self.control, ADMIN, subnet.NewSubnet(made.id, "out", cidr))
        for caller in (USER, BOB):
            net, router_id = self.joined(caller, CIDRS[0])
            port.create_port(self.control, caller, net, PortFields())
            outer = next(each.id for each in self.networks if each.name == "out0")
            router.update_router(self.control, caller, router_id, gateway=router.Gateway(outer))
        self.known = None

    def joined(self, caller: Caller, cidr: str) -> tuple[str, str]:
        net = network.create_network(self.control, caller, NewNetwork("mine", driver=OVERLAY))
        _net, sub = subnet.create_subnet(self.control, caller, subnet.NewSubnet(net.id, "mine", cidr))
        made = router.create_router(self.control, caller, router.NewRouter("r"))
        router_interface.add_interface(self.control, caller, made.id, subnet_id=sub.id)
        return net.id, made.id

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            shutil.rmtree(self.folder)

    @property
    def networks(self) -> list[Network]:
        return self.seen[0]

    @property
    def ports(self) -> list[Port]:
        return self.seen[1]

    @property
    def routers(self) -> list[Router]:
        return self.seen[2]

    @property
    def floating(self) -> list[FloatingIp]:
        return self.seen[3]

    @property
    def seen(self) -> tuple[list[Network], list[Port], list[Router], list[FloatingIp]]:
        """All that is there, read once after each request."""
        if self.known is None:
            with self.database.read() as tx:
                floating = router_list.list_floating_page(tx, EVERY_NETWORK)
                self.known = networks.list_networks(tx), ports.list_ports(tx), routers.list_routers(tx), floating
        return self.known

    def ask(self, what: Callable[..., Any], *args: Any, **more: Any) -> None:
        """Makes a request that may be refused, but that fails in no other way."""
        self.known = None
        try:
            what(self.control, *args, **more)
        except (BadInput, Conflict, Forbidden, NotFound, NotSupported, OverQuota) as error:
            assert error.brief and error.code

    @rule(who=WHO, outer=st.booleans(), shared=st.booleans())
    def add_network(self, who: Caller, outer: bool, shared: bool) -> None:
        self.ask(
            network.create_network, who, NewNetwork("n", driver=OVERLAY, external=outer, shared=shared and who is ADMIN)
        )

    @rule(who=WHO, which=ANY, shared=st.sampled_from([None, True, False]), outer=st.sampled_from([None, True, False]))
    def change_network(self, who: Caller, which: int, shared: bool | None, outer: bool | None) -> None:
        self.ask(network.update_network, who, _one(self.networks, which), shared=shared, external=outer)

    @rule(who=WHO, which=ANY)
    def delete_network(self, who: Caller, which: int) -> None:
        self.ask(network.delete_network, who, _one(self.networks, which))

    @rule(who=WHO, which=ANY, cidr=st.sampled_from(CIDRS), gateway=st.sampled_from([None, None, ""]))
    def add_subnet(self, who: Caller, which: int, cidr: str, gateway: str | None) -> None:
        self.ask(subnet.create_subnet, who, subnet.NewSubnet(_one(self.networks, which), "s", cidr, gateway))

    @rule(who=WHO, which=ANY)
    def delete_subnet(self, who: Caller, which: int) -> None:
        self.ask(subnet.delete_subnet, who, self.a_subnet(which))

    @rule(who=WHO, which=ANY, hosts=HOSTS)
    def add_port(self, who: Caller, which: int, hosts: list[int] | None) -> None:
        on = self.networks[which % len(self.networks)]
        self.ask(port.create_port, who, on.id, PortFields(fixed_ips=_wished(on, hosts)))

    @rule(who=WHO, which=ANY, hosts=HOSTS)
    def change_port(self, who: Caller, which: int, hosts: list[int] | None) -> None:
        if self.ports:
            known = self.ports[which % len(self.ports)]
            self.ask(port.update_port, who, known.id, PortFields(fixed_ips=_wished(known.network, hosts)))

    @rule(who=WHO, which=ANY, host=st.integers(1, 4), more=st.booleans())
    def change_server(self, who: Caller, which: int, host: int, more: bool) -> None:
        if held := [each for each in self.ports if each.server_id and each.network.v4]:
            known = held[which % len(held)]
            address = str(ip_network(known.network.v4.cidr)[host]) if known.network.v4 else ""
            if more:
                self.ask(add_fixed_ip, who, known.server_id, known.network.id, "req-3")
            else:
                self.ask(remove_fixed_ip, who, known.server_id, address, "req-3")

    @rule(who=WHO, which=ANY)
    def delete_port(self, who: Caller, which: int) -> None:
        self.ask(port.delete_port, who, _one(self.ports, which))

    @rule(who=WHO, which=ANY, by_port=st.booleans())
    def add_server(self, who: Caller, which: int, by_port: bool) -> None:
        ref = NetworkRef(port_id=_one(self.ports, which)) if by_port else NetworkRef(_one(self.networks, which))
        self.ask(create_servers, who, CreateServer("s", self.cloud.plain, self.cloud.image, networks=(ref,)), "req-1")

    @rule(who=WHO, which=ANY)
    def delete_server(self, who: Caller, which: int) -> None:
        if held := sorted({each.server_id for each in self.ports if each.server_id}):
            self.ask(delete_server, who, held[which % len(held)], "req-2")

    @rule(who=WHO, which=ANY, gateway=st.booleans())
    def add_router(self, who: Caller, which: int, gateway: bool) -> None:
        wanted = router.Gateway(_one(self.networks, which)) if gateway else None
        self.ask(router.create_router, who, router.NewRouter("r", gateway=wanted))

    @rule(
        who=WHO, which=ANY, other=ANY, change=st.sampled_from(["set", "clear", "choose", "leave"]), route=st.booleans()
    )
    def change_router(self, who: Caller, which: int, other: int, change: str, route: bool) -> None:
        gateway: router.Gateway | bool | None = {"clear": None, "leave": True}.get(change, True)
        on = self.networks[other % len(self.networks)]
        if change in ("set", "choose"):
            chosen = tuple(("", str(ip_network(each.cidr)[2])) for each in on.subnets)
            gateway = router.Gateway(on.id, addresses=chosen if change == "choose" else None)
        near = self.ports[other % len(self.ports)] if self.ports else None
        hop = near.fixed_ips[0] if near and near.fixed_ips else None
        routes = [HostRoute("::/0" if hop[0].version == 6 else "0.0.0.0/0", hop[0].gateway or hop[1])] if hop else []
        self.ask(
            router.update_router, who, _one(self.routers, which), gateway=gateway, routes=routes if route else None
        )

    @rule(who=WHO, which=ANY)
    def delete_router(self, who: Caller, which: int) -> None:
        self.ask(router.delete_router, who, _one(self.routers, which))

    @rule(who=WHO, which=ANY, other=ANY, by_port=st.booleans(), more=st.booleans())
    def change_interface(self, who: Caller, which: int, other: int, by_port: bool, more: bool) -> None:
        act = router_interface.add_interface if more else router_interface.remove_interface
        chosen = {"port_id": _one(self.ports, other)} if by_port else {"subnet_id": self.a_subnet(other)}
        self.ask(act, who, _one(self.routers, which), **chosen)

    @rule(who=WHO, which=ANY, other=ANY, led=st.booleans(), outside=st.booleans())
    def add_floating(self, who: Caller, which: int, other: int, led: bool, outside: bool) -> None:
        outer = [each for each in self.networks if each.external] if outside else self.networks
        port_id = _one(self.ports, other) if led else None
        self.ask(floating_ip.create_floating_ip, who, floating_ip.NewFloatingIp(_one(outer, which), port_id=port_id))

    @rule(who=WHO, which=ANY, other=ANY, led=st.booleans(), chosen=st.sampled_from([None, 0, 1]))
    def lead_floating(self, who: Caller, which: int, other: int, led: bool, chosen: int | None) -> None:
        known = self.ports[other % len(self.ports)] if self.ports and led else None
        address = known.addresses[chosen] if known and chosen is not None and chosen < len(known.addresses) else None
        port_id = known.id if known else None
        self.ask(
            floating_ip.update_floating_ip,
            who,
            _one(self.floating, which),
            port_id=port_id,
            fixed_address=address,
        )

    @rule(who=WHO, which=ANY)
    def delete_floating(self, who: Caller, which: int) -> None:
        self.ask(floating_ip.delete_floating_ip, who, _one(self.floating, which))

    def a_subnet(self, which: int) -> str:
        several = [each for net in self.networks for each in net.subnets]
        return several[which % len(several)].id if several else "none"

    @invariant()
    def no_address_of_a_network_is_given_twice(self) -> None:
        given = [(each.network.id, address) for each in self.ports for _subnet, address in each.fixed_ips]
        assert len(given) == len(set(given))
        gateways = {(net.id, each.gateway) for net in self.networks for each in net.subnets if each.gateway}
        held = {
            (each.network.id, address)
            for each in self.ports
            if each.device_owner != ROUTER_INTERFACE
            for _subnet, address in each.fixed_ips
        }
        assert not gateways & held

    @invariant()
    def every_port_is_on_a_network_and_of_something_that_is_there(self) -> None:
        made, floating = {str(each.id) for each in self.routers}, {str(each.id) for each in self.floating}
        for each in self.ports:
            if each.device_owner == SERVICES:
                assert any(other.device_owner == ROUTER_INTERFACE for other in self.on(each.network))
            elif each.is_internal:
                assert each.device_id in (floating if each.device_owner == FLOATING_IP else made)
        for one in self.routers:
            assert one.gateway == (one.gateway_port.network.id if one.gateway_port else None)
            assert all(not each.network.external and each.fixed_ips for each in one.interfaces)
            near = [ip_network(sub.cidr) for each in one.ports for sub, _address in each.fixed_ips]
            assert all(any(ip_address(route.nexthop) in each for each in near) for route in one.routes)
            assert not any(a.overlaps(b) for n, a in enumerate(near) for b in near[:n] if a.version == b.version)

    @invariant()
    def a_floating_address_leads_to_a_port_behind_a_router_to_its_network_or_to_none(self) -> None:
        known, by_id = {each.id: each for each in self.ports}, {each.id: each for each in self.routers}
        for each in self.floating:
            assert (known[each.own_port].address, known[each.own_port].network.id) == (each.address, each.network_id)
            if each.port_id is None:
                assert (each.router_id, each.fixed_address) == (None, "")
                continue
            led = known[each.port_id]
            assert each.router_id is not None
            by = by_id[each.router_id]
            assert each.fixed_address in led.addresses
            assert (led.project_id, led.is_internal) == (each.project_id, False)
            assert by.gateway == each.network_id
            assert led.network.id in {own.network.id for own in by.interfaces if own.address}

    @invariant()
    def quotas_count_what_is_there(self) -> None:
        for who in CALLERS:
            used, mine = quota.usage(self.control, ADMIN, who.project_id), who.project_id
            assert used["router"] == sum(each.project_id == mine for each in self.routers)
            assert used["floatingip"] == sum(each.project_id == mine for each in self.floating)
            assert used["port"] == sum(each.project_id == mine for each in self.ports)
            assert used["network"] == sum(each.owner == mine for each in self.networks)

    @invariant()
    def what_ovn_is_told_joins_nothing_that_no_router_joins(self) -> None:
        with self.database.read() as tx:
            overlay = read_overlay(self.control, tx)
            led = floating_ips.attached(tx)
        rows = rows_of(overlay)
        keys = {(row.table, row.key) for row in rows}
        assert len(keys) == len(rows)
        for row in rows:
            for value in row.columns.values():
                if isinstance(value, Refs):
                    assert {(value.table, key) for key in value.keys} <= keys
        of = {str(each.id): each for each in self.ports}
        switches: dict[str, Any] = {row.key: row.columns["ports"] for row in rows if row.table == "Logical_Switch"}
        for row in (row for row in rows if row.table == "Logical_Router"):
            refs: Any = row.columns["ports"]
            for key in refs.keys:
                at = switches[of[key].network.id]
                assert key in at.keys and of[key].device_id == row.key
        assert {row.key for row in rows if row.columns.get("type") == "dnat_and_snat"} == {each.id for each in led}

    def on(self, net: Network) -> list[Port]:
        return [each for each in self.ports if each.network.id == net.id]


def _wished(on: Network, hosts: list[int] | None) -> tuple[FixedIp, ...] | None:
    """Addresses of the IPv4 subnet by their numbers, 0 for any one."""
    if hosts is None or on.v4 is None:
        return None
    return tuple(FixedIp(on.v4.id, str(ip_network(on.v4.cidr)[host]) if host else "") for host in hosts)


def _one(several: Sequence[Any], which: int) -> Any:
    return several[which % len(several)].id if several else "none"


@pytest.mark.thorough
def test_routers_and_what_they_join_come_and_go_in_any_order() -> None:
    run_state_machine_as_test(RoutersMachine, settings=settings(max_examples=5, stateful_step_count=20, deadline=None))
