"""Sends changed rules, addresses and group members to the hosts of running guests.

A change notes its project in its own transaction. After the commit, `tell_hosts` increases the generations of the
hosts, in another transaction, so that no change waits for locks of hosts. If the process dies in between, the loop
`networks` does it seconds later.
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
    for project in ports.projects_on(tx, network.id):
        security_groups.note_change(tx, project, now)


def tell_hosts(control: Control) -> None:
    """Increases the generation of every host that has servers of a project with noted changes, and rings it."""
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
        host_ids = sorted(concerned)  # always in one order, so that two transactions never wait for each other
        for host_id in host_ids:
            hosts.bump_generation(tx, host_id)
    for host_id in host_ids:
        control.bell.ring(f"host:{host_id}")
