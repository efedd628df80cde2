"""The driver `local`: a bridge of Busway's own; the host is its gateway, and sends on what guests send, as itself."""

from __future__ import annotations

from ipaddress import ip_network

from busway.domain.errors import HostError
from busway.domain.guest_network import METADATA_ADDRESS, HostNetwork
from busway.domain.network import mac_for
from busway.networking.links import Links


class LocalDriver:
    """Each host has a part of the network of its own: guests of two hosts don't reach each other over it."""

    dns = True

    def __init__(self, links: Links) -> None:
        self._links = links

    def ensure(self, network: HostNetwork) -> str:
        """Makes the bridge with the gateway's addresses, and lets the host forward."""
        bridge = network.own_bridge
        if not self._links.exists(bridge):
            self._refuse_overlap(network)
        self._links.make_bridge(bridge, mac_for(network.id), network.mtu)
        for cidr, gateway in ((network.cidr, network.gateway), (network.cidr6, network.gateway6)):
            if cidr and gateway:
                self._links.give_address(bridge, f"{gateway}/{ip_network(cidr).prefixlen}")
        if network.dhcp and network.gateway:
            # On the bridge itself, dnsmasq would answer DNS there, which only one of a host's networks can have.
            self._links.hold_address(METADATA_ADDRESS)
        elif network.dhcp:
            self._links.give_address(bridge, f"{METADATA_ADDRESS}/32")  # dnsmasq heeds no bridge without any
        self._links.set("ipv4/ip_forward", "1")
        if network.cidr6:
            self._forward6(bridge)
        return bridge

    def _refuse_overlap(self, network: HostNetwork) -> None:
        """A host must not lose its way to addresses that it has elsewhere."""
        cidrs = [ip_network(cidr) for cidr in (network.cidr, network.cidr6) if cidr]
        for name, theirs in self._links.networks():
            if any(each.version == theirs.version and each.overlaps(theirs) for each in cidrs):
                raise HostError(
                    f"Network {network.name} has addresses that this host uses on {name}",
                    detail=f"{theirs} overlaps with {', '.join(str(each) for each in cidrs)}.",
                    remedy="Choose other addresses for the network ([busway] network_cidr, or another subnet).",
                    code="network-overlaps-host",
                )

    def _forward6(self, bridge: str) -> None:
        """A host that forwards IPv6 accepts router advertisements only with the value 2; it needs them for its own route."""
        for name in self._links.names(""):
            if name != bridge and self._links.get(f"ipv6/conf/{name}/accept_ra") == "1":
                self._links.set(f"ipv6/conf/{name}/accept_ra", "2")
        self._links.set(f"ipv6/conf/{bridge}/accept_ra", "0")
        self._links.set("ipv6/conf/all/forwarding", "1")
