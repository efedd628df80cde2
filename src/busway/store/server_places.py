"""The hosts of servers: servers that wait for one, are on one, or are leaving one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Text, and_, bindparam, cast, or_, select, update

from busway.domain.flavor import Flavor
from busway.domain.ids import HostId, ProjectId, ServerId, UserId
from busway.domain.server import TaskState
from busway.store.database import Tx
from busway.store.departures import departures
from busway.store.hosts import hosts
from busway.store.moves import IS_OPEN, moves
from busway.store.servers import IS_UNPLACED, READ, Intent, ServerRow, leave_states, server_of, servers


def list_unplaced(tx: Tx, limit: int, *, lock: bool = False) -> list[ServerRow]:
    """Lists the servers that wait for a host, oldest first; `lock` locks them and skips those locked by others."""
    statement = READ.where(IS_UNPLACED).order_by(servers.c.number).limit(limit)
    return [server_of(row) for row in tx.execute(statement.with_for_update(skip_locked=True) if lock else statement)]


def list_leaving(tx: Tx) -> list[ServerRow]:
    """Lists the servers that were deleted by their user but not yet released by a host."""
    statement = READ.where(servers.c.intent == str(Intent.ABSENT), servers.c.task_state == str(TaskState.DELETING))
    return [server_of(row) for row in tx.execute(statement)]


def update_placed(tx: Tx, placed: Iterable[tuple[ServerId, HostId, int]], task_state: TaskState, now: datetime) -> None:
    """Stores the hosts of newly placed servers, and the generations of the documents that contain them."""
    placed = list(placed)
    leave_states(tx, [server_id for server_id, _, _ in placed], now, {"task_state": str(task_state)})
    # UPDATE servers SET host_id = ?, generation = ?, task_state = ?, updated = ?, since = ? WHERE id = ?, once for each
    statement = (
        update(servers)
        .where(servers.c.id == bindparam("server"))
        .values(host_id=bindparam("host"), generation=bindparam("since"))
    )
    statement = statement.values(task_state=bindparam("task"), updated=bindparam("now"), since=bindparam("now"))
    rows = [
        {"server": server, "host": host, "since": since, "task": str(task_state), "now": now}
        for server, host, since in placed
    ]
    tx.execute(statement, rows)


def list_on_host(tx: Tx, host_id: HostId, *, lock: bool = False) -> list[ServerRow]:
    """Lists the servers of which something is, may be, or must be on a host.

    Whoever locks servers and a host locks the servers first, in order of their numbers, which prevents deadlocks.
    """
    statement = READ.where(_on_host(host_id)).order_by(servers.c.number)
    return [server_of(row) for row in tx.execute(statement.with_for_update() if lock else statement)]


def find_on_host(tx: Tx, host_id: HostId, server_id: str) -> ServerRow | None:
    """Returns the server with that id if `list_on_host` contains it, or None."""
    row = tx.execute(READ.where(_on_host(host_id), servers.c.id == server_id)).one_or_none()
    return None if row is None else server_of(row)


def list_placed(tx: Tx) -> list[ServerRow]:
    """Lists the servers that use resources of any host."""
    statement = READ.where(servers.c.host_id.is_not(None), servers.c.intent != str(Intent.GONE))
    return [server_of(row) for row in tx.execute(statement)]


def list_placed_of(tx: Tx, project_id: ProjectId, user_id: UserId | None = None) -> list[ServerRow]:
    """Lists the same servers of one project, or of one user in it."""
    statement = READ.where(servers.c.host_id.is_not(None), servers.c.intent != str(Intent.GONE))
    statement = statement.where(servers.c.project_id == project_id)
    return [
        server_of(row)
        for row in tx.execute(statement if user_id is None else statement.where(servers.c.user_id == user_id))
    ]


@dataclass(frozen=True, slots=True)
class Occupant:
    """A server's use of a host's resources."""

    id: ServerId
    host_id: HostId
    flavor: Flavor


def list_occupants(tx: Tx, host_ids: Collection[HostId] | None = None) -> list[Occupant]:
    """Lists the servers of `list_placed`, of all hosts or some, with their sizes only; equal flavors are decoded once."""
    statement = select(servers.c.id, servers.c.host_id, cast(servers.c.flavor, Text)).where(
        servers.c.host_id.is_not(None), servers.c.intent != str(Intent.GONE)
    )
    if host_ids is not None:
        statement = statement.where(servers.c.host_id.in_(host_ids))
    sizes: dict[str, Flavor] = {}
    found = []
    for server_id, host_id, written in tx.execute(statement):
        flavor = sizes.get(written)
        if flavor is None:
            flavor = sizes[written] = msgspec.json.decode(written, type=Flavor)
        found.append(Occupant(server_id, host_id, flavor))
    return found


def hosts_of(tx: Tx, projects: Sequence[ProjectId]) -> dict[ServerId, HostId]:
    """Lists the hosts of the placed servers of some projects."""
    statement = select(servers.c.id, servers.c.host_id).where(
        servers.c.project_id.in_(list(projects)),
        servers.c.host_id.is_not(None),
        servers.c.intent == str(Intent.PRESENT),
    )
    return {ServerId(row.id): HostId(row.host_id) for row in tx.execute(statement)}


def host_names(tx: Tx, server_ids: Collection[ServerId], *, present_in: ProjectId | None = None) -> dict[ServerId, str]:
    """Returns the names of the hosts of servers, or of the undeleted ones of a project; unplaced servers are omitted."""
    statement = select(servers.c.id, hosts.c.name).join(hosts, hosts.c.id == servers.c.host_id)
    statement = statement.where(servers.c.id.in_(list(server_ids)))
    if present_in is not None:
        statement = statement.where(servers.c.project_id == present_in, servers.c.intent == str(Intent.PRESENT))
    return {ServerId(row.id): str(row.name) for row in tx.execute(statement)}


def _on_host(host_id: HostId) -> ColumnElement[bool]:
    leaving = select(departures.c.server_id).where(departures.c.host_id == host_id)
    of_host = or_(moves.c.source_host_id == host_id, moves.c.target_host_id == host_id)
    moving = select(moves.c.server_id).where(IS_OPEN, of_host)
    here = or_(servers.c.host_id == host_id, servers.c.id.in_(leaving), servers.c.id.in_(moving))
    return and_(here, servers.c.intent != str(Intent.GONE))
