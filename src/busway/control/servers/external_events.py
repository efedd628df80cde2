"""Events of a network service about servers: their hosts look at what they must have again."""

from __future__ import annotations

from collections.abc import Iterable

from busway.control.context import Control
from busway.control.networks.changes import tell_hosts
from busway.domain.ids import ServerId
from busway.store import security_groups, servers

REFRESHING = ("network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted")


def tell_networks(control: Control, server_ids: Iterable[str]) -> dict[str, bool]:
    """Sends the networks of servers to their hosts again; says of each server that exists whether it has a host."""
    with control.db.write() as tx:
        rows = servers.list_by_id(tx, sorted({ServerId(each) for each in server_ids}))
        found = {str(row.id): row.host_id is not None for row in rows if row.terminated is None}
        for project in sorted({row.project_id for row in rows if row.host_id is not None}):
            security_groups.note_change(tx, project, control.now())
    tell_hosts(control)
    return found
