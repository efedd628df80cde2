"""Run within a network namespace: routers and floating addresses, from Busway's use cases to packets.

Two hosts are chassis, and both have a bridge on the physical network `public`, where a namespace stands for the world outside.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from busway.control.loops.overlay import LOOP
from busway.control.networks import floating_ip, network, port, router, router_interface, security_group, subnet
from busway.control.networks.floating_ip import NewFloatingIp
from busway.control.networks.network import NewNetwork
from busway.control.networks.port import PortFields
from busway.control.networks.router import Gateway, NewRouter
from busway.control.networks.security_group import NewRule
from busway.control.networks.subnet import NewSubnet
from busway.domain.documents import HostResources
from busway.domain.errors import Conflict, NotFound
from busway.domain.guest_network import BRIDGE, OVERLAY, HostRoute
from busway.domain.host_facts import Chassis as HostFact
from busway.domain.host_facts import GuestAct
from busway.domain.ids import ProjectId, UserId
from busway.domain.network import Network, Port
from busway.domain.security_group import default_group_id
from busway.networking.chassis import read_chassis
from busway.ovn.connection import Address
from busway.ovn.northbound import Northbound
from busway.store.database import Database
from busway.store.schema import upgrade
from tests.control.clouds import ADMIN, USER, Cloud, Host
from tests.networking.ovn import FLOWS_GONE_S, PYTHON, Central, Chassis, Guest, ip, wait_for

STRANGER = replace(USER, user_id=UserId("u9"), user_name="bob", project_id=ProjectId("p9"))
OUTSIDE = "203.0.113.9"  # a machine of the world, which knows no network of a project
_WHO = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
print("listening", flush=True)
print(server.accept()[1][0], flush=True)
"""


class World:
    """OVN with two hosts, the cloud's use cases, and the world outside."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.central = Central(folder / "ovn")
        database = Database(f"sqlite:///{folder / 'busway.db'}")
        upgrade(database)
        self.cloud = Cloud(database, folder / "cloud")
        north = Northbound([Address(path=str(self.central.north))])
        self.cloud.control = replace(self.cloud.control, northbound=north)
        ip("link add provider type bridge")
        ip("link set provider up")
        self.hosts = [Chassis(self.central, number) for number in (1, 2)]
        for host in self.hosts:
            self._provider(host)
        self.outside = self._outside()
        self._agents: dict[int, Host] = {}

    def _provider(self, host: Chassis) -> None:
        ip(f"link add ext-{host.name} type veth peer name ext netns {host.name}")
        ip(f"link set ext-{host.name} master provider up")
        host.inside("ip", "link", "set", "ext", "up")
        host.ids("add-br", "br-ex", "--", "set", "bridge", "br-ex", "datapath_type=netdev")
        host.ids("add-port", "br-ex", "ext")
        host.ids("set", "Open_vSwitch", ".", "external_ids:ovn-bridge-mappings=public:br-ex")

    def _outside(self) -> Guest:
        ip("netns add outside")
        ip("link add eth0 netns outside type veth peer name to-outside")
        ip("link set to-outside master provider up")
        outside = Guest("outside")
        outside.do("ip", "link", "set", "lo", "up")
        outside.do("ip", "link", "set", "eth0", "up")
        outside.whole_checksums()
        for address in ("203.0.113.1/24", f"{OUTSIDE}/24"):
            outside.do("ip", "address", "add", address, "dev", "eth0")
        return outside

    def report(self, *facts: HostFact) -> None:
        """The hosts tell what they are."""
        for number, fact in enumerate(facts, 1):
            resources = HostResources(16, 65536, 1000, acts=tuple(GuestAct), chassis=fact)
            if number not in self._agents:
                self._agents[number] = self.cloud.host(f"h{number}", 0, resources=resources)
            self._agents[number].resources = resources
            self._agents[number].report()

    def turn(self) -> None:
        """The loop writes the northbound database, and the hosts have it."""
        LOOP.turn(self.cloud.control)
        self.central.settle()

    def network(self, name: str, cidr: str) -> Network:
        made = network.create_network(self.cloud.control, USER, NewNetwork(name, driver=OVERLAY))
        return subnet.create_subnet(self.cloud.control, USER, NewSubnet(made.id, name, cidr))[0]

    def guest(self, name: str, on: Network, host: Chassis) -> tuple[Port, Guest]:
        made = port.create_port(self.cloud.control, USER, on.id, PortFields(name=name))
        self.turn()
        guest = host.plug(name, made.mac, made.id)
        # Open vSwitch 3.1 in user space ends with a failed assertion (conn_update_state) when packets come again whose
        # connection has just expired, as a kernel's router solicitations do.
        guest.do("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6")
        return made, guest

    def public(self) -> Network:
        wanted = NewNetwork("public", driver=BRIDGE, physical="public", external=True)
        made = network.create_network(self.cloud.control, ADMIN, wanted)
        there = NewSubnet(
            made.id, "public", "203.0.113.0/24", "203.0.113.1", (("203.0.113.100", "203.0.113.199"),), dhcp=False
        )
        return subnet.create_subnet(self.cloud.control, ADMIN, there)[0]

    def holder(self) -> str:
        """The chassis where the gateway is."""
        for row in self.central.sbctl(
            "--bare", "--columns=chassis", "find", "Port_Binding", "type=chassisredirect"
        ).split():
            return self.central.sbctl("--bare", "--columns=name", "list", "Chassis", row).strip()
        return ""


def main(folder: Path) -> None:
    ip("link set lo up")
    ip("link add underlay type bridge")
    ip("link set underlay up")
    world = World(folder)
    one, two = world.hosts
    assert read_chassis(one.root(folder / "root1")) == HostFact("host1", physical=("public",))
    world.report(HostFact("host1", physical=("public",)), HostFact("host2", physical=("public",)))
    control = world.cloud.control
    blue, green, public = world.network("blue", "10.1.0.0/24"), world.network("green", "10.2.0.0/24"), world.public()
    a_port, a = world.guest("a", blue, one)
    b_port, b = world.guest("b", green, two)
    # One asks DHCP before there is a router, the other afterwards: Open vSwitch 3.1 in user space ends with a failed assertion
    # (conn_update_state) when a guest asks again while what it remembers of the first time has just expired.
    a.has(f"{a_port.address}/24")
    assert lease_of(b)["staticroutes"] == "169.254.169.254/32 10.2.0.1"
    for guest, net in ((a, "1"), (b, "2")):
        guest.do("ip", "route", "add", "default", "via", f"10.{net}.0.1")
    assert not a.pings(b_port.address), "two networks without a router"
    print("no router")

    made = router.create_router(control, USER, NewRouter("r"))
    for each in (blue, green):
        assert each.v4 is not None
        router_interface.add_interface(control, USER, made.id, subnet_id=each.v4.id)
    world.turn()
    a.comes_to(b_port.address)
    wait_for(lambda: b.pings(a_port.address))
    told = lease_of(a)["staticroutes"]
    assert told.endswith("0.0.0.0/0 10.1.0.1")
    metadata_has_an_address_of_its_own(world, blue, a_port, a, told)
    assert not a.pings(OUTSIDE), "no gateway"
    print("a router")

    router.update_router(control, USER, made.id, gateway=Gateway(public.id))
    world.turn()
    a.comes_to(OUTSIDE)
    wait_for(lambda: b.pings(OUTSIDE))
    [outer] = [each for each in router.get_router(control, USER, made.id).ports if each.network.id == public.id]
    assert seen_by(world.outside, a) == outer.address, "who goes out has the address of the gateway"
    print("snat")

    floating = floating_ip.create_floating_ip(control, USER, NewFloatingIp(public.id, port_id=b_port.id))
    world.turn()
    assert not world.outside.pings(floating.address), "no rule lets anybody in"
    rule = NewRule(default_group_id(USER.project_id), "ingress", protocol="icmp", remote_cidr="0.0.0.0/0")
    security_group.create_rule(control, USER, rule)
    world.turn()
    wait_for(lambda: world.outside.pings(floating.address))
    assert seen_by(world.outside, b) == floating.address
    for strange in (
        lambda: floating_ip.get_floating_ip(control, STRANGER, floating.id),
        lambda: router.get_router(control, STRANGER, made.id),
    ):
        refused(NotFound, strange)
    refused(Conflict, lambda: router.update_router(control, USER, made.id, gateway=None))
    print("a floating address")

    nobody_comes_in_from_port_53(world, floating.address, b, b_port)
    a_gateway_moves(world, floating.address)

    floating_ip.update_floating_ip(control, USER, floating.id, port_id=None)
    world.turn()
    wait_for(lambda: not world.outside.pings(floating.address))
    wait_for(lambda: b.pings(OUTSIDE))
    floating_ip.update_floating_ip(control, USER, floating.id, port_id=a_port.id)
    world.turn()
    wait_for(lambda: world.outside.pings(floating.address))
    port.delete_port(control, USER, a_port.id)
    world.turn()
    wait_for(lambda: not world.outside.pings(floating.address))
    assert floating_ip.get_floating_ip(control, USER, floating.id).port_id is None
    floating_ip.delete_floating_ip(control, USER, floating.id)
    print("a floating address that is taken away")

    everything_goes(world, made.id, blue, green, public)
    print("all is well")


def lease_of(guest: Guest) -> dict[str, str]:
    """What DHCP tells a guest, which then has the address."""
    lease = guest.lease()
    guest.has(f"{lease['ip']}/24")
    return lease


def seen_by(outside: Guest, guest: Guest) -> str:
    """The address from which a guest comes to the machine outside."""
    hearing = outside.start(*PYTHON, _WHO, OUTSIDE, "8080")
    try:
        wait_for(lambda: guest.connects(OUTSIDE, 8080))
        return hearing.communicate(timeout=10)[0].strip()
    finally:
        hearing.kill()


def metadata_has_an_address_of_its_own(world: World, network: Network, its: Port, guest: Guest, routes: str) -> None:
    """Where a router has the gateway's address, the host answers at another, which DHCP tells."""
    words = routes.split()
    services = words[words.index("169.254.169.254/32") + 1]
    assert network.v4 is not None and services != network.v4.gateway
    told = {
        "network": network.id, "cidr": network.v4.cidr, "gateway": network.v4.gateway, "services": services,
        "port": its.id, "mac": its.mac, "address": its.address,
    }  # fmt: skip
    host = world.hosts[0]
    folder = str(world.folder / "agent")
    agent = host.agent("tests.networking.inside.routed_host", host.database, folder, json.dumps(told))
    try:
        guest.do("ip", "route", "replace", "169.254.169.254", "via", services)
        wait_for(lambda: guest.fetches("openstack/latest/meta_data.json") == '{"name": "routed"}', pause=FLOWS_GONE_S)
        assert guest.pings(network.v4.gateway), "the router's own address"
    finally:
        agent.communicate("leave\n", timeout=30)
    print("metadata")


_HEAR = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 9999))
print("listening", flush=True)
print(s.recv(9).decode())
"""
_SAY = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", int(sys.argv[2])))
for _ in range(3): s.sendto(b"heard", (sys.argv[1], 9999))
"""


def nobody_comes_in_from_port_53(world: World, address: str, guest: Guest, its: Port) -> None:
    """OVN lets what comes from port 53 past all rules where it answers names, so it answers none behind a router."""
    hearing = guest.start(*PYTHON, _HEAR, its.address)
    world.outside.do(*PYTHON, _SAY, address, "53")
    try:
        assert hearing.communicate(timeout=2)[0] == "", "no rule lets it in"
    except subprocess.TimeoutExpired:
        hearing.kill()
        hearing.communicate()
    print("port 53")


def a_gateway_moves(world: World, address: str) -> None:
    """The host that has the gateway dies: the other one takes it, by OVN itself, and the control plane follows."""
    first = world.holder()
    [lost] = [host for host in world.hosts if host.name == first]
    assert world.outside.pings(address)
    lost.ids("set", "Open_vSwitch", ".", "external_ids:ovn-bridge-mappings=none:br-none")
    facts = [HostFact(host.name, physical=() if host is lost else ("public",)) for host in world.hosts]
    world.report(*facts)
    world.turn()
    wait_for(lambda: world.holder() not in ("", first))
    world.outside.comes_to(address)
    lost.ids("set", "Open_vSwitch", ".", "external_ids:ovn-bridge-mappings=public:br-ex")
    world.report(*(HostFact(host.name, physical=("public",)) for host in world.hosts))
    world.turn()
    wait_for(lambda: world.holder() == first)
    world.outside.comes_to(address)
    print("a gateway that moves")


def everything_goes(world: World, router_id: str, blue: Network, green: Network, public: Network) -> None:
    """Nothing of a router is left in OVN when it is deleted."""
    control = world.cloud.control
    refused(Conflict, lambda: router.delete_router(control, USER, router_id))
    router.update_router(control, USER, router_id, routes=[HostRoute("10.9.0.0/16", "10.2.0.77")])
    assert green.v4 is not None and blue.v4 is not None
    refused(Conflict, lambda: router_interface.remove_interface(control, USER, router_id, subnet_id=green.v4.id))
    router.update_router(control, USER, router_id, routes=[])
    for each in (blue, green):
        assert each.v4 is not None
        router_interface.remove_interface(control, USER, router_id, subnet_id=each.v4.id)
    router.delete_router(control, USER, router_id)
    world.turn()
    for table in ("Logical_Router", "Logical_Router_Port", "NAT", "Gateway_Chassis", "Logical_Router_Static_Route"):
        assert world.central.nbctl("--bare", "--columns=_uuid", "list", table).split() == [], table
    network.delete_network(control, ADMIN, public.id)
    world.turn()
    assert f"busway-{public.id}" not in world.central.nbctl("ls-list")
    print("a router that goes")


def refused(kind: type[Exception], act: object) -> None:
    """Runs what must be refused."""
    try:
        act()  # type: ignore[operator]
    except kind:
        return
    raise AssertionError("it is refused")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
