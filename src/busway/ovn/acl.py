"""Security groups in OVN's words: a rule becomes an ACL on its group's port group. Pure.

OVN keeps track of connections (`allow-related`): answers pass, and a connection whose rule is gone is cut.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from busway.domain.guest_network import METADATA_ADDRESS, NicRule
from busway.domain.ids import SecurityGroupId
from busway.domain.network import Network

_FORGED, _ALLOWED, _DROPPED = 2000, 1002, 1001
_PORTED = {6: "tcp", 17: "udp", 132: "sctp"}
_ICMP = {1: "icmp4", 58: "icmp6"}


@dataclass(frozen=True, slots=True)
class Acl:
    """One ACL: `direction` is "from-lport" for what guests send, "to-lport" for what they receive."""

    direction: str
    priority: int
    match: str
    action: str

    @property
    def digest(self) -> str:
        """A short word for the whole of it."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


def group_name(group: str, network: str) -> str:
    """The port group of a security group on one network; a name has letters, digits, "_" and "."."""
    return f"sg_{word(group)}_{word(network)}"


def secured_name(network: str) -> str:
    """The port group of all ports with port security on a network."""
    return f"secured_{word(network)}"


def word(identity: str) -> str:
    """An id without what a name can't have."""
    return identity.replace("-", "")


def acls_of_network(network: Network, services: str) -> Iterator[Acl]:
    """What holds for every port with port security: nothing passes that no group lets through, DHCP and names apart.

    `services` is the address at which hosts answer, "" for none.
    """
    group = secured_name(network.id)
    sends = f"inport == @{group}"
    yield Acl("to-lport", _DROPPED, f"outport == @{group} && ip", "drop")
    yield Acl("from-lport", _DROPPED, f"{sends} && ip", "drop")
    # What OVN answers for DHCP and DNS passes every rule of its receiver, so no guest may send the like of it.
    yield Acl("from-lport", _FORGED, f"{sends} && ip4 && udp.src == 67 && udp.dst == 68", "drop")
    yield Acl("from-lport", _FORGED, f"{sends} && ip6 && udp.src == 547 && udp.dst == 546", "drop")
    yield Acl("from-lport", _FORGED, f"{sends} && udp.src == 53", "drop")
    if services:
        metadata = f"ip4.dst == {METADATA_ADDRESS} && tcp.dst == 80"
        names = f"ip4.dst == {services} && udp.dst == 53"
        yield Acl("from-lport", _ALLOWED, f"{sends} && ip4 && {metadata}", "allow-related")
        yield Acl("from-lport", _ALLOWED, f"{sends} && ip4 && {names}", "allow-related")
    if network.v4 is not None and network.v4.dhcp:
        server = network.v4.gateway or METADATA_ADDRESS
        request = f"ip4.dst == {{255.255.255.255, {server}}} && udp.src == 68 && udp.dst == 67"
        yield Acl("from-lport", _ALLOWED, f"{sends} && ip4 && {request}", "allow")


def acls_of_group(
    network: Network, group: str, rules: Iterable[NicRule], members: Mapping[SecurityGroupId, Sequence[str]]
) -> Iterator[Acl]:
    """What the rules of a security group let through on a network.

    `members` are the port groups of each remote group: that of this network, and those of networks that routers join to it.
    """
    for rule in rules:
        asked = _protocol(rule)
        if asked is None:
            continue
        sent = rule.direction == "egress"
        side = f"inport == @{group_name(group, network.id)}" if sent else f"outport == @{group_name(group, network.id)}"
        match = " && ".join(part for part in (side, *_remote(rule, "dst" if sent else "src", members), *asked) if part)
        yield Acl("from-lport" if sent else "to-lport", _ALLOWED, match, "allow-related")


def _remote(rule: NicRule, end: str, members: Mapping[SecurityGroupId, Sequence[str]]) -> Iterator[str]:
    version = "ip4" if rule.ethertype == "IPv4" else "ip6"
    yield version
    if rule.remote_group:
        # OVN keeps these sets: the addresses of a port group's ports.
        sets = [f"${name}_{version}" for name in members[rule.remote_group]]
        yield f"{version}.{end} == " + (sets[0] if len(sets) == 1 else f"{{{', '.join(sets)}}}")
    elif rule.remote_cidr and not rule.remote_cidr.endswith("/0"):
        yield f"{version}.{end} == {rule.remote_cidr}"


def _protocol(rule: NicRule) -> tuple[str, ...] | None:
    """The protocol of a rule; None for ports of a protocol whose ports OVN does not know: the rule lets nothing through."""
    low, high = rule.port_min, rule.port_max
    if rule.protocol is None:
        return ()
    if rule.protocol in _ICMP:
        name = _ICMP[rule.protocol]
        kind = (f"{name}.type == {low}",) if low is not None else ()
        return (name, *kind, *((f"{name}.code == {high}",) if high is not None else ()))
    if low is None:
        return (_PORTED.get(rule.protocol) or f"ip.proto == {rule.protocol}",)
    if rule.protocol not in _PORTED:
        return None
    name = _PORTED[rule.protocol]
    return (name, f"{name}.dst == {low}" if low == high else f"{low} <= {name}.dst <= {high}")
