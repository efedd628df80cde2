"""Run within a network namespace: a card that carries ports of other networks, from Busway's use cases to packets."""

from __future__ import annotations

import sys
from pathlib import Path

from busway.control.networks import network, port, security_group, subnet, trunk
from busway.control.networks.port import PortFields
from busway.control.networks.trunk import NewTrunk
from busway.domain.host_facts import Chassis as HostFact
from busway.domain.network import Network, Port
from busway.domain.trunk import SubPort
from tests.control.clouds import USER
from tests.networking.inside.routers import World
from tests.networking.ovn import FLOWS_GONE_S, PYTHON, Guest, ip, wait_for

VLAN = 42


def main(folder: Path) -> None:
    ip("link set lo up")
    ip("link add underlay type bridge")
    ip("link set underlay up")
    world = World(folder)
    one, two = world.hosts
    world.report(HostFact("host1"), HostFact("host2"))
    control = world.cloud.control
    blue, green = world.network("blue", "10.1.0.0/24"), world.network("green", "10.2.0.0/24")
    parent, a = world.guest("a", blue, one)
    b_port, b = world.guest("b", green, two)
    near_port, near = world.guest("near", blue, two)
    sub = port.create_port(control, USER, green.id, PortFields(name="sub"))
    a.has(f"{parent.address}/24")
    b.has(f"{b_port.address}/24")
    near.has(f"{near_port.address}/24")

    made = trunk.create_trunk(control, USER, NewTrunk(parent.id, "t", sub_ports=(SubPort(sub.id, VLAN),)))
    world.turn()
    card = VlanCard(a, VLAN, sub.mac)
    lease = a.lease(card.name)
    assert (lease["ip"], lease["mtu"]) == (sub.address, "1442"), lease
    a.has(f"{sub.address}/24", card.name)
    a.comes_to(b_port.address)
    assert b.pings(sub.address) and a.pings(near_port.address)
    print("a card with a VLAN id is on its own network, and the card itself on another")

    card.remove()
    strangers_do_not_come_in(a, near, sub, b_port)
    VlanCard(a, VLAN, sub.mac, sub.address)
    a.comes_to(b_port.address)
    security_groups_hold_for_it(world, b, sub, a, near_port)
    drift_is_repaired(world, sub, a, b_port)

    trunk.remove_subports(control, USER, made.id, {sub.id: None})
    world.turn()
    wait_for(lambda: not a.pings(b_port.address), pause=FLOWS_GONE_S)
    assert carried_by(world, sub) == ("", "")
    assert a.pings(near_port.address), "its parent stays as it was"
    print("a sub-port that is taken away")

    trunk.add_subports(control, USER, made.id, [SubPort(sub.id, VLAN)])
    world.turn()
    a.comes_to(b_port.address)
    trunk.delete_trunk(control, USER, made.id)
    world.turn()
    wait_for(lambda: not a.pings(b_port.address), pause=FLOWS_GONE_S)
    nothing_is_left(world, [parent, sub, b_port, near_port], [blue, green])
    print("all is well")


# A card of a VLAN in user space, for kernels without 8021q: a tap whose frames have the tag on eth0 (packet(7), PACKET_AUXDATA).
_VLAN_CARD = """
import fcntl, os, select, socket, struct, sys
tap = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", sys.argv[1].encode(), 0x1002))
card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
card.setsockopt(263, 8, 1)
card.bind(("eth0", 3))
tag = struct.pack("!2H", 0x8100, int(sys.argv[2]))
print("listening", flush=True)
while True:
    for ready in select.select([tap, card], [], [])[0]:
        if ready == tap:
            frame = os.read(tap, 65535)
            card.send(frame[:12] + tag + frame[12:])
            continue
        frame, [(_level, _type, notes)], _flags, sender = card.recvmsg(65535, 128)
        status, tci = struct.unpack("I12xH", notes[:18])
        if sender[2] != 4 and status & 16 and tci & 4095 == int(sys.argv[2]):
            os.write(tap, frame)
"""


class VlanCard:
    """A guest's card of a VLAN on its eth0, with a MAC and an address."""

    def __init__(self, guest: Guest, vlan: int, mac: str, address: str = "") -> None:
        self.name = f"eth0.{vlan}"
        self._process = guest.start(*PYTHON, _VLAN_CARD, self.name, str(vlan))
        guest.do("sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{self.name}/disable_ipv6")
        guest.do("ip", "link", "set", self.name, "mtu", "1442", "address", mac, "up")
        if address:
            guest.has(f"{address}/24", self.name)

    def remove(self) -> None:
        """Takes the card away."""
        self._process.kill()
        self._process.wait()


def strangers_do_not_come_in(a: Guest, near: Guest, sub: Port, there: Port) -> None:
    """Another guest of the parent's network, another VLAN id, another MAC: none of them is on the network."""
    for guest, vlan, mac, address, who in (
        (near, VLAN, "fa:16:3e:00:00:77", "10.2.0.77", "a guest whose card carries nothing"),
        (a, VLAN + 1, sub.mac, sub.address, "a VLAN id that is nobody's"),
        (a, VLAN, "fa:16:3e:00:00:99", sub.address, "a forged MAC"),
        (a, VLAN, sub.mac, "10.2.0.88", "a forged address"),
    ):
        card = VlanCard(guest, vlan, mac, address)
        assert not guest.pings(there.address), who
        card.remove()
    print("strangers")


def security_groups_hold_for_it(world: World, b: Guest, sub: Port, a: Guest, near: Port) -> None:
    """A group of its own shuts the sub-port, and not its parent."""
    control = world.cloud.control
    closed = security_group.create_group(control, USER, "closed", "")
    port.update_port(control, USER, sub.id, PortFields(groups=(closed.id,)))
    world.turn()
    wait_for(lambda: not b.pings(sub.address), pause=FLOWS_GONE_S)
    assert a.pings(near.address)
    port.update_port(control, USER, sub.id, PortFields(groups=sub.groups))
    world.turn()
    b.comes_to(sub.address)
    print("security groups")


def drift_is_repaired(world: World, sub: Port, a: Guest, there: Port) -> None:
    """What somebody changes in OVN, or a killed ovn-controller forgets, is as it was after one turn."""
    before = carried_by(world, sub)
    for change in (("clear", "Logical_Switch_Port", sub.id, "parent_name", "tag"), ("lsp-del", sub.id)):
        world.central.nbctl(*change)
        world.turn()
        assert carried_by(world, sub) == before, change
    world.hosts[0].kill_controller()
    world.hosts[0].start_controller()
    world.turn()
    a.comes_to(there.address)
    print("drift")


def carried_by(world: World, sub: Port) -> tuple[str, str]:
    """The parent and the tag that OVN has for a port, "" for none."""
    parent, tag = (
        world.central.nbctl("--bare", f"--columns={column}", "list", "Logical_Switch_Port", sub.id).strip()
        for column in ("parent_name", "tag")
    )
    return parent, tag


def nothing_is_left(world: World, ports: list[Port], networks: list[Network]) -> None:
    control = world.cloud.control
    for each in ports:
        port.delete_port(control, USER, each.id)
    for net in networks:
        assert net.v4 is not None
        subnet.delete_subnet(control, USER, net.v4.id)
        network.delete_network(control, USER, net.id)
    world.turn()
    for table in ("Logical_Switch", "Logical_Switch_Port", "DHCP_Options", "Port_Group"):
        assert world.central.nbctl("--bare", "--columns=_uuid", "list", table).split() == [], table


if __name__ == "__main__":
    main(Path(sys.argv[1]))
