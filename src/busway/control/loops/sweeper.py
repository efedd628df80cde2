"""The sweeper: a host that is down must not keep its users from deleting their servers."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.hosts.down import seconds_to_know
from busway.control.loops.items import each
from busway.control.loops.loop import Loop
from busway.control.placement.snapshot import is_up
from busway.control.servers.fail import fail_alone
from busway.control.servers.leave import finish_delete
from busway.domain.ids import HostId
from busway.store import hosts, server_places, servers
from busway.store.servers import ServerRow


def sweep(control: Control) -> None:
    """Shows servers as deleted whose host is known to be down; their devices stay claimed until that host reports again."""
    with control.db.read() as tx:
        leaving = server_places.list_leaving(tx)
        down = _down(control, hosts.list_hosts(tx)) if leaving and not seconds_to_know(control) else set()

    def finish(row: ServerRow) -> None:
        with control.db.write() as tx:
            found = servers.find_server(tx, row.id, lock=True)
            if found is not None and found.is_leaving and found.host_id in down:
                finish_delete(tx, found, control.now())

    def failed(row: ServerRow, error: Exception) -> None:
        fail_alone(control, row.id, "finish the deletion of this server", error)

    each(control, LOOP.name, [row for row in leaving if row.host_id in down], finish, failed)


def _down(control: Control, rows: list[hosts.HostRow]) -> set[HostId | None]:
    now = control.now()
    return {host.id for host in rows if not is_up(control.settings, host, now)}


LOOP = Loop("sweeper", seconds=5.0, turn=sweep)
