"""What one card may send, whatever its groups say: only as itself (nftables, family bridge; pure).

A frame that a guest sends is looked at as it enters the bridge (prerouting), so that neither the host nor another
guest sees a forged one; a frame for a guest is looked at as it leaves (postrouting). Raw offsets stand where nftables
has no word: the Ethernet type as it is on the wire (a VLAN tag that the kernel has taken off included), and the target
of a neighbour solicitation or advertisement (RFC 4861: 8 bytes into the ICMPv6 message).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_network

from busway.domain.documents import Nic
from busway.domain.guest_network import METADATA_ADDRESS, link_local

_ETHERTYPE = "@ll,96,16"
_ND_TARGET = "@th,64,128"
_UNTAGGED = "{ 0x0800, 0x0806, 0x86dd }"
_SENT = "{ 0x0800, 0x0806, 0x8035, 0x86dd }"


def sending(nic: Nic, after: str) -> Iterator[str]:
    """The chain for frames that the guest sends; an honest frame continues in the chain `after` of its groups."""
    yield f"chain send-{nic.tap} {{"
    if not nic.up:
        yield "drop"
    elif nic.security:
        pairs = _pairs(nic)
        macs = sorted({mac for mac, _cidr in pairs})
        yield f"{_ETHERTYPE} != {_SENT} drop"
        yield f"ether saddr != {{ {', '.join(macs)} }} drop"
        yield from _arp(pairs)
        yield from _rarp(macs)
        yield from _ipv4(pairs)
        yield from _ipv6(pairs)
    else:
        yield f"{_ETHERTYPE} {{ 0x8100, 0x88a8 }} drop"
    yield from _metadata(nic)
    yield "jump no-control"
    yield f"goto {after}" if nic.security else "accept"
    yield "}"


def receiving(nic: Nic, after: str) -> Iterator[str]:
    """The chain for what is sent to the guest; frames of other VLANs never arrive."""
    yield f"chain receive-{nic.tap} {{"
    if not nic.up:
        yield "drop"
    yield f"{_ETHERTYPE} {{ 0x8100, 0x88a8 }} drop"
    if nic.address:
        yield f"ether type ip ip saddr {METADATA_ADDRESS} ip daddr != {_set(nic.addresses)} drop"
    if not nic.security:
        yield "accept"
    else:
        yield f"{_ETHERTYPE} != {_UNTAGGED} drop"
        yield "meta protocol arp accept"
        yield "meta protocol ip udp sport 67 udp dport 68 accept"
        yield "icmpv6 type { 130, 131, 132, 134, 135, 136, 143 } accept"
        yield f"goto {after}"
    yield "}"


def _metadata(nic: Nic) -> Iterator[str]:
    """The metadata service knows a guest by its own addresses: no other one is heard there, allowed pairs included."""
    pairs = ", ".join(f"{nic.mac} . {address}" for address in nic.addresses)
    own = f"ether saddr . ip saddr != {{ {pairs} }} " if pairs else ""
    yield f"ether type ip ip daddr {METADATA_ADDRESS} {own}drop"


def _set(addresses: tuple[str, ...]) -> str:
    return addresses[0] if len(addresses) == 1 else f"{{ {', '.join(addresses)} }}"


def _pairs(nic: Nic) -> tuple[tuple[str, str], ...]:
    """Each MAC with each address that may stand beside it."""
    own = [(nic.mac, address) for address in (*nic.addresses, nic.address6, link_local(nic.mac)) if address]
    allowed = [(pair.mac, pair.cidr) for pair in nic.pairs]
    local = [(pair.mac, link_local(pair.mac)) for pair in nic.pairs]
    return tuple(dict.fromkeys(own + allowed + local))


def _of(version: int, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    found = ((mac, ip_network(cidr, strict=False)) for mac, cidr in pairs)
    return [(mac, _text(str(network))) for mac, network in found if network.version == version]


def _text(cidr: str) -> str:
    address, _, length = cidr.partition("/")
    return address if length in ("32", "128") else cidr


def _arp(pairs: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """A sender may be 0.0.0.0 in a probe (RFC 5227) only; any other operation than request and reply is unknown."""
    own = _of(4, pairs)
    for mac in sorted({mac for mac, _cidr in pairs}):
        yield f"ether type arp ether saddr {mac} arp operation request arp saddr ether {mac} arp saddr ip 0.0.0.0 accept"
    for mac, cidr in own:
        yield f"ether type arp ether saddr {mac} arp operation {{ 1, 2 }} arp saddr ether {mac} arp saddr ip {cidr} accept"
    yield "ether type arp drop"


def _rarp(macs: Iterable[str]) -> Iterator[str]:
    """QEMU asks who has the card's own MAC when the guest has come from another host: so bridges learn where it is now."""
    for mac in macs:
        number = f"0x{mac.replace(':', '')}"
        yield f"{_ETHERTYPE} 0x8035 ether saddr {mac} @nh,48,16 3 @nh,64,48 {number} @nh,144,48 {number} accept"
    yield f"{_ETHERTYPE} 0x8035 drop"


def _ipv4(pairs: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """A guest asks DHCP before it has an address, never answers it, and redirects nobody."""
    yield "ether type ip ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept"
    yield "ether type ip udp sport 67 drop"
    yield "ether type ip icmp type redirect drop"
    own = _of(4, pairs)
    if own:
        yield f"ether type ip ether saddr . ip saddr != {{ {', '.join(f'{mac} . {cidr}' for mac, cidr in own)} }} drop"
        yield "ether type ip udp sport 68 udp dport 67 accept"
    else:
        yield "ether type ip drop"


def _ipv6(pairs: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """A guest asks for routers and neighbours, and answers for its own addresses; it never announces a router."""
    own = _of(6, pairs)
    targets = ", ".join(dict.fromkeys(_hex(cidr) for _mac, cidr in own))
    yield "ether type ip6 udp sport 547 drop"
    yield "ether type ip6 icmpv6 type { nd-router-advert, nd-redirect } drop"
    yield f"ether type ip6 ip6 saddr :: icmpv6 type nd-neighbor-solicit {_ND_TARGET} {{ {targets} }} accept"
    yield "ether type ip6 ip6 saddr :: icmpv6 type { mld-listener-report, mld2-listener-report } accept"
    yield f"ether type ip6 ether saddr . ip6 saddr != {{ {', '.join(f'{mac} . {cidr}' for mac, cidr in own)} }} drop"
    yield f"ether type ip6 icmpv6 type nd-neighbor-advert {_ND_TARGET} != {{ {targets} }} drop"
    yield "ether type ip6 icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept"
    yield "ether type ip6 icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } accept"


def _hex(cidr: str) -> str:
    """A range of addresses as numbers, for a raw match."""
    network = ip_network(cidr, strict=False)
    first, last = int(network.network_address), int(network.broadcast_address)
    return f"0x{first:032x}" if first == last else f"0x{first:032x}-0x{last:032x}"
