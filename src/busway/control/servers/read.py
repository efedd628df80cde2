"""Reads servers, their actions and their console text."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from busway.control.context import Control
from busway.control.pattern import compile_pattern
from busway.control.servers.access import no_server, server_row
from busway.control.servers.view import server_view
from busway.domain.caller import Caller
from busway.domain.ids import HostId, ServerId
from busway.domain.requests import ServerFilter
from busway.domain.server import Server, ServerAction, ServerStatus
from busway.store import actions, aggregates, consoles, hosts, server_addresses, servers
from busway.store.actions import EVERY_ACTION, ActionFilter
from busway.store.database import Tx
from busway.store.server_list import list_numbers_on, list_page
from busway.store.servers import ServerRow

NOWHERE = HostId("")


def get_server(control: Control, caller: Caller, server_id: str) -> Server:
    """One server that the caller may see; raises `NotFound`."""
    with control.db.read() as tx:
        return read_server(tx, caller, server_id)


def list_servers(control: Control, caller: Caller, wanted: ServerFilter) -> list[Server]:
    """The servers that the caller may see and the filter lets through."""
    project = wanted.project_id if wanted.all_projects and caller.is_admin else caller.project_id
    for name, pattern in wanted.patterns.items():
        compile_pattern(pattern, name)  # a pattern that is none is refused, however few servers there are
    with control.db.read() as tx:
        return _views(tx, list_page(tx, replace(wanted, project_id=project), compile_pattern))


def servers_on(control: Control, host_ids: Collection[HostId]) -> dict[HostId, list[tuple[ServerId, str]]]:
    """The ids and instance names of the servers on some hosts, oldest first; for who may see hosts."""
    found: dict[HostId, list[tuple[ServerId, str]]] = {}
    with control.db.read() as tx:
        for host_id, server_id, number in list_numbers_on(tx, host_ids):
            found.setdefault(host_id, []).append((server_id, f"instance-{number:08x}"))
    return found


def _views(tx: Tx, rows: Sequence[ServerRow]) -> list[Server]:
    places = {row.host_id for row in rows if row.host_id is not None}
    names, zones = hosts.names_of(tx, places), aggregates.zones_of_hosts(tx, places)
    addresses = server_addresses.server_addresses(tx, [row.id for row in rows])
    return [
        server_view(
            row, addresses.get(row.id, ()), names.get(row.host_id or NOWHERE), zones.get(row.host_id or NOWHERE)
        )
        for row in rows
    ]


def console_output(control: Control, caller: Caller, server_id: str, length: int | None) -> str:
    """The last lines of a guest's console, all that is kept with None."""
    with control.db.read() as tx:
        row = server_row(tx, caller, server_id, "console")
        text = consoles.get_console(tx, row.id)
    if length is None or length < 0:
        return text
    return "\n".join(text.splitlines()[-length:]) if length else ""


def list_actions(
    control: Control, caller: Caller, server_id: str, wanted: ActionFilter = EVERY_ACTION, *, deleted: bool = False
) -> list[ServerAction]:
    """What was asked of a server, newest first; with `deleted` of one that is deleted too."""
    with control.db.read() as tx:
        return actions.list_actions(tx, server_row(tx, caller, server_id, deleted=deleted).id, wanted)


def read_server(tx: Tx, caller: Caller, server_id: str) -> Server:
    """One server that the caller may see, within a transaction; raises `NotFound`."""
    row = servers.find_server(tx, server_id)
    if row is None or not caller.may_see(row.project_id) or row.status is ServerStatus.DELETED:
        raise no_server(server_id)
    return _views(tx, [row])[0]
