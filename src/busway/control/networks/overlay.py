"""Synchronizes the networks of type geneve to OVN's northbound database.

Each turn reads the wanted rows and the existing rows, and writes the difference in one transaction. So a turn that
is killed leaves nothing half done, and rows that somebody else has changed or deleted are restored.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from busway.control.context import Control
from busway.control.placement.snapshot import is_up
from busway.domain.errors import Conflict, NotSupported, Unavailable
from busway.domain.guest_network import BRIDGE, OVERLAY
from busway.domain.ids import HostId, ServerId
from busway.domain.network import Network
from busway.ovn.rows import Overlay, rows_of
from busway.store import floating_ips, hosts, moves, networks, ports, routers, security_groups
from busway.store.database import Tx
from busway.store.hosts import HostRow

TOPIC = OVERLAY  # rung by whoever tells hosts of changes
_log = structlog.get_logger(__name__)


def require_overlay(control: Control, what: str = "networks of type geneve") -> None:
    """Raises `NotSupported` if OVN is not configured."""
    if control.northbound is None:
        raise NotSupported(
            f"This cloud has no {what}",
            detail="They need OVN, and [ovn] ovn_nb_connection is not set.",
            remedy="Omit the type, or ask an admin to set up OVN.",
            code="no-overlay",
        )


def require_chassis(tx: Tx, host_id: HostId | None, network: Network) -> None:
    """Raises `Conflict` for a network of type geneve on a host that has reported that it is no chassis of OVN."""
    host = hosts.find_host_by_id(tx, host_id) if network.driver == OVERLAY and host_id is not None else None
    if host is not None and host.resources and host.resources.chassis and host.resources.chassis.lacks:
        raise Conflict(
            f"The server's host can't have network {network.name}",
            detail="Networks of type geneve are only on hosts that are chassis of OVN.",
            remedy="Choose another network, or ask an admin for OVN on the host (`busway doctor` there names what is missing).",
            code="no-chassis",
        )


def sync_overlay(control: Control) -> None:
    """Makes the northbound database equal to Busway's; raises `Unavailable` if it can't be reached."""
    with control.db.read() as tx:
        wanted = read_overlay(control, tx)
    if control.northbound is None:
        if any(network.driver == OVERLAY for network in wanted.networks):
            raise Unavailable(
                f"{len(wanted.networks)} networks of type geneve are not kept up to date",
                detail="[ovn] ovn_nb_connection is not set.",
                remedy="Set it again, or delete these networks.",
                code="ovn-unreachable",
            )
        return
    if made := control.northbound.converge(rows_of(wanted)):
        _log.info("the northbound database follows the networks of type geneve", operations=made)


def read_overlay(control: Control, tx: Tx) -> Overlay:
    """Returns all that the northbound database must say."""
    several = [*networks.list_networks(tx, driver=OVERLAY), *networks.list_networks(tx, driver=BRIDGE, external=True)]
    if not several:
        return Overlay()
    held = [*ports.list_ports(tx, driver=OVERLAY), *ports.list_gateway_ports(tx, BRIDGE)]
    used = {group for port in held for group in port.groups}
    rules = {group.id: [rule.words for rule in group.rules] for group in security_groups.get_groups(tx, used)}
    known = hosts.list_hosts(tx)
    return Overlay(
        several, held, rules, ports.guest_names(tx, OVERLAY), control.settings.dns_domain, _chassis(tx, known),
        routers.list_routers(tx), floating_ips.attached(tx), _gateways(control, known),
    )  # fmt: skip


def _gateways(control: Control, known: Sequence[HostRow]) -> dict[str, list[str]]:
    """Returns the chassis that can have gateways, by physical network, and all of them under "".

    Those of hosts that are down or lack something are left out where there are others: OVN itself moves a gateway within
    seconds, and this keeps it away until the host is back.
    """
    able: dict[str, list[str]] = {}
    ready: dict[str, list[str]] = {}
    now = control.now()
    for host in known:
        chassis = host.resources.chassis if host.resources else None
        if chassis is None or not chassis.name:
            continue
        for physical in ("", *chassis.physical):
            able.setdefault(physical, []).append(chassis.name)
            if not chassis.lacks and is_up(control.settings, host, now):
                ready.setdefault(physical, []).append(chassis.name)
    return able | ready


def _chassis(tx: Tx, known: Sequence[HostRow]) -> dict[ServerId, tuple[str, ...]]:
    """Returns the chassis where the ports of each server may be: its host, and during a move both hosts."""
    named = {
        host.id: host.resources.chassis.name
        for host in known
        if host.resources and host.resources.chassis and host.resources.chassis.name
    }
    placed: dict[ServerId, list[HostId]] = {
        server: [host] for server, host in ports.hosts_by_driver(tx, OVERLAY).items()
    }
    for move in moves.list_open_moves(tx):
        if move.server_id in placed:
            placed[move.server_id] += [move.source.host_id, move.target.host_id]
    # A host that does not tell its chassis may have the port all the same: then any may.
    return {
        server: tuple(named[host] for host in several)
        for server, several in placed.items()
        if all(host in named for host in several)
    }
