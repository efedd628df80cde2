"""Networks with at most one subnet of each IP version, and the ports that hold addresses on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network

from busway.domain.device import PciDevice
from busway.domain.dhcp_option import DhcpOption
from busway.domain.guest_network import (
    DIRECT_PHYSICAL,
    LOCAL,
    NORMAL,
    AddressPair,
    HostRoute,
    slaac_address,
)
from busway.domain.ids import NetworkId, PortId, ProjectId, SecurityGroupId, ServerId
from busway.domain.numa_policy import NumaPolicy
from busway.domain.trunk import Carrier

# Neutron's words for whom a port is there that no server can have (`device_owner`).
ROUTER_INTERFACE, ROUTER_GATEWAY = "network:router_interface", "network:router_gateway"
FLOATING_IP, SERVICES = "network:floatingip", "network:distributed"
SUBPORT = "trunk:subport"  # of one that a trunk carries
MAX_FIXED_IPS = 5  # of one port, as Neutron has it
NOBODY = ProjectId("")  # whose ports are that the network itself has, as in Neutron


@dataclass(frozen=True, slots=True)
class Subnet:
    """The addresses of one IP version; of version 4 those of `pools` are given to ports, each from its first to its last.

    Ports of version 6 get the address that their MAC gives them (EUI-64), so its prefix has 64 bits; the host
    announces it by router advertisements if `dhcp` (SLAAC), otherwise it is on the guest's config drive. "" means no
    gateway. `revision`, here and in what else the network API has, is a number that grows with each change.
    """

    id: str
    name: str
    cidr: str
    gateway: str = ""
    pools: tuple[tuple[str, str], ...] = ()
    dhcp: bool = True
    dns: tuple[str, ...] = ()
    routes: tuple[HostRoute, ...] = ()
    description: str = ""
    revision: int = 1

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.cidr else 4

    @property
    def prefix(self) -> int:
        """The length of its prefix in bits."""
        return int(self.cidr.partition("/")[2])

    @property
    def room(self) -> int:
        """How many addresses there are for ports, without the gateway's; of version 6 all but the first, which is any router's."""
        if self.version == 6:
            return (1 << 128 - self.prefix) - 1 - bool(self.gateway)
        gateway = int(IPv4Address(self.gateway)) if self.gateway else -1
        return sum(last - first + 1 - (first <= gateway <= last) for first, last in self._ranges())

    def addresses(self) -> Iterator[str]:
        """Every address of version 4 that may be given, in order."""
        for first, last in self._ranges():
            for number in range(first, last + 1):
                address = str(IPv4Address(number))
                if address != self.gateway:
                    yield address

    def _ranges(self) -> Iterator[tuple[int, int]]:
        for first, last in self.pools:
            yield int(IPv4Address(first)), int(IPv4Address(last))

    def offers(self, address: str) -> bool:
        """True for an address of version 4 that lies in one of the pools."""
        number = int(IPv4Address(address))
        return any(first <= number <= last for first, last in self._ranges())

    def holds(self, address: str) -> bool:
        """True for an address of version 4 that some host in the subnet may have."""
        network = IPv4Network(self.cidr)
        try:
            one = IPv4Address(address)
        except ValueError:
            return False
        ends = (network.network_address, network.broadcast_address)
        return one in network and one not in ends and address != self.gateway


@dataclass(frozen=True, slots=True)
class Network:
    """A network of a project, or of all when `shared`; `driver` says how it lies on hosts.

    One that is `external` leads out of the cloud: routers have their gateways on it, and everybody sees it. At most one of these
    is the default (`is_default`), where routers that are made for projects have them. While it is not `up`, none of its ports
    lets anything through. `security` is what ports have that are made on it without a word about theirs.
    """

    id: NetworkId
    name: str
    owner: ProjectId
    created: datetime
    shared: bool = True
    driver: str = LOCAL
    physical: str = ""
    vlan: int = 0
    mtu: int = 1500
    description: str = ""
    v4: Subnet | None = None
    v6: Subnet | None = None
    external: bool = False
    revision: int = 1
    is_default: bool = False
    up: bool = True
    security: bool = True

    @property
    def subnets(self) -> tuple[Subnet, ...]:
        """Its subnets, of version 4 first."""
        return tuple(subnet for subnet in (self.v4, self.v6) if subnet is not None)

    def with_subnet(self, version: int, subnet: Subnet | None) -> Network:
        """The network with another subnet of one IP version, or without one."""
        return replace(self, v4=subnet) if version == 4 else replace(self, v6=subnet)


class Plug(StrEnum):
    """Where a port is that was given to a server that was there already, or is taken from one."""

    COMING = "coming"  # its host must plug the card in
    IN = "in"  # the guest was seen with it
    GOING = "going"  # the guest must let go of the card; the port is the server's until it was seen without it


@dataclass(frozen=True, slots=True)
class FixedIp:
    """One address that a request wishes for a port: of a subnet, or this one; "" is any."""

    subnet_id: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Port:
    """One MAC on a network with its addresses; `server_id` is None while no server has it.

    A port that its user made (`own`) stays when its server goes. Without `security` nothing that it sends or receives
    is looked at. One that is not `up` lets nothing through. `root_port` is the number of the guest's root port that its
    card is behind, 0 for the next one after the devices. `tag` is how the guest's metadata marks the card. A card that the
    guest was defined with has no `plug`. `vnic` is what the card is to its guest; `card` the function that it is on its
    server's host, None where it is none or has none yet. `dhcp_options` go before those of its network.

    A port of a router, of a floating address or of the services of hosts has a `device_owner`, and in `device_id` whose it
    is; its IPv6 address is `fixed6`, because it has the one that it was given. One that a trunk carries has a `device_owner`
    too, and a `carrier`: it has no card of its own.

    `address` is its first one of IPv4, which DHCP gives its guest, "" on a network without; `further` are more of the same subnet.
    """

    id: PortId
    network: Network
    project_id: ProjectId
    server_id: ServerId | None
    address: str
    mac: str
    created: datetime
    name: str = ""
    description: str = ""
    own: bool = False
    security: bool = True
    groups: tuple[SecurityGroupId, ...] = ()
    pairs: tuple[AddressPair, ...] = ()
    up: bool = True
    root_port: int = 0
    plug: Plug | None = None
    tag: str = ""
    vnic: str = NORMAL
    numa_policy: NumaPolicy | None = None
    card: PciDevice | None = None
    dhcp_options: tuple[DhcpOption, ...] = ()
    device_owner: str = ""
    device_id: str = ""
    fixed6: str = ""
    revision: int = 1
    carrier: Carrier | None = None
    further: tuple[str, ...] = ()

    @property
    def is_active(self) -> bool:
        """True while it lets packets through and a server has it that is not still waiting for its card, or a router.

        One that a trunk carries is while the trunk's parent is.
        """
        if self.carrier is not None:
            return self.carries and self.carrier.is_active
        return self.carries and (self.is_internal or (self.server_id is not None and self.plug is not Plug.COMING))

    @property
    def carries(self) -> bool:
        """True if it lets packets through: both it and its network are up."""
        return self.up and self.network.up

    @property
    def is_internal(self) -> bool:
        """True for one of a router, of a floating address or of the services of hosts: no server can have it."""
        return bool(self.device_owner) and self.device_owner != SUBPORT

    @property
    def guest(self) -> ServerId | None:
        """The server whose guest sends and receives by it, on a card of its own or on that of the trunk that carries it."""
        return self.carrier.server_id if self.carrier is not None else self.server_id

    @property
    def is_sriov(self) -> bool:
        """True for one that is a function of a network card, and no card on a bridge of its host."""
        return self.vnic != NORMAL

    @property
    def guest_mac(self) -> str:
        """The MAC that its guest's card has: its own, or that of the whole card that it was given."""
        whole = self.vnic == DIRECT_PHYSICAL and self.card is not None
        return self.card.mac or self.mac if whole and self.card is not None else self.mac

    @property
    def address6(self) -> str:
        """Its address of version 6, "" on a network that has none."""
        if self.is_internal:
            return self.fixed6
        return slaac_address(self.network.v6.cidr, self.guest_mac) if self.network.v6 else ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Its addresses of version 4, the first one first."""
        return (self.address, *self.further) if self.address else ()

    @property
    def fixed_ips(self) -> tuple[tuple[Subnet, str], ...]:
        """Each of its addresses with its subnet."""
        v4 = tuple((self.network.v4, address) for address in self.addresses)
        found = (*v4, (self.network.v6, self.address6))
        return tuple((subnet, address) for subnet, address in found if subnet is not None and address)


def services_address(network: Network, ports: Iterable[Port]) -> str:
    """The address at which each host answers its guests: the gateway's, or one of its own where a router has that; "" for none."""
    if network.v4 is None or not network.v4.gateway:
        return ""
    own = (port.address for port in ports if port.device_owner == SERVICES)
    return next(own, network.v4.gateway)


def mac_for(port_id: str, attempt: int = 0) -> str:
    """A MAC address made from a port's id, under OpenStack's prefix fa:16:3e; `attempt` gives another one."""
    digest = hashlib.sha256(f"{port_id}/{attempt}".encode()).digest()
    return ":".join(("fa:16:3e", *(f"{byte:02x}" for byte in digest[:3])))
