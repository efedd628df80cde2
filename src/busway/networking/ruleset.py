"""The whole packet filter of a host, from its Desired document: pure, the same text for the same values.

nftables takes it in one transaction: the old tables are there until the new ones are. A card that no rule knows is
shut: its interface is named before its guest starts, and its rules are there before its interface is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from busway.domain.documents import Desired, Nic
from busway.domain.guest_network import METADATA_ADDRESS, OVERLAY, TAP_PREFIX, HostNetwork, NicGroup
from busway.networking.card_chains import receiving, sending
from busway.networking.group_chains import card_groups, group_chains, member_sets
from busway.networking.host_chains import host_table

TABLES = ("bridge busway", "inet busway")


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """Where the control plane answers, which guests never reach; `addresses` are those of its name."""

    addresses: tuple[str, ...] = ()
    port: int = 0


@dataclass(frozen=True, slots=True)
class Filter:
    """The tables as `nft -f -` reads them, and the name of the empty chain by which each is known in the kernel.

    `cards` is how many it lets through.
    """

    mark: str
    text: str
    cards: int


def packet_filter(desired: Desired, control: ControlPlane) -> Filter:
    """Writes the filter of all cards that the host must have; cards of other guests are left alone, and OVN's to OVN."""
    nics = tuple(nic for server in desired.servers for nic in server.plugged if nic.network and nic.driver != OVERLAY)
    body = "\n".join(_tables(nics, desired.networks, desired.groups, control)) + "\n"
    mark = f"mark-{hashlib.sha256(body.encode()).hexdigest()[:32]}"
    cleared = "".join(f"table {table}\ndelete table {table}\n" for table in TABLES)
    marks = "".join(f"add chain {table} {mark}\n" for table in TABLES)
    return Filter(mark, cleared + body + marks, len(nics))


def _tables(
    nics: tuple[Nic, ...],
    networks: tuple[HostNetwork, ...],
    groups: tuple[NicGroup, ...],
    control: ControlPlane,
) -> Iterator[str]:
    known = frozenset(group.id for group in groups)
    yield "table bridge busway {"
    yield from member_sets(groups)
    for group in groups:
        yield from group_chains(group, known)
    yield from _no_control(control)
    for nic in nics:
        if nic.security:
            yield from card_groups(nic, "egress", known)
            yield from card_groups(nic, "ingress", known)
        yield from sending(nic, f"egress-{nic.tap}")
        yield from receiving(nic, f"ingress-{nic.tap}")
    yield from _entrance("from-guests", "prerouting priority -100", "iifname", nics, "send")
    yield from _entrance("to-guests", "postrouting priority 100", "oifname", nics, "receive")
    yield from _to_host(nics, control)
    yield "}"
    yield from host_table(networks)


def _entrance(name: str, hook: str, side: str, nics: tuple[Nic, ...], word: str) -> Iterator[str]:
    yield f"chain {name} {{"
    yield f"type filter hook {hook}; policy accept;"
    if nics:
        ways = ", ".join(f'"{nic.tap}" : goto {word}-{nic.tap}' for nic in nics)
        yield f"{side} vmap {{ {ways} }}"
    yield f'{side} "{TAP_PREFIX}*" drop'
    if side == "oifname":
        yield from _metadata(nics, f"ip saddr {METADATA_ADDRESS} ip daddr")
    yield "}"


def _metadata(nics: tuple[Nic, ...], what: str) -> Iterator[str]:
    """What a guest hears of the metadata service concerns no other interface of any bridge."""
    guests = sorted({address for nic in nics for address in nic.addresses})
    if guests:
        yield f"ether type ip {what} {{ {', '.join(guests)} }} drop"


def _no_control(control: ControlPlane) -> Iterator[str]:
    """Drops what is for the control plane, wherever it is."""
    yield "chain no-control {"
    for address in control.addresses:
        word = "ip" if ip_address(address).version == 4 else "ip6"
        yield f"ether type {word} {word} daddr {address} tcp dport {control.port} drop"
    yield "}"


def _to_host(nics: tuple[Nic, ...], control: ControlPlane) -> Iterator[str]:
    """Metadata is for guests alone; and where the control plane is this machine, no address of it leads there."""
    yield "chain to-host {"
    yield "type filter hook input priority 0; policy accept;"
    yield from _metadata(nics, f'iifname != "{TAP_PREFIX}*" ip daddr {METADATA_ADDRESS} ip saddr')
    if any(ip_address(address).is_loopback for address in control.addresses):
        yield f'iifname "{TAP_PREFIX}*" tcp dport {control.port} drop'
    yield "}"
