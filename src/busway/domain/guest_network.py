"""What a host must know of its guests' networks: the networks, each card's port, and the rules of security groups.

The words are Neutron's. A network lies on a host as its driver makes it: `local` is a bridge of Busway's own with NAT,
DHCP and DNS, `bridge` is a bridge of the operator's, perhaps with a VLAN, `overlay` is a logical switch of OVN across hosts.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from busway.domain.ids import NetworkId, PortId, SecurityGroupId

LOCAL, BRIDGE, OVERLAY = "local", "bridge", "overlay"
INTEGRATION_BRIDGE = "br-int"  # of Open vSwitch, where OVN has its ports
OVERLAY_MTU = 1442  # what Geneve leaves of 1500 bytes over IPv4
# What a card is to its guest (Neutron's vnic types): plugged into a bridge, a VF, or a whole card of the host.
NORMAL, DIRECT, DIRECT_PHYSICAL = "normal", "direct", "direct-physical"
METADATA_ADDRESS = "169.254.169.254"
DEFAULT_PHYSICAL = "default"
TAP_PREFIX, BRIDGE_PREFIX, VLAN_PREFIX, SERVICES_PREFIX = "bwt", "bwb", "bwv", "bws"
_DIGITS = 11  # an interface's name has at most 15 characters
PORTED = {"tcp": 6, "udp": 17, "dccp": 33, "sctp": 132, "udplite": 136}
PROTOCOLS = PORTED | {
    "icmp": 1, "igmp": 2, "ipip": 4, "egp": 8, "ipv6-encap": 41, "ipv6-route": 43, "ipv6-frag": 44, "rsvp": 46,
    "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58, "icmpv6": 58, "ipv6-nonxt": 59, "ipv6-opts": 60, "ospf": 89,
    "pgm": 113, "vrrp": 112,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AddressPair:
    """A MAC address and a range of addresses from which a card may send beside its own."""

    mac: str
    cidr: str


@dataclass(frozen=True, slots=True)
class HostRoute:
    """A route that the guests of a subnet get beside the one by its gateway."""

    destination: str  # a network, "10.8.0.0/16"
    nexthop: str


@dataclass(frozen=True, slots=True)
class NicRule:
    """What one rule of a security group lets through; "" and None mean any.

    `protocol` is the IP protocol's number. Ports are those of the destination; for ICMP they are type and code.
    """

    direction: str  # "ingress" or "egress"
    ethertype: str  # "IPv4" or "IPv6"
    protocol: int | None = None
    port_min: int | None = None
    port_max: int | None = None
    remote_cidr: str = ""
    remote_group: SecurityGroupId | None = None


@dataclass(frozen=True, slots=True)
class NicGroup:
    """A security group: its rules, and the addresses of all cards that are in it, on any host."""

    id: SecurityGroupId
    rules: tuple[NicRule, ...] = ()
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostNetwork:
    """One network as its hosts must have it.

    With `dhcp` the host gives its own guests their addresses, names and routes; of the others the site takes care.
    On a network of the driver `overlay`, `gateway` is where the host itself answers; when `routed` (`routed6`) the gateway of
    a card is a router.
    `routes` are those of its subnets, of both versions. `cidr6` is announced by router advertisements when `ra`. `physical` and `vlan` are for the driver `bridge`.
    """

    id: NetworkId
    name: str
    driver: str
    mtu: int = 1500
    physical: str = DEFAULT_PHYSICAL
    vlan: int = 0
    dhcp: bool = True
    cidr: str = ""
    gateway: str = ""
    cidr6: str = ""
    gateway6: str = ""
    ra: bool = False
    dns: tuple[str, ...] = ()
    domain: str = ""
    routes: tuple[HostRoute, ...] = ()
    routed: bool = False
    routed6: bool = False

    @property
    def own_bridge(self) -> str:
        """The name of the bridge that Busway makes for it; a network right on the operator's bridge has none."""
        return bridge_name(self.id)

    @property
    def vlan_device(self) -> str:
        """The name of the interface that carries its VLAN to and from the operator's bridge."""
        return VLAN_PREFIX + _short(self.id)


def tap_name(port_id: PortId) -> str:
    """The name of a card's interface on its host, known before its guest starts."""
    return TAP_PREFIX + _short(port_id)


def link_local(mac: str) -> str:
    """The link-local IPv6 address that a card with this MAC makes for itself (RFC 4291, modified EUI-64)."""
    return slaac_address("fe80::/64", mac)


def slaac_address(cidr: str, mac: str) -> str:
    """The address that a card with this MAC makes for itself in a /64."""
    octets = bytes.fromhex(mac.replace(":", ""))
    interface = bytes((octets[0] ^ 2, *octets[1:3], 0xFF, 0xFE, *octets[3:]))
    return str(IPv6Address(int(IPv6Network(cidr).network_address) + int.from_bytes(interface, "big")))


def plain_address(text: str) -> IPv4Address | IPv6Address:
    """Reads an address without a zone: `fe80::1%eth0` is one on a card of this machine; raises `ValueError`."""
    if "%" in text:
        raise ValueError(f"{text[:60]!r} has a zone")
    return ip_address(text)


def plain_network(text: str, *, strict: bool = True) -> IPv4Network | IPv6Network:
    """Reads a network without a zone; raises `ValueError`."""
    if "%" in text:
        raise ValueError(f"{text[:60]!r} has a zone")
    return ip_network(text, strict=strict)


def slaac_mac(address: IPv6Address) -> str | None:
    """The MAC of the card that made itself this address, or None for an address that is made otherwise."""
    octets = address.packed[8:]
    if octets[3:5] != b"\xff\xfe":
        return None
    return ":".join(f"{octet:02x}" for octet in (octets[0] ^ 2, *octets[1:3], *octets[5:]))


def services_name(network_id: NetworkId) -> str:
    """The name in OVN of the port of a network at which each host answers, at the network's gateway address."""
    return f"services-{network_id}"


def services_device(network_id: NetworkId) -> str:
    """The name of a host's own card on an overlay network."""
    return SERVICES_PREFIX + _short(network_id)


def bridge_name(network_id: NetworkId) -> str:
    """The name of the bridge that Busway makes for a network on a host."""
    return BRIDGE_PREFIX + _short(network_id)


def _short(identity: str) -> str:
    return identity.replace("-", "")[:_DIGITS]
