"""The use cases of subnets. A network has at most one subnet of each IP version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Network,
    NetmaskValueError,
    ip_network,
)
from itertools import pairwise

from busway.control.context import Control
from busway.control.networks import quota
from busway.control.networks.access import own_network, own_subnet, scope, visible_network
from busway.control.networks.changes import note_network, tell_hosts
from busway.control.networks.network import is_configured, unique_local
from busway.domain.caller import Caller
from busway.domain.errors import BadInput, Conflict
from busway.domain.guest_network import LOCAL, METADATA_ADDRESS, OVERLAY, HostRoute, plain_address, plain_network
from busway.domain.network import Network, Subnet
from busway.store import network_list, ports
from busway.store import networks as store
from busway.store.database import Tx
from busway.store.network_list import EVERY_NETWORK, NetworkFilter
from busway.store.network_tags import forget_tags

_UNIQUE_LOCAL = IPv6Network("fd00::/8")
MAX_DNS = MAX_ROUTES = 5
# This host, loopback, link-local (metadata is there), multicast and reserved; the same of IPv6.
_NOBODYS = tuple(
    map(ip_network, ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3", "::/8", "fe80::/10", "ff00::/8"))
)


@dataclass(frozen=True, slots=True)
class NewSubnet:
    """The fields of a subnet that is to be created.

    `gateway` None means the first address, "" none. `dhcp` None means on where the network supports it. A subnet is its
    network's project's: another `owner` is refused.
    """

    network_id: str
    name: str
    cidr: str
    gateway: str | None = None
    pools: tuple[tuple[str, str], ...] | None = None  # None is all that there is room for
    dhcp: bool | None = None
    dns: tuple[str, ...] = ()
    routes: tuple[HostRoute, ...] = ()
    description: str = ""
    owner: str | None = None


def list_subnets(
    control: Control, caller: Caller, wanted: NetworkFilter = EVERY_NETWORK
) -> list[tuple[Network, Subnet]]:
    """Lists the subnets that match a filter, of networks that the caller may use."""
    with control.db.read() as tx:
        return network_list.list_subnet_page(tx, replace(wanted, project_id=scope(caller)))


def create_subnet(control: Control, caller: Caller, wanted: NewSubnet) -> tuple[Network, Subnet]:
    """Creates one subnet; see `create_subnets`."""
    return create_subnets(control, caller, [wanted])[0]


def create_subnets(control: Control, caller: Caller, wanted: Sequence[NewSubnet]) -> list[tuple[Network, Subnet]]:
    """Creates subnets, all or none.

    Raises `Conflict` for a second subnet of an IP version, `BadInput` for addresses that overlap with another
    network's.
    """
    with control.db.write() as tx:
        quota.take_projects(control, tx, {visible_network(tx, caller, each.network_id).owner for each in wanted})
        made = [add_subnet(control, tx, caller, each) for each in wanted]
    tell_hosts(control)
    return made


def add_subnet(control: Control, tx: Tx, caller: Caller, wanted: NewSubnet) -> tuple[Network, Subnet]:
    """Creates one subnet within a transaction; the caller has the turn of the network's owner (`quota.take_projects`)."""
    network = own_network(tx, caller, wanted.network_id, "add a subnet to")
    if wanted.owner not in (None, "", network.owner):
        raise BadInput(
            f"A subnet is its network's project's, not {wanted.owner}'s",
            detail=f"Network {network.name} is project {network.owner}'s.",
            remedy="Leave out the project.",
            code="subnet-field",
        )
    quota.check(control, tx, network.owner, "subnet")
    subnet = _subnet(control, network, wanted)
    if any(each.version == subnet.version for each in network.subnets):
        raise Conflict(
            f"Network {network.name} has a subnet of version {subnet.version} already",
            detail="A network has one subnet of each version.",
            remedy="Create another network.",
            code="subnet-exists",
        )
    _check_room(control, tx, caller, network, subnet)
    changed = store.save_network(tx, network.with_subnet(subnet.version, subnet))
    note_network(tx, changed, control.now())
    return changed, subnet


def update_subnet(
    control: Control,
    caller: Caller,
    subnet_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    dhcp: bool | None = None,
    dns: Sequence[str] | None = None,
    gateway: str | None = None,
    routes: Sequence[HostRoute] | None = None,
    pools: tuple[tuple[str, str], ...] | None = None,
) -> tuple[Network, Subnet]:
    """Changes a subnet; None leaves a field unchanged, and `gateway` "" removes it.

    Other `pools` are for new ports: those that have an address keep it, as in Neutron. Raises `BadInput` for a range outside the
    subnet, and for one of IPv6, `Conflict` for pools that overlap.

    Raises `Conflict` for another gateway while ports have addresses: guests and hosts are configured with the old
    one. Raises `Conflict` too for what the configuration says of the subnets of its own network.
    """
    with control.db.write() as tx:
        network, subnet = own_subnet(tx, caller, subnet_id, "change a subnet of")
        if is_configured(control, network):
            wanted = {"gateway": gateway, "dhcp": dhcp, "dns": None if dns is None else tuple(dns), "pools": pools}
            _refuse_configured(subnet, wanted)
        if gateway is not None:
            subnet = _with_gateway(tx, network, subnet, gateway)
        if pools is not None:
            subnet = _with_pools(subnet, pools)
        changed = replace(
            subnet,
            name=subnet.name if name is None else name,
            description=subnet.description if description is None else description,
            dhcp=subnet.dhcp if dhcp is None else dhcp,
            dns=subnet.dns if dns is None else _dns(dns),
            routes=subnet.routes if routes is None else _routes(routes, subnet.version),
        )
        whole = store.save_network(tx, network.with_subnet(subnet.version, changed))
        note_network(tx, whole, control.now())
    tell_hosts(control)
    return whole, next(each for each in whole.subnets if each.id == subnet.id)


# What the configuration says of its network's subnets, by their version.
_OPTIONS = {
    4: {
        "gateway": "network_gateway",
        "dhcp": "network_dhcp",
        "dns": "network_dns",
        "pools": "network_first, network_last",
    },
    6: {"gateway": "network_cidr6", "dhcp": "network_driver"},
}


def _refuse_configured(subnet: Subnet, changes: Mapping[str, object]) -> None:
    present = {"gateway": subnet.gateway, "dhcp": subnet.dhcp, "dns": subnet.dns, "pools": subnet.pools}
    for name, option in _OPTIONS[subnet.version].items():
        if changes[name] not in (None, present[name]):
            raise Conflict(
                f"The {name} of subnet {subnet.name} is the configuration's",
                detail="The next start of the control plane would set it again.",
                remedy=f"Change [busway] {option}, or use another network.",
                code="network-configured",
            )


def _with_pools(subnet: Subnet, pools: Sequence[tuple[str, str]]) -> Subnet:
    cidr = ip_network(subnet.cidr)
    if isinstance(cidr, IPv6Network):
        if pools:
            raise _no_pool()
        return subnet
    return replace(subnet, pools=_ranges(pools, cidr))


def _no_pool() -> BadInput:
    return _bad("An IPv6 subnet has no allocation pools", "Its ports have the addresses of their MACs (SLAAC).")


def _ranges(pools: Sequence[tuple[str, str]], cidr: IPv4Network) -> tuple[tuple[str, str], ...]:
    """Returns pools in their order, which lie within a subnet and do not overlap."""
    found = sorted((_range(pool, cidr) for pool in pools), key=lambda pool: IPv4Address(pool[0]))
    for one, other in pairwise(found):
        if IPv4Address(other[0]) <= IPv4Address(one[1]):
            raise Conflict(
                f"Found overlapping allocation pools: {' to '.join(one)}, {' to '.join(other)} for subnet {cidr}.",
                remedy="Make one of them, or two that are apart.",
                code="pools-overlap",
            )
    return tuple(found)


def _range(pool: tuple[str, str], cidr: IPv4Network) -> tuple[str, str]:
    """Returns a pool that lies within a subnet; raises `BadInput` for another."""
    first, last = (_within(end, cidr) for end in pool)
    if not (first and last) or IPv4Address(first) > IPv4Address(last):
        raise _bad(f"{' to '.join(pool)} is no range of {cidr}", "Give its first address first.")
    return first, last


def _with_gateway(tx: Tx, network: Network, subnet: Subnet, gateway: str) -> Subnet:
    changed = replace(subnet, gateway=_within(gateway, ip_network(subnet.cidr)))
    if changed != subnet and (held := _holders(tx, network, subnet)):
        raise Conflict(
            f"The gateway of subnet {subnet.id} can't be changed: {held} ports have its addresses",
            detail="Their guests have it as their way out.",
            remedy=f"Delete them first: openstack port list --network {network.id}",
            code="subnet-in-use",
        )
    return changed


def _holders(tx: Tx, network: Network, subnet: Subnet) -> int:
    """Returns how many ports have an address of a subnet."""
    held = ports.list_ports(tx, network_id=network.id)
    return sum(1 for port in held if any(each.id == subnet.id for each, _address in port.fixed_ips))


def delete_subnet(control: Control, caller: Caller, subnet_id: str) -> None:
    """Deletes a subnet; raises `Conflict` while ports have addresses of it."""
    with control.db.write() as tx:
        network, subnet = own_subnet(tx, caller, subnet_id, "delete a subnet of")
        if held := _holders(tx, network, subnet):
            raise Conflict(
                f"Unable to complete operation on subnet {subnet.id}: {held} ports have its addresses",
                remedy=f"Delete them first: openstack port list --network {network.id}",
                code="subnet-in-use",
            )
        forget_tags(tx, subnet.id)
        store.save_network(tx, network.with_subnet(subnet.version, None))
    tell_hosts(control)


def _subnet(control: Control, network: Network, wanted: NewSubnet) -> Subnet:
    try:
        cidr = plain_network(unique_local(network.id) if wanted.cidr == "auto" else wanted.cidr)
    except ValueError as error:
        raise BadInput(f"{wanted.cidr} is not a valid subnet", detail=f"{error}.", code="subnet-cidr") from error
    if isinstance(cidr, IPv6Network):
        if cidr.prefixlen != 64:
            raise _bad(
                f"An IPv6 subnet needs a prefix of 64 bits, not {cidr.prefixlen}", "Guests make their own addresses."
            )
        gateway = str(cidr[1]) if wanted.gateway is None else _within(wanted.gateway, cidr)
        if wanted.pools:
            raise _no_pool()
        dhcp = network.driver != OVERLAY if wanted.dhcp is None else wanted.dhcp
        dns, routes = _dns(wanted.dns), _routes(wanted.routes, 6)
        text = wanted.description
        return Subnet(control.new_id(), wanted.name, str(cidr), gateway, (), dhcp, dns, routes, text)
    if cidr.prefixlen > 30 or cidr.prefixlen < 8:
        raise _bad("An IPv4 subnet needs a prefix of 8 to 30 bits", "Choose another.")
    gateway = str(cidr[1]) if wanted.gateway is None else _within(wanted.gateway, cidr)
    pools = _ranges([_pool(cidr, gateway)] if wanted.pools is None else wanted.pools, cidr)
    dns, routes = _dns(wanted.dns), _routes(wanted.routes, 4)
    dhcp = wanted.dhcp is not False
    text = wanted.description
    return Subnet(control.new_id(), wanted.name, str(cidr), gateway, pools, dhcp, dns, routes, text)


def _pool(cidr: IPv4Network, gateway: str) -> tuple[str, str]:
    first = cidr[2] if gateway == str(cidr[1]) else cidr[1]
    return str(first), str(cidr[-2])


def _check_room(control: Control, tx: Tx, caller: Caller, network: Network, subnet: Subnet) -> None:
    """Raises `BadInput` for addresses that the network can't have.

    Those of a local network may not overlap with another's, because all local networks share the routing table of
    their host; those of a project must lie in the range that the operator has configured.
    """
    cidr = ip_network(subnet.cidr)
    if network.driver == OVERLAY and any(cidr.version == taken.version and cidr.overlaps(taken) for taken in _NOBODYS):
        raise _bad(f"{subnet.cidr} has addresses that no guest can have", "Choose another, such as 10.0.0.0/24.")
    if network.driver != LOCAL:
        return
    for other in store.list_networks(tx):
        if other.driver == OVERLAY:
            continue  # on no host's own networks
        for each in other.subnets:
            theirs = ip_network(each.cidr)
            if cidr.version == theirs.version and cidr.overlaps(theirs):
                raise BadInput(
                    f"Invalid input for operation: Requested subnet with cidr: {subnet.cidr} for network: {network.id} "
                    "overlaps with another subnet",
                    detail="The host is the gateway of all local networks.",
                    remedy="Choose other addresses.",
                    code="subnet-overlaps",
                )
    if caller.is_admin:
        return
    pool = _UNIQUE_LOCAL if cidr.version == 6 else ip_network(control.settings.project_cidr)
    if not (cidr.version == pool.version and int(pool[0]) <= int(cidr[0]) and int(cidr[-1]) <= int(pool[-1])):
        raise _bad(f"Subnets of projects lie within {pool}", "Choose one there, or ask an admin.")


def _within(address: str, cidr: IPv4Network | IPv6Network) -> str:
    if not address:
        return ""
    try:
        found = plain_address(address)
    except (AddressValueError, NetmaskValueError, ValueError) as error:
        raise _bad(f"{address} is not an IP address", f"{error}.") from error
    if found not in cidr or found == cidr.network_address or (found.version == 4 and found == cidr.broadcast_address):
        raise _bad(f"{address} is no host's address in {cidr}", "Choose one that is.")
    return str(found)


def _dns(servers: Sequence[str]) -> tuple[str, ...]:
    if len(servers) > MAX_DNS:
        raise _bad(f"{len(servers)} DNS servers", f"Give at most {MAX_DNS}.")
    try:
        return tuple(str(plain_address(server)) for server in servers)
    except ValueError as error:
        raise _bad("A DNS server needs an IP address", f"{error}.") from error


def _routes(wanted: Sequence[HostRoute], version: int) -> tuple[HostRoute, ...]:
    """Returns the routes, normalized, without duplicates, a default route, or one to the metadata address.

    Raises `BadInput` for an invalid route, or for more than `MAX_ROUTES`.
    """
    if len(wanted) > MAX_ROUTES:
        raise _bad(f"{len(wanted)} host routes", f"Give at most {MAX_ROUTES}.")
    found = []
    for route in wanted:
        try:
            to, by = plain_network(route.destination), plain_address(route.nexthop)
        except ValueError as error:
            raise _bad("A host route needs a network and an address", f"{error}.") from error
        if {to.version, by.version} != {version}:
            raise _bad(f"The route to {to} by {by} is not of IP version {version}", "Give it to the other subnet.")
        if to.prefixlen == 0:
            raise _bad(f"A host route to {to} is the gateway's", "Give gateway_ip.")
        if to.version == 4 and IPv4Address(METADATA_ADDRESS) in to:
            raise _bad(f"{to} has the address of the metadata service", "Guests have their route to it already.")
        found.append(HostRoute(str(to), str(by)))
    return tuple(dict.fromkeys(found))


def _bad(brief: str, remedy: str) -> BadInput:
    return BadInput(brief, remedy=remedy, code="subnet-values")
