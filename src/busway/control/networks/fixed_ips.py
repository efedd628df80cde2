"""The addresses of one port: those that a request names, and what becomes of those that it has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from busway.domain.errors import BadInput, Conflict, NotSupported
from busway.domain.network import MAX_FIXED_IPS, FixedIp, Network, Port
from busway.store import floating_ips, port_addresses
from busway.store.database import Tx


def wanted_addresses(network: Network, wanted: Sequence[FixedIp] | None, own6: str = "") -> tuple[str, ...]:
    """Returns the IPv4 addresses that a port is to have, "" for each that may be any one: at least one.

    An address of IPv6 follows from the port's MAC and can't be chosen; `own6` is the one that it has, which may be named.
    """
    if wanted is None:
        return ("",)
    if len(wanted) > MAX_FIXED_IPS:
        raise BadInput(
            f"Exceeded maximum amount of fixed ips per port: {len(wanted)}",
            remedy=f"Give at most {MAX_FIXED_IPS}.",
            code="port-addresses",
        )
    if network.subnets and not wanted:
        raise NotSupported(
            "A port without addresses is not supported",
            detail="Each port has an address of each subnet of its network.",
            remedy="Omit fixed_ips; packets of other addresses are let through with allowed_address_pairs.",
            code="port-field",
        )
    found = [each.address for each in wanted if _version(network, each, own6) == 4]
    return tuple(found) or ("",)


def _version(network: Network, wanted: FixedIp, own6: str) -> int:
    """Returns the IP version of a wanted address; raises for one that no port of the network can have."""
    known = {subnet.id: subnet.version for subnet in network.subnets}
    subnet_id, address = wanted.subnet_id, wanted.address
    if not subnet_id and not address:
        raise BadInput(
            "IP allocation requires subnet_id or ip_address", remedy="Name one of them.", code="port-addresses"
        )
    if subnet_id and subnet_id not in known:
        raise BadInput(
            f"Subnet {subnet_id} is not on network {network.id}",
            detail=f"The network has {', '.join(known) or 'no subnet'}.",
            remedy="Name one of them, or omit fixed_ips.",
            code="port-subnet",
        )
    version = known[subnet_id] if subnet_id else 6 if ":" in address else 4
    if address and version != (6 if ":" in address else 4):
        raise BadInput(f"{address} is no address of subnet {subnet_id}", remedy="Omit one of them.", code="port-subnet")
    if version == 6 and address not in ("", own6):
        raise NotSupported(
            "An IPv6 address can't be chosen",
            detail="The address of a port follows from its MAC address.",
            remedy="Choose the MAC address, or omit ip_address.",
            code="port-field",
        )
    return version


def with_addresses(tx: Tx, port: Port, wanted: Sequence[FixedIp]) -> Port:
    """Returns a locked port of a locked network with these addresses; as with Neutron, those that are not named go.

    For an address that may be any one, the port keeps one that it has, or gets a free one.
    """
    asked = wanted_addresses(port.network, wanted, port.address6)
    if port.network.v4 is None:
        port_addresses.take_addresses(tx, port.network, [each for each in asked if each])  # raises for any
        return port
    spare = [address for address in port.addresses if address not in asked]
    meant = [each or (spare.pop(0) if spare else "") for each in asked]
    new = iter(port_addresses.take_addresses(tx, port.network, [each for each in meant if each not in port.addresses]))
    addresses = [each if each in port.addresses else next(new) for each in meant]
    return replaced(tx, port, addresses)


def replaced(tx: Tx, port: Port, addresses: Sequence[str]) -> Port:
    """Returns a port with these IPv4 addresses; raises `Conflict` if a floating address leads to one that it loses."""
    if len(set(addresses)) < len(addresses):
        raise BadInput("An address is requested twice", remedy="Name each once.", code="port-addresses")
    lost = set(port.addresses).difference(addresses)
    for floating in floating_ips.attached(tx, ports=[port.id]) if lost else ():
        if floating.fixed_address in lost:
            raise Conflict(
                f"Port {port.id} can't lose {floating.fixed_address}: floating IP {floating.address} leads there",
                remedy=f"Take it away first: openstack floating ip unset --port {floating.id}",
                code="port-in-use",
            )
    return replace(port, address=addresses[0], further=tuple(addresses[1:]))
