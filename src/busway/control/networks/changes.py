"""How hosts learn of changed rules, addresses and groups: each change is recorded in its transaction, and sent after the commit.

Telling is a transaction of its own, so that no change of rules waits for hosts. What a crash leaves untold, the sweep
tells a few seconds later.
"""

from __future__ import annotations

from datetime import datetime

from busway.control.context import Control
from busway.domain.guest_network import OVERLAY
from busway.domain.network import Network
from busway.store import hosts, moves, ports, security_groups, server_places
from busway.store.database import Tx


def note_network(tx: Tx, network: Network, now: datetime) -> None:
    """Notes a change for each project that has ports on a network."""
    for project in sorted({port.project_id for port in ports.list_ports(tx, network_id=network.id)}):
        security_groups.note_change(tx, project, now)


def tell_hosts(control: Control) -> None:
    """Gives the hosts of all projects with changes a new generation of what they must have."""
    with control.db.read() as tx:
        if not security_groups.has_changes(tx):
            return
    control.bell.ring(OVERLAY)
    with control.db.write() as tx:
        projects = security_groups.take_changes(tx)
        placed = server_places.hosts_of(tx, projects)
        concerned = set(placed.values())
        for move in moves.list_open_moves(tx):
            if move.server_id in placed:
                concerned |= {move.source.host_id, move.target.host_id}
        told = sorted(concerned)  # always in one order, so that two transactions never wait for each other
        for host_id in told:
            hosts.bump_generation(tx, host_id)
    for host_id in told:
        control.bell.ring(f"host:{host_id}")
