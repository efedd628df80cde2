"""Synchronizes the networks of type geneve to OVN's northbound database.

Each turn reads the wanted rows and the existing rows, and writes the difference in one transaction. So a turn that
is killed leaves nothing half done, and rows that somebody else has changed or deleted are restored.
"""

from __future__ import annotations

import structlog

from busway.control.context import Control
from busway.domain.errors import Conflict, NotSupported, Unavailable
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import HostId, ServerId
from busway.domain.network import Network
from busway.ovn.rows import Overlay, rows_of
from busway.store import hosts, moves, networks, ports, security_groups
from busway.store.database import Tx

TOPIC = OVERLAY  # rung by whoever tells hosts of changes
_log = structlog.get_logger(__name__)


def require_overlay(control: Control) -> None:
    """Raises `NotSupported` if OVN is not configured."""
    if control.northbound is None:
        raise NotSupported(
            "This cloud has no networks of type geneve",
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
        wanted = read_overlay(tx, control.settings.dns_domain)
    if control.northbound is None:
        if wanted.networks:
            raise Unavailable(
                f"{len(wanted.networks)} networks of type geneve are not kept up to date",
                detail="[ovn] ovn_nb_connection is not set.",
                remedy="Set it again, or delete these networks.",
                code="ovn-unreachable",
            )
        return
    if made := control.northbound.converge(rows_of(wanted)):
        _log.info("the northbound database follows the networks of type geneve", operations=made)


def read_overlay(tx: Tx, domain: str) -> Overlay:
    """Returns all rows that the northbound database must have."""
    several = networks.list_networks(tx, driver=OVERLAY)
    if not several:
        return Overlay()
    held = ports.list_ports(tx, driver=OVERLAY)
    used = {group for port in held for group in port.groups}
    rules = {group.id: [rule.words for rule in group.rules] for group in security_groups.get_groups(tx, used)}
    return Overlay(several, held, rules, ports.guest_names(tx, OVERLAY), domain, _chassis(tx))


def _chassis(tx: Tx) -> dict[ServerId, tuple[str, ...]]:
    """Returns the chassis where the ports of each server may be: its host, and during a move both hosts."""
    named = {
        host.id: host.resources.chassis.name
        for host in hosts.list_hosts(tx)
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
