"""The actions that users requested on servers, for Nova's `os-instance-actions`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Integer, String, Table, Text, and_, func, select, update

from busway.domain.documents import Asked
from busway.domain.ids import ServerId
from busway.domain.server import ServerAction
from busway.store.database import Tx
from busway.store.metadata import UtcTime, metadata
from busway.store.paging import SortKey, page_of
from busway.store.servers import IS_UNPLACED, servers
from busway.store.together import put

actions = Table(
    "server_actions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("server_id", String(36), nullable=False, index=True),
    Column("request_id", String(64), nullable=False, index=True),
    Column("action", String(32), nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Column("message", Text),
    Column("trace", String(64)),  # W3C's traceparent of the request, where it is traced
)
_CREATED = actions.c.action == "create"


def add_actions(tx: Tx, several: Sequence[ServerAction]) -> None:
    """Adds many actions."""
    names = ServerAction.__dataclass_fields__
    put(tx, actions, [{name: getattr(action, name) for name in names} for action in several])


@dataclass(frozen=True, slots=True)
class ActionFilter:
    """A filter for the actions on a server, newest first; `marker` is the request id of the last action already seen."""

    request_id: str | None = None
    changes_since: datetime | None = None
    changes_before: datetime | None = None
    limit: int | None = None
    marker: str | None = None


EVERY_ACTION = ActionFilter()


def list_actions(tx: Tx, server_id: ServerId, wanted: ActionFilter = EVERY_ACTION) -> list[ServerAction]:
    """Lists the actions on a server that match a filter, newest first; raises `BadInput` for an unknown marker."""
    of_server = actions.c.server_id == server_id
    statement = select(actions).where(of_server)
    if wanted.request_id is not None:
        statement = statement.where(actions.c.request_id == wanted.request_id)
    if wanted.changes_since is not None:
        statement = statement.where(actions.c.updated >= wanted.changes_since)
    if wanted.changes_before is not None:
        statement = statement.where(actions.c.updated <= wanted.changes_before)
    marker = and_(of_server, actions.c.request_id == wanted.marker) if wanted.marker is not None else None
    page = page_of(tx, statement, [SortKey(actions.c.id, descending=True)], marker=marker, limit=wanted.limit)
    names = ServerAction.__dataclass_fields__
    return [ServerAction(**{name: row._mapping[name] for name in names}) for row in tx.execute(page)]


def waiting_together(tx: Tx, server_ids: Collection[ServerId]) -> dict[str, frozenset[ServerId]]:
    """Returns, by request id, all unplaced servers that were created by the same request as any of these."""
    request_ids = select(actions.c.request_id).where(_CREATED, actions.c.server_id.in_(server_ids))
    statement = (
        select(actions.c.request_id, actions.c.server_id)
        .join(servers, servers.c.id == actions.c.server_id)
        .where(_CREATED, actions.c.request_id.in_(request_ids), IS_UNPLACED)
    )
    found: dict[str, set[ServerId]] = {}
    for row in tx.execute(statement):
        found.setdefault(row.request_id, set()).add(ServerId(row.server_id))
    return {request_id: frozenset(together) for request_id, together in found.items()}


def last_request(tx: Tx, server_id: ServerId) -> str | None:
    """Returns the request id of the newest action on a server."""
    statement = select(actions.c.request_id).where(actions.c.server_id == server_id).order_by(actions.c.id.desc())
    return tx.execute(statement.limit(1)).scalar_one_or_none()


def traced(tx: Tx, server_ids: Collection[ServerId], since: datetime) -> dict[ServerId, Asked]:
    """Returns the newest action on each of these servers, if it is traced and not older than `since`."""
    if not server_ids:
        return {}
    newest = select(func.max(actions.c.id)).where(actions.c.server_id.in_(server_ids)).group_by(actions.c.server_id)
    statement = select(actions.c.server_id, actions.c.request_id, actions.c.trace).where(
        actions.c.id.in_(newest), actions.c.trace.is_not(None), actions.c.started >= since
    )
    return {
        ServerId(row.server_id): Asked(ServerId(row.server_id), row.request_id, row.trace)
        for row in tx.execute(statement)
    }


def fail_last_action(tx: Tx, server_id: ServerId, message: str, now: datetime) -> None:
    """Records that the newest action on a server failed, and why."""
    newest = select(actions.c.id).where(actions.c.server_id == server_id).order_by(actions.c.id.desc()).limit(1)
    tx.execute(update(actions).where(actions.c.id.in_(newest.scalar_subquery())).values(message=message, updated=now))


def fail_action(tx: Tx, server_id: ServerId, action: str, message: str, now: datetime) -> bool:
    """Records that the newest action with that name failed, and why; returns False if that was recorded already."""
    same_action = (actions.c.server_id == server_id, actions.c.action == action)
    newest = select(actions.c.id).where(*same_action).order_by(actions.c.id.desc()).limit(1)
    statement = update(actions).where(actions.c.id.in_(newest.scalar_subquery()), actions.c.message.is_(None))
    return tx.execute(statement.values(message=message, updated=now)).rowcount > 0
