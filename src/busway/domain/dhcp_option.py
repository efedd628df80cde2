"""DHCP options of a port (Neutron's extra_dhcp_opt): what its guest is told beside its network's options, such as what to boot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from busway.domain.errors import BadInput

MAX_OPTIONS = 8
# Those of DHCP for IPv4 that dnsmasq 2.89 knows by name; any other is given by its number.
NAMES = frozenset(
    {
        "all-subnets-local", "arp-timeout", "boot-file-size", "bootfile-name", "classless-static-route", "client-arch",
        "client-interface-id", "client-machine-id", "default-ttl", "dns-server", "domain-name", "domain-search",
        "ethernet-encap", "extension-path", "ip-forward-enable", "ipv6-only", "irc-server", "log-server", "lpr-server",
        "max-datagram-reassembly", "mobile-ip-home", "mtu", "netbios-dd", "netbios-nodetype", "netbios-ns",
        "netbios-scope", "netmask", "nis+-domain", "nis+-server", "nis-domain", "nis-server", "nntp-server",
        "non-local-source-routing", "ntp-server", "policy-filter", "pop3-server", "posix-timezone", "rapid-commit",
        "root-path", "router", "router-discovery", "router-solicitation", "server-ip-address", "sip-server",
        "smtp-server", "static-route", "swap-server", "T1", "T2", "tcp-keepalive", "tcp-ttl", "tftp-server",
        "tftp-server-address", "time-offset", "trailer-encapsulation", "tzdb-timezone", "user-class", "vendor-class",
        "vendor-id-encap", "x-windows-dm", "x-windows-fs",
    }
)  # fmt: skip
# Those of them whose value dnsmasq reads as IPv4 addresses; it leaves an option out, and says nothing, if it can't.
ADDRESSES = frozenset(
    {
        "dns-server", "irc-server", "log-server", "lpr-server", "mobile-ip-home", "netbios-dd", "netbios-ns", "netmask",
        "nis+-server", "nis-server", "nntp-server", "ntp-server", "policy-filter", "pop3-server", "router",
        "router-solicitation", "server-ip-address", "smtp-server", "static-route", "swap-server",
        "tftp-server-address", "x-windows-dm", "x-windows-fs",
    }
)  # fmt: skip
# Nothing that would end the option in dnsmasq's file: no line, no quote, no comment, no space.
_VALUE = re.compile(r"[A-Za-z0-9._:/,@%+=~?&\[\]-]{1,120}")


@dataclass(frozen=True, slots=True)
class DhcpOption:
    """One option by its name or number, with its value as dnsmasq reads it: a text, or addresses with commas between."""

    name: str
    value: str


def check_options(wanted: Sequence[DhcpOption]) -> tuple[DhcpOption, ...]:
    """The options, of each name the last; raises `BadInput` for one that no guest could be told."""
    if len(wanted) > MAX_OPTIONS:
        raise _bad(f"{len(wanted)} DHCP options of one port", f"Give at most {MAX_OPTIONS}.")
    for each in wanted:
        number = int(each.name) if each.name.isascii() and each.name.isdigit() and len(each.name) <= 3 else 0
        if each.name not in NAMES and not 1 <= number <= 254:
            raise _bad(
                f"'{each.name[:60]}' is no DHCP option",
                "Use a name that `dnsmasq --help dhcp` lists, or a number from 1 to 254.",
            )
        if not _VALUE.fullmatch(each.value):
            raise _bad(
                f"The value of DHCP option {each.name} can't be told",
                "Use 1 to 120 letters, digits and ._:/,@%+=~?&[]- without spaces.",
            )
        if each.name in ADDRESSES and not all(map(_is_ipv4, each.value.split(","))):
            raise _bad(
                f"'{each.value[:60]}' is no value of DHCP option {each.name}",
                "Use IPv4 addresses with commas between, such as 192.0.2.1,192.0.2.2.",
            )
    return tuple({each.name: each for each in wanted}.values())


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True


def _bad(brief: str, remedy: str) -> BadInput:
    return BadInput(brief, remedy=remedy, code="dhcp-option")
