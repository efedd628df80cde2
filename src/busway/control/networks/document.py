"""The network part of one host's document: the cards of its guests, their networks and security groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from busway.control.context import Control
from busway.control.moves.presence import Presence
from busway.domain.document_room import fair_groups
from busway.domain.documents import Nic
from busway.domain.guest_network import NORMAL, OVERLAY, HostNetwork, NicGroup
from busway.domain.ids import ClaimId, DeviceId, SecurityGroupId, ServerId
from busway.domain.network import ROUTER_INTERFACE, SERVICES, Network, Plug, Port, services_address
from busway.domain.nic_request import nic_alias, pair_ports
from busway.domain.units import NicFunction
from busway.store import ports, security_groups
from busway.store.claims import Claim
from busway.store.database import Tx
from busway.store.providers import Provider

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HostNetworking:
    """The network part of a host's document.

    `nics` are the cards by server. `networks` and `groups` are those that the cards refer to. `cards` are the
    SR-IOV ports by the claim on their function. The host sets up only the networks that are `plugged`.
    """

    nics: Mapping[ServerId, tuple[Nic, ...]]
    networks: tuple[HostNetwork, ...]
    groups: tuple[NicGroup, ...]
    cards: Mapping[ClaimId, Port]

    @property
    def plugged(self) -> tuple[HostNetwork, ...]:
        """Returns the networks for which the host needs a bridge: SR-IOV functions and OVN need none."""
        used = {nic.network for nics in self.nics.values() for nic in nics if nic.vnic == NORMAL}
        return tuple(network for network in self.networks if network.id in used)


def host_networking(
    control: Control, tx: Tx, presences: Sequence[Presence], known: Mapping[DeviceId, Provider]
) -> HostNetworking:
    """Reads the ports of the servers on a host, with their networks and groups.

    A server that moves has a function for an SR-IOV port on both hosts; here it is the one that it has on this
    host.
    """
    found = ports.server_ports(tx, [presence.row.id for presence in presences])
    held = {each: [port for port in mine if port.plug is not Plug.GOING] for each, mine in found.items()}
    cards: dict[ClaimId, Port] = {}
    nics: dict[ServerId, tuple[Nic, ...]] = {}
    for presence in presences:
        mine = held[presence.row.id] = _with_cards(held.get(presence.row.id, []), presence.claims, known, cards)
        nics[presence.row.id] = tuple(_nic(port, presence.row.hostname) for port in mine)
    used = {port.network.id: port.network for each in held.values() for port in each}
    internal: dict[str, list[Port]] = {}
    overlay = [network.id for network in used.values() if network.driver == OVERLAY]
    for port in ports.internal_ports(tx, overlay, ROUTER_INTERFACE, SERVICES):
        internal.setdefault(port.network.id, []).append(port)
    return HostNetworking(
        nics,
        tuple(_network(used[key], control.settings.dns_domain, internal.get(key, ())) for key in sorted(used)),
        _groups(
            tx,
            {
                group
                for each in held.values()
                for port in each
                for group in port.groups
                if port.network.driver != OVERLAY  # OVN has their rules
            },
        ),
        cards,
    )


def _with_cards(
    held: Sequence[Port], claims: Sequence[Claim], known: Mapping[DeviceId, Provider], cards: dict[ClaimId, Port]
) -> list[Port]:
    """Returns the ports with the functions that the server has claims on; adds them to `cards` by claim."""
    asked = [(port.id, nic_alias(port.vnic, port.network.physical).name) for port in held if port.is_sriov]
    mine = {claim.id: claim for claim in claims if claim.kind == NicFunction.kind and claim.alias}
    pairs = pair_ports(asked, [(claim.id, claim.alias or "") for claim in mine.values()]) if asked else {}
    here = {port_id: known[mine[claim_id].device_id].device for claim_id, port_id in pairs.items()}
    found = {port.id: replace(port, card=here.get(port.id)) if port.is_sriov else port for port in held}
    cards |= {claim_id: found[port_id] for claim_id, port_id in pairs.items()}
    return list(found.values())


def _nic(port: Port, hostname: str) -> Nic:
    network, v4 = port.network, port.network.v4
    return Nic(
        mac=port.guest_mac,
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
        groups=port.groups if network.driver != OVERLAY else (),
        pairs=port.pairs if network.driver != OVERLAY else (),
        name=hostname.partition(".")[0].lower(),
        up=port.carries,
        root_port=port.root_port,
        tag=port.tag,
        vnic=port.vnic,
        dhcp_options=port.dhcp_options,
        further=port.further,
    )


def _network(network: Network, domain: str, internal: Sequence[Port]) -> HostNetwork:
    """Returns a network as its hosts need it; `internal` are the ports on it of routers and of hosts' services."""
    v4, v6 = network.v4, network.v6
    routers = [port for port in internal if port.device_owner == ROUTER_INTERFACE]
    services = services_address(network, internal) if network.driver == OVERLAY else v4.gateway if v4 else ""
    return HostNetwork(
        id=network.id,
        name=network.name,
        driver=network.driver,
        mtu=network.mtu,
        physical=network.physical,
        vlan=network.vlan,
        dhcp=v4 is not None and v4.dhcp and network.driver != OVERLAY,
        cidr=v4.cidr if v4 else "",
        gateway=services,
        cidr6=v6.cidr if v6 else "",
        gateway6=v6.gateway if v6 else "",
        ra=v6 is not None and v6.dhcp and network.driver != OVERLAY,
        dns=(*(v4.dns if v4 else ()), *(v6.dns if v6 else ())),
        domain=domain,
        routes=(*(v4.routes if v4 else ()), *(v6.routes if v6 else ())),
        routed=v4 is not None and any(v4.gateway in port.addresses for port in routers),
        routed6=v6 is not None and any(port.address6 == v6.gateway for port in routers),
    )


def _groups(tx: Tx, mine: Iterable[SecurityGroupId]) -> tuple[NicGroup, ...]:
    """Returns the groups of the cards with rules and members; of groups that only rules refer to, the members.

    If they are too large for the document, each project's groups are cut to an equal share, which is logged.
    """
    known = {group.id: group for group in security_groups.get_groups(tx, mine)}
    remote = {
        rule.remote_group: group.project_id for group in known.values() for rule in group.rules if rule.remote_group
    }
    members: dict[SecurityGroupId, set[str]] = {group_id: set() for group_id in remote}
    for port in ports.group_ports(tx, remote):
        if port.network.driver == OVERLAY:
            continue  # its addresses may be somebody else's on the networks of a host
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
    fitting, short = fair_groups(whole)
    if short:
        _log.error("security groups of a project are too large to be told in full", projects=short)
    return tuple(fitting)
