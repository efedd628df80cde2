"""Routers between networks, and floating addresses: those of an external network that lead to a port."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from busway.domain.guest_network import HostRoute
from busway.domain.ids import FloatingIpId, NetworkId, PortId, ProjectId, RouterId
from busway.domain.network import ROUTER_GATEWAY, ROUTER_INTERFACE, Port

MAX_ROUTES = 30  # Neutron's limit of a router's routes
MAX_INTERFACES = 250  # whoever reads a router reads all its ports


@dataclass(frozen=True, slots=True)
class Router:
    """A router of a project; `ports` are its own, oldest first: one on each subnet that it joins, and one on `gateway`.

    With `snat` what it sends out of the cloud has the address of its gateway port.
    """

    id: RouterId
    project_id: ProjectId
    name: str
    created: datetime
    description: str = ""
    up: bool = True
    gateway: NetworkId | None = None
    snat: bool = True
    routes: tuple[HostRoute, ...] = ()
    ports: tuple[Port, ...] = ()
    revision: int = 1

    @property
    def interfaces(self) -> tuple[Port, ...]:
        """Its ports on the subnets that it joins."""
        return tuple(port for port in self.ports if port.device_owner == ROUTER_INTERFACE)

    @property
    def gateway_port(self) -> Port | None:
        """Its port on the external network, None without a gateway."""
        return next((port for port in self.ports if port.device_owner == ROUTER_GATEWAY), None)


@dataclass(frozen=True, slots=True)
class FloatingIp:
    """An address of an external network; while it has a `port_id`, `router_id` translates it to `fixed_address` there."""

    id: FloatingIpId
    project_id: ProjectId
    network_id: NetworkId
    address: str
    own_port: PortId  # holds the address on the external network
    created: datetime
    description: str = ""
    port_id: PortId | None = None
    fixed_address: str = ""
    router_id: RouterId | None = None
    revision: int = 1
