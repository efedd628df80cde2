"""Reads servers, their actions and their console text."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.pattern import compile_pattern
from busway.control.servers.access import no_server, server_row
from busway.control.servers.view import server_view
from busway.domain.caller import Caller
from busway.domain.errors import BadInput
from busway.domain.ids import HostId
from busway.domain.requests import ServerFilter
from busway.domain.server import Server, ServerAction, ServerStatus
from busway.store import actions, aggregates, hosts, ports, servers
from busway.store.database import Tx
from busway.store.servers import ServerRow

NOWHERE = HostId("")


def get_server(control: Control, caller: Caller, server_id: str) -> Server:
    """One server that the caller may see; raises `NotFound`."""
    with control.db.read() as tx:
        return read_server(tx, caller, server_id)


def list_servers(control: Control, caller: Caller, wanted: ServerFilter) -> list[Server]:
    """The servers that the caller may see and the filter lets through, newest first."""
    project = wanted.project_id if wanted.all_projects and caller.is_admin else caller.project_id
    if wanted.name is not None:
        compile_pattern(wanted.name, "name")  # a pattern that is none is refused, however few servers there are
    with control.db.read() as tx:
        rows = servers.list_servers(tx, project, deleted=wanted.deleted)
        if wanted.changes_since is not None and not wanted.deleted:
            rows += servers.list_servers(tx, project, deleted=True)
        names = {host.id: host.name for host in hosts.list_hosts(tx)}
        kept = [row for row in rows if _wanted(row, wanted, names.get(row.host_id) if row.host_id else None)]
        if wanted.marker is not None:
            kept = _after_marker(kept, wanted.marker)
        page = kept[: wanted.limit]
        addresses = ports.server_addresses(tx, [row.id for row in page])
        zones = aggregates.zones_of_hosts(tx)
        return [
            server_view(
                row, addresses.get(row.id, ()), names.get(row.host_id or NOWHERE), zones.get(row.host_id or NOWHERE)
            )
            for row in page
        ]


def _wanted(row: ServerRow, wanted: ServerFilter, host_name: str | None) -> bool:
    if wanted.name is not None and compile_pattern(wanted.name, "name").search(row.name) is None:
        return False
    for want, have in (
        (wanted.status and wanted.status.upper(), str(row.status)),
        (wanted.host, host_name),
        (wanted.image_id, row.image_id),
        (wanted.flavor_id, row.flavor.id),
    ):
        if want is not None and want != have:
            return False
    return wanted.changes_since is None or row.updated >= wanted.changes_since


def _after_marker(rows: list[ServerRow], marker: str) -> list[ServerRow]:
    for index, row in enumerate(rows):
        if row.id == marker:
            return rows[index + 1 :]
    raise BadInput(f"Marker {marker} is no server of this list", code="unknown-marker")


def console_output(control: Control, caller: Caller, server_id: str, length: int | None) -> str:
    """The last lines of a guest's console, all that is kept with None."""
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id, "console")
        text = servers.get_console(tx, row.id)
    if length is None or length < 0:
        return text
    return "\n".join(text.splitlines()[-length:]) if length else ""


def list_actions(control: Control, caller: Caller, server_id: str) -> list[ServerAction]:
    """What was asked of a server, newest first."""
    with control.db.read() as tx:
        return actions.list_actions(tx, server_row(tx, caller, server_id).id)


def read_server(tx: Tx, caller: Caller, server_id: str) -> Server:
    """One server that the caller may see, within a transaction; raises `NotFound`."""
    row = servers.find_server(tx, server_id)
    if (
        row is None
        or not caller.may_see(row.project_id)
        or (row.status is ServerStatus.DELETED and not caller.is_admin)
    ):
        raise no_server(server_id)
    host = hosts.find_host_by_id(tx, row.host_id) if row.host_id else None
    zone = aggregates.zones_of_hosts(tx).get(host.id) if host else None
    return server_view(row, ports.list_addresses(tx, row.id), host.name if host else None, zone)
