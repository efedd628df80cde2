"""Allocation of addresses and MACs for new ports: requested ones, or free ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import AddressValueError, IPv4Address
from itertools import islice

from sqlalchemy import and_, null, or_, select

from busway.domain.errors import BadInput, Conflict
from busway.domain.ids import PortId
from busway.domain.network import Network, mac_for
from busway.store.address_lookup import AddressLookup
from busway.store.database import Tx
from busway.store.ports import IS_LIVE, further_addresses, ports
from busway.store.together import settle

_FIRST_LOOK, _LONGEST_LOOK = 64, 4096  # addresses that are looked at together


def first_candidates(network: Network, wanted: str | None, count: int) -> list[str]:
    """Returns the addresses that `take_cards` will look up first: the requested one, or the first of the range."""
    if wanted is not None:
        return [wanted]
    return [] if network.v4 is None else list(islice(network.v4.addresses(), max(_FIRST_LOOK, 2 * count)))


def take_cards(
    tx: Tx,
    network: Network,
    port_ids: Sequence[PortId],
    wanted: Sequence[str] = ("",),
    mac: str | None = None,
    lookup: AddressLookup | None = None,
) -> list[tuple[tuple[str, ...], str]]:
    """Allocates IPv4 addresses (none without an IPv4 subnet) and a MAC for each of these ports on a locked network.

    `wanted` has one for each address of a port: the requested one, or "" for any. Raises `Conflict` if one is taken or none
    is free, `BadInput` for an address outside the subnet or requested twice. Reads what `lookup` does not know, in one statement unless the network is nearly full;
    marks the allocated ones as used in it.
    """
    lookup = AddressLookup() if lookup is None else lookup
    macs = {port_id: mac or mac_for(port_id, 0) for port_id in port_ids}
    asked = list(macs.values())
    used = partial(_used, tx, lookup, network, asked)
    chosen = _chosen(network, wanted, len(port_ids), used)
    free = iter(_free(network, wanted.count("") * len(port_ids), chosen, used))
    _used(tx, lookup, network, asked, ())
    cards = []
    for port_id in port_ids:
        given = tuple(each or next(free) for each in wanted) if network.v4 is not None else ()
        own = take_mac(tx, port_id, mac) if macs[port_id] in lookup.taken_macs else macs[port_id]
        cards.append((given, own))
        lookup.learn((network.id, address, own) for address in given or ("",))
    return cards


def take_addresses(tx: Tx, network: Network, wanted: Sequence[str]) -> list[str]:
    """Allocates further addresses for one port of a locked network; see `take_cards`."""
    used = partial(_used, tx, AddressLookup(), network, ())
    chosen = _chosen(network, wanted, 1, used)
    free = iter(_free(network, wanted.count(""), chosen, used))
    return [each or next(free) for each in wanted]


def _chosen(
    network: Network, wanted: Sequence[str], count: int, used: Callable[[Sequence[str]], set[str]]
) -> list[str]:
    """Returns the requested addresses, which nobody has; raises for others."""
    chosen = [address for address in wanted if address]
    if chosen and network.v4 is None:
        raise Conflict(f"Network {network.name} has no IPv4 addresses", code="address-taken")
    taken = used(chosen) if chosen else set()
    for number, address in enumerate(chosen):
        if count > 1 or address in taken:
            raise Conflict(f"Address {address} on network {network.name} is in use", code="address-taken")
        if network.v4 is None or not _is_v4(address) or not network.v4.holds(address):
            raise BadInput(
                f"IP address {address} is not a valid IP for the specified subnet",
                detail=f"Network {network.name} has {network.v4.cidr if network.v4 else 'none'}, without its ends and its gateway.",
                code="address-outside",
            )
        if address in chosen[:number]:
            raise BadInput(f"Address {address} is requested twice", remedy="Name it once.", code="address-outside")
    return chosen


def _free(network: Network, count: int, chosen: Sequence[str], used: Callable[[Sequence[str]], set[str]]) -> list[str]:
    """Returns the first addresses of the pool that nobody has."""
    if network.v4 is None or not count:
        return []
    addresses = iter(network.v4.addresses())
    free: list[str] = []
    size = max(_FIRST_LOOK, 2 * count)
    while several := list(islice(addresses, size)):
        taken = used(several).union(chosen)
        free += [address for address in several if address not in taken]
        if len(free) >= count:
            return free[:count]
        size = _LONGEST_LOOK  # a crowded network: few statements rather than few rows
    raise Conflict(
        f"Network {network.name} has no free address",
        detail=f"All addresses of its pools are in use: {', '.join(map(' to '.join, network.v4.pools)) or 'it has none'}.",
        remedy="Delete a server or a port, or use another network.",
        code="addresses-exhausted",
    )


def _is_v4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _used(tx: Tx, lookup: AddressLookup, network: Network, macs: Sequence[str], addresses: Sequence[str]) -> set[str]:
    """Returns those of the addresses that are in use; reads what `lookup` does not know."""
    new, new_macs = lookup.ask(network.id, addresses, macs)
    if new or new_macs:
        settle(tx, ports, further_addresses)
        here = and_(ports.c.network_id == network.id, ports.c.address.in_(new))
        wanted = or_(here, ports.c.mac.in_(new_macs)) if new_macs else here
        first = select(ports.c.network_id, ports.c.address, ports.c.mac).where(IS_LIVE, wanted)
        more = select(further_addresses.c.network_id, further_addresses.c.address, null())
        more = more.where(further_addresses.c.network_id == network.id, further_addresses.c.address.in_(new))
        lookup.learn((row[0], row[1], row[2]) for row in tx.execute(first.union_all(more)))
    return lookup.used(network.id, addresses)


def take_mac(tx: Tx, port_id: PortId, wanted: str | None = None) -> str:
    """Returns a MAC that no other port has; raises `Conflict`."""
    settle(tx, ports)
    for mac in [wanted] if wanted else (mac_for(port_id, attempt) for attempt in range(100)):
        if tx.execute(select(ports.c.id).where(ports.c.mac == mac, IS_LIVE)).first() is None:
            return mac
    raise Conflict(
        f"MAC address {wanted} is in use" if wanted else "No free MAC address was found in 100 attempts",
        code="macs-exhausted",
    )
