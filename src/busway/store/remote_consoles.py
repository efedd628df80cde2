"""Links to consoles of guests: the token, its expiry, and the calls to hosts of viewers that wait right now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, String, Table, delete, func, insert, select, update

from busway.domain.console import ConsoleCall, ConsoleKind
from busway.domain.ids import HostId, ProjectId, ServerId, UserId
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata
from busway.store.servers import servers

remote_consoles = Table(
    "remote_consoles",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("server_id", String(36), nullable=False, index=True),
    Column("project_id", String(64), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False, index=True),
    Column("call_id", String(36), unique=True),
    Column("called", UtcTime),
)


@dataclass(frozen=True, slots=True)
class RemoteConsole:
    """A link as stored, without the call."""

    id: str
    token_hash: str
    server_id: ServerId
    project_id: ProjectId
    user_id: UserId
    kind: ConsoleKind
    created: datetime
    expires: datetime


def add_console(tx: Tx, console: RemoteConsole) -> None:
    """Adds a link."""
    tx.execute(
        insert(remote_consoles).values(
            id=console.id,
            token_hash=console.token_hash,
            server_id=console.server_id,
            project_id=console.project_id,
            user_id=console.user_id,
            kind=str(console.kind),
            created=console.created,
            expires=console.expires,
        )
    )


def find_console(tx: Tx, token_hash: str, now: datetime) -> RemoteConsole | None:
    """Returns the link of a token that has not expired, or None."""
    chosen = (remote_consoles.c.token_hash == token_hash) & (remote_consoles.c.expires > now)
    row = tx.execute(select(remote_consoles).where(chosen)).one_or_none()
    if row is None:
        return None
    fields = {name: row._mapping[name] for name in RemoteConsole.__dataclass_fields__}
    return RemoteConsole(**{**fields, "kind": ConsoleKind(row.kind)})


def count_consoles(tx: Tx, server_id: ServerId) -> int:
    """Returns how many links a server has; `forget_expired` deletes those that have expired."""
    statement = select(func.count()).where(remote_consoles.c.server_id == server_id)
    return tx.execute(statement).scalar_one()


def forget_expired(tx: Tx, server_id: ServerId, now: datetime) -> None:
    """Deletes the expired links of a server."""
    chosen = (remote_consoles.c.server_id == server_id) & (remote_consoles.c.expires <= now)
    tx.execute(delete(remote_consoles).where(chosen))


def begin_call(tx: Tx, console_id: str, call_id: str, now: datetime) -> None:
    """Calls the host of a link's server; replaces an earlier unanswered call of the same link."""
    chosen = remote_consoles.c.id == console_id
    tx.execute(update(remote_consoles).where(chosen).values(call_id=call_id, called=now))


def end_call(tx: Tx, call_id: str) -> None:
    """Ends a call: it was answered, or the viewer has gone."""
    statement = update(remote_consoles).where(remote_consoles.c.call_id == call_id).values(call_id=None, called=None)
    tx.execute(statement)


def list_calls(tx: Tx, host_id: HostId, since: datetime) -> tuple[ConsoleCall, ...]:
    """Lists the calls for guests of a host since `since`, oldest first."""
    chosen = (servers.c.host_id == host_id) & (remote_consoles.c.called > since)
    joined = remote_consoles.join(servers, servers.c.id == remote_consoles.c.server_id)
    columns = (remote_consoles.c.call_id, remote_consoles.c.server_id, remote_consoles.c.kind)
    rows = tx.execute(select(*columns).select_from(joined).where(chosen).order_by(remote_consoles.c.called))
    return tuple(ConsoleCall(row.call_id, row.server_id, ConsoleKind(row.kind)) for row in rows)


def count_calls(tx: Tx, since: datetime) -> dict[HostId, int]:
    """Returns the number of calls since `since`, by host."""
    joined = remote_consoles.join(servers, servers.c.id == remote_consoles.c.server_id)
    chosen = (remote_consoles.c.called > since) & servers.c.host_id.is_not(None)
    statement = select(servers.c.host_id, func.count()).select_from(joined).where(chosen).group_by(servers.c.host_id)
    return {HostId(host_id): count for host_id, count in tx.execute(statement)}
