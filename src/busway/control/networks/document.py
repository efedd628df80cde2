"""The network part of one host's document: the network cards of its guests, their networks, and their security groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from busway.control.context import Control
from busway.domain.document_room import fair_groups
from busway.domain.documents import Nic
from busway.domain.guest_network import HostNetwork, NicGroup
from busway.domain.ids import SecurityGroupId, ServerId
from busway.domain.network import Network, Port
from busway.store import ports, security_groups
from busway.store.database import Tx
from busway.store.servers import ServerRow

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HostNetworking:
    """The part of a host's document: cards by server, then what they have in common."""

    nics: Mapping[ServerId, tuple[Nic, ...]]
    networks: tuple[HostNetwork, ...]
    groups: tuple[NicGroup, ...]


def host_networking(control: Control, tx: Tx, rows: Sequence[ServerRow]) -> HostNetworking:
    """Reads the ports of a host's servers, and everything that they refer to."""
    held = ports.server_ports(tx, [row.id for row in rows])
    nics = {row.id: tuple(_nic(port, row.hostname) for port in held.get(row.id, ())) for row in rows}
    used = {port.network.id: port.network for each in held.values() for port in each}
    return HostNetworking(
        nics,
        tuple(_network(used[key], control.settings.dns_domain) for key in sorted(used)),
        _groups(tx, {group for each in held.values() for port in each for group in port.groups}),
    )


def _nic(port: Port, hostname: str) -> Nic:
    network, v4 = port.network, port.network.v4
    return Nic(
        mac=port.mac,
        address=port.address,
        prefix=v4.prefix if v4 else 0,
        gateway=v4.gateway if v4 else "",
        port=port.id,
        network=network.id,
        driver=network.driver,
        physical=network.physical,
        vlan=network.vlan,
        address6=port.address6,
        security=port.security,
        groups=port.groups,
        pairs=port.pairs,
        name=hostname.partition(".")[0].lower(),
    )


def _network(network: Network, domain: str) -> HostNetwork:
    v4, v6 = network.v4, network.v6
    return HostNetwork(
        id=network.id,
        name=network.name,
        driver=network.driver,
        mtu=network.mtu,
        physical=network.physical,
        vlan=network.vlan,
        dhcp=v4 is not None and v4.dhcp,
        cidr=v4.cidr if v4 else "",
        gateway=v4.gateway if v4 else "",
        cidr6=v6.cidr if v6 else "",
        gateway6=v6.gateway if v6 else "",
        ra=v6 is not None and v6.dhcp,
        dns=(*(v4.dns if v4 else ()), *(v6.dns if v6 else ())),
        domain=domain,
    )


def _groups(tx: Tx, mine: Iterable[SecurityGroupId]) -> tuple[NicGroup, ...]:
    """The groups of the cards with their rules; of those that only rules name, the members alone.

    A project's groups take at most their even part of the document.
    """
    known = {group.id: group for group in security_groups.get_groups(tx, mine)}
    remote = {
        rule.remote_group: group.project_id for group in known.values() for rule in group.rules if rule.remote_group
    }
    members: dict[SecurityGroupId, set[str]] = {group_id: set() for group_id in remote}
    for port in ports.group_ports(tx, remote):
        for group_id in remote.keys() & set(port.groups):
            members[group_id] |= {address for _subnet, address in port.fixed_ips}
    whole = [
        (
            known[group_id].project_id if group_id in known else remote[group_id],
            NicGroup(
                group_id,
                tuple(rule.words for rule in known[group_id].rules) if group_id in known else (),
                tuple(sorted(members.get(group_id, ()))),
            ),
        )
        for group_id in sorted({*known, *remote})
    ]
    told, short = fair_groups(whole)
    if short:
        _log.error("security groups of a project are too large to be told in full", projects=short)
    return tuple(told)
