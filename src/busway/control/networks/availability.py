"""The use cases of how many addresses networks have and how many of them ports hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from busway.control.context import Control
from busway.control.networks.access import scope, visible_network
from busway.domain.caller import Caller
from busway.domain.network import Network, Subnet
from busway.store import network_list
from busway.store.address_counts import used_addresses
from busway.store.database import Tx
from busway.store.network_list import NetworkFilter


@dataclass(frozen=True, slots=True)
class Availability:
    """A network, and each of its subnets with the number of its addresses that ports hold."""

    network: Network
    subnets: tuple[tuple[Subnet, int], ...]


def list_availabilities(control: Control, caller: Caller, wanted: NetworkFilter) -> list[Availability]:
    """Lists the networks that match a filter; with `ip_version` among its attributes, with the subnets of these versions."""
    with control.db.read() as tx:
        found = network_list.list_network_page(tx, replace(wanted, project_id=scope(caller)))
        counted = _counted(tx, found)
    versions = wanted.equal.get("ip_version")
    if versions is None:
        return counted
    return [
        replace(each, subnets=tuple(pair for pair in each.subnets if str(pair[0].version) in versions))
        for each in counted
    ]


def get_availability(control: Control, caller: Caller, network_id: str) -> Availability:
    """Returns that of one network that the caller may use; raises `NotFound`."""
    with control.db.read() as tx:
        return _counted(tx, [visible_network(tx, caller, network_id)])[0]


def _counted(tx: Tx, networks: Sequence[Network]) -> list[Availability]:
    used = used_addresses(tx, [network.id for network in networks])
    return [
        Availability(
            network,
            tuple((subnet, used.get(network.id, (0, 0))[subnet.version == 6]) for subnet in network.subnets),
        )
        for network in networks
    ]
