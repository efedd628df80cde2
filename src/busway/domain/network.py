"""Networks with at most one subnet of each IP version, and the ports that hold addresses on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network

from busway.domain.guest_network import BRIDGE, LOCAL, AddressPair, slaac_address
from busway.domain.ids import NetworkId, PortId, ProjectId, SecurityGroupId, ServerId

DRIVERS = (LOCAL, BRIDGE)


@dataclass(frozen=True, slots=True)
class Subnet:
    """The addresses of one IP version; of version 4 `first` to `last` are given to ports.

    Ports of version 6 get the address that their MAC gives them (EUI-64), so its prefix has 64 bits; the host
    announces it by router advertisements if `dhcp` (SLAAC), otherwise it is on the guest's config drive. "" means no
    gateway.
    """

    id: str
    name: str
    cidr: str
    gateway: str = ""
    first: str = ""
    last: str = ""
    dhcp: bool = True
    dns: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.cidr else 4

    @property
    def prefix(self) -> int:
        """The length of its prefix in bits."""
        return int(self.cidr.partition("/")[2])

    def addresses(self) -> Iterator[str]:
        """Every address of version 4 that may be given, in order."""
        for number in range(int(IPv4Address(self.first)), int(IPv4Address(self.last)) + 1):
            address = str(IPv4Address(number))
            if address != self.gateway:
                yield address

    def holds(self, address: str) -> bool:
        """True for an address of version 4 that some host in the subnet may have."""
        network = IPv4Network(self.cidr)
        one = IPv4Address(address)
        ends = (network.network_address, network.broadcast_address)
        return one in network and one not in ends and address != self.gateway


@dataclass(frozen=True, slots=True)
class Network:
    """A network of a project, or of all when `shared`; `driver` says how it lies on hosts."""

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

    @property
    def subnets(self) -> tuple[Subnet, ...]:
        """Its subnets, of version 4 first."""
        return tuple(subnet for subnet in (self.v4, self.v6) if subnet is not None)

    def with_subnet(self, version: int, subnet: Subnet | None) -> Network:
        """The network with another subnet of one IP version, or without one."""
        return replace(self, v4=subnet) if version == 4 else replace(self, v6=subnet)


@dataclass(frozen=True, slots=True)
class Port:
    """One MAC on a network with its addresses; `server_id` is None while no server has it.

    A port that its user made (`own`) stays when its server goes. Without `security` nothing that it sends or receives
    is looked at.
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

    @property
    def address6(self) -> str:
        """Its address of version 6, "" on a network that has none."""
        return slaac_address(self.network.v6.cidr, self.mac) if self.network.v6 else ""

    @property
    def fixed_ips(self) -> tuple[tuple[Subnet, str], ...]:
        """Each of its addresses with its subnet."""
        found = ((self.network.v4, self.address), (self.network.v6, self.address6))
        return tuple((subnet, address) for subnet, address in found if subnet is not None and address)


def mac_for(port_id: str, attempt: int = 0) -> str:
    """A MAC address made from a port's id, under OpenStack's prefix fa:16:3e; `attempt` gives another one."""
    digest = hashlib.sha256(f"{port_id}/{attempt}".encode()).digest()
    return ":".join(("fa:16:3e", *(f"{byte:02x}" for byte in digest[:3])))
