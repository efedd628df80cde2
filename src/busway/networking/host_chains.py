"""What guests of `local` networks reach of their host and through it (nftables, family inet; pure).

Of the host itself they reach DHCP, DNS, metadata and echo, never another port; other networks of Busway not at all.
What they send further is sent as the host.
"""

from __future__ import annotations

from collections.abc import Iterator

from busway.domain.guest_network import LOCAL, METADATA_ADDRESS, HostNetwork


def host_table(networks: tuple[HostNetwork, ...]) -> Iterator[str]:
    """The table `inet busway`; with no local network it is there and does nothing."""
    local = [network for network in networks if network.driver == LOCAL]
    yield "table inet busway {"
    yield from _input(local)
    yield from _forward(local)
    yield "chain nat {"
    yield "type nat hook postrouting priority srcnat; policy accept;"
    for network in local:
        for word, cidr in (("ip", network.cidr), ("ip6", network.cidr6)):
            if cidr:
                yield f'{word} saddr {cidr} oifname != "{network.own_bridge}" {word} daddr != {cidr} masquerade'
    yield "}"
    yield "}"


def _input(local: list[HostNetwork]) -> Iterator[str]:
    yield "chain input {"
    yield "type filter hook input priority filter - 5; policy accept;"
    for network in local:
        yield f'iifname "{network.own_bridge}" goto to-host'
    yield "}"
    yield "chain to-host {"
    yield "ct state related accept"
    yield "ct direction reply ct state established accept"
    yield "udp dport { 53, 67, 547 } accept"
    yield "tcp dport 53 accept"
    yield f"ip daddr {METADATA_ADDRESS} tcp dport 80 accept"
    yield "icmp type echo-request accept"
    yield "icmpv6 type { 128, 130, 131, 132, 133, 135, 136, 143 } accept"
    yield "drop"
    yield "}"


def _forward(local: list[HostNetwork]) -> Iterator[str]:
    """The first packet of a connection may leave a local network, and none may enter one."""
    yield "chain forward {"
    yield "type filter hook forward priority filter - 5; policy accept;"
    for network in local:
        yield f'iifname "{network.own_bridge}" oifname "{network.own_bridge}" accept'
    if local:
        yield "ct state related accept"
        yield "ct direction reply ct state established accept"
    for network in local:
        yield f'oifname "{network.own_bridge}" drop'
    yield "}"
