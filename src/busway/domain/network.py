"""Networks: one IPv4 range of addresses each, and the ports that hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv4Network

from busway.domain.ids import NetworkId, PortId, ProjectId, ServerId


@dataclass(frozen=True, slots=True)
class Network:
    """A network that every project may use, with one subnet; `first` to `last` are given to servers."""

    id: NetworkId
    subnet_id: str
    name: str
    cidr: str
    first: str
    last: str
    gateway: str
    owner: ProjectId
    created: datetime

    @property
    def prefix(self) -> int:
        """The length of its prefix in bits."""
        return IPv4Network(self.cidr).prefixlen

    def addresses(self) -> Iterator[str]:
        """Every address that may be given, in order."""
        for number in range(int(IPv4Address(self.first)), int(IPv4Address(self.last)) + 1):
            address = str(IPv4Address(number))
            if address != self.gateway:
                yield address


@dataclass(frozen=True, slots=True)
class Port:
    """One address and MAC on a network, held by a server."""

    id: PortId
    network: Network
    project_id: ProjectId
    server_id: ServerId
    address: str
    mac: str
    created: datetime


def mac_for(port_id: str, attempt: int = 0) -> str:
    """A MAC address made from a port's id, under OpenStack's prefix fa:16:3e; `attempt` gives another one."""
    digest = hashlib.sha256(f"{port_id}/{attempt}".encode()).digest()
    return ":".join(("fa:16:3e", *(f"{byte:02x}" for byte in digest[:3])))
