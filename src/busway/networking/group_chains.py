"""The rules of security groups as chains that the cards share (nftables, family bridge; pure).

The first packet of a connection must be let through by a rule each time again, only the answers to it pass because it
was: so a rule that is taken away ends the connections that it let through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network

from busway.domain.documents import Nic
from busway.domain.guest_network import PORTED, NicGroup, NicRule
from busway.domain.ids import SecurityGroupId

_ICMP = {1: "icmp", 58: "icmpv6"}
_FAMILY = {"IPv4": ("ip", "4"), "IPv6": ("ip6", "6")}


def card_groups(nic: Nic, direction: str, known: frozenset[SecurityGroupId]) -> Iterator[str]:
    """The chain of one card in one direction: answers, then each of its groups, and nothing else."""
    yield f"chain {direction}-{nic.tap} {{"
    yield "ct state related accept"
    yield "ct direction reply ct state established accept"
    yield "ct state invalid drop"
    for group in nic.groups:
        if group in known:
            yield f"jump {direction}-{group}"
    yield "drop"
    yield "}"


def group_chains(group: NicGroup, sets: frozenset[SecurityGroupId]) -> Iterator[str]:
    """The two chains of a group; `sets` are the groups whose members have a set."""
    for direction in ("ingress", "egress"):
        yield f"chain {direction}-{group.id} {{"
        for rule in group.rules:
            if rule.direction == direction and (line := _rule(rule, sets)) is not None:
                yield line
        yield "}"


def member_sets(groups: Iterable[NicGroup]) -> Iterator[str]:
    """Two sets for each group that a rule names as its remote side: its members by version."""
    groups = tuple(groups)
    remote = {rule.remote_group for group in groups for rule in group.rules}
    for group in groups:
        if group.id in remote:
            for version, kind in ((4, "ipv4_addr"), (6, "ipv6_addr")):
                members = sorted({member for member in group.members if ip_address(member).version == version})
                elements = f"elements = {{ {', '.join(members)} }}" if members else ""
                yield f"set members{version}-{group.id} {{\ntype {kind}\n{elements}\n}}"


def _rule(rule: NicRule, sets: frozenset[SecurityGroupId]) -> str | None:
    """One line; None for a rule that can let nothing through, because its remote group has no members here."""
    word, version = _FAMILY[rule.ethertype]
    side = "saddr" if rule.direction == "ingress" else "daddr"
    words = [f"ether type {word}"]
    if rule.remote_group is not None:
        if rule.remote_group not in sets:
            return None
        words.append(f"{word} {side} @members{version}-{rule.remote_group}")
    if rule.remote_cidr:
        network = ip_network(rule.remote_cidr, strict=False)
        if network.prefixlen:
            words.append(f"{word} {side} {network}")
    words += _protocol(rule)
    return " ".join((*words, "accept"))


def _protocol(rule: NicRule) -> Iterator[str]:
    if rule.protocol is None:
        return
    yield f"meta l4proto {rule.protocol}"
    if rule.protocol in _ICMP:
        # An ICMP message begins with its type and its code, a byte each.
        if rule.port_min is not None:
            yield f"@th,0,8 {rule.port_min}"
        if rule.port_max is not None:
            yield f"@th,8,8 {rule.port_max}"
    elif rule.protocol in PORTED.values() and rule.port_min is not None:
        last = rule.port_min if rule.port_max is None else rule.port_max
        yield f"th dport {rule.port_min}-{last}" if last != rule.port_min else f"th dport {last}"
