"""Moves: resizes and migrations of servers, open and finished ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, ColumnElement, Integer, Row, String, Table, Text, insert, or_, select, update

from busway.domain.ids import HostId, ProjectId, ServerId, UserId
from busway.domain.move import OPEN_MOVES, LiveDetails, Move, MoveKind, MoveSide, MoveState, check_move_transition
from busway.store.database import Tx
from busway.store.hosts import hosts
from busway.store.metadata import Json, UtcTime, metadata
from busway.store.paging import SortKey, page_of

moves = Table(
    "moves",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("server_id", String(36), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("source_host_id", String(36), nullable=False, index=True),
    Column("target_host_id", String(36), nullable=False, index=True),
    Column("source", Json, nullable=False),
    Column("target", Json, nullable=False),
    Column("powered", Boolean, nullable=False),
    Column("user_id", String(64), nullable=False, index=True),
    Column("project_id", String(64), nullable=False, index=True),
    Column("error", Text),
    Column("live", Json),  # what is special about a live migration
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
)
IS_OPEN = moves.c.state.in_([str(state) for state in OPEN_MOVES])


def insert_move(
    tx: Tx,
    uuid: str,
    server_id: ServerId,
    kind: MoveKind,
    state: MoveState,
    source: MoveSide,
    target: MoveSide,
    powered: bool,
    user_id: UserId,
    project_id: ProjectId,
    now: datetime,
    live: LiveDetails | None = None,
) -> None:
    """Adds a move."""
    tx.execute(
        insert(moves).values(
            uuid=uuid,
            server_id=server_id,
            kind=str(kind),
            state=str(state),
            source_host_id=source.host_id,
            target_host_id=target.host_id,
            source=msgspec.to_builtins(source),
            target=msgspec.to_builtins(target),
            powered=powered,
            user_id=user_id,
            project_id=project_id,
            created=now,
            updated=now,
            live=msgspec.to_builtins(live),
        )
    )


def find_open_move(tx: Tx, server_id: ServerId) -> Move | None:
    """Returns the open move of a server, or None."""
    row = tx.execute(select(moves).where(moves.c.server_id == server_id, IS_OPEN)).one_or_none()
    return None if row is None else _move(row)


def find_move(tx: Tx, uuid: str) -> Move | None:
    """Returns a move by its UUID, even a finished one, or None."""
    row = tx.execute(select(moves).where(moves.c.uuid == uuid)).one_or_none()
    return None if row is None else _move(row)


def find_move_of(tx: Tx, server_id: ServerId, number: int) -> Move | None:
    """Returns a move of a server by its number, or None."""
    row = tx.execute(select(moves).where(moves.c.server_id == server_id, moves.c.id == number)).one_or_none()
    return None if row is None else _move(row)


def list_open_moves(tx: Tx, host_ids: Collection[HostId] | None = None) -> list[Move]:
    """Lists all open moves, or those from or to some hosts; oldest first."""
    statement = select(moves).where(IS_OPEN).order_by(moves.c.id)
    if host_ids is not None:
        statement = statement.where(or_(moves.c.source_host_id.in_(host_ids), moves.c.target_host_id.in_(host_ids)))
    return [_move(row) for row in tx.execute(statement)]


@dataclass(frozen=True, slots=True)
class MoveFilter:
    """A filter for moves; None matches everything. Hosts are given by name.

    `host` is either side. `open` matches moves that are not finished. `marker` is the UUID of the last move already
    seen.
    """

    server_id: str | None = None
    state: str | None = None
    kind: str | None = None
    user_id: str | None = None
    project_id: str | None = None
    host: str | None = None
    source: str | None = None
    changes_since: datetime | None = None
    changes_before: datetime | None = None
    is_open: bool = False
    limit: int | None = 1000
    marker: str | None = None


def list_moves(tx: Tx, wanted: MoveFilter) -> list[Move]:
    """Lists the moves that match a filter, newest first; raises `BadInput` for an unknown marker."""
    statement = select(moves).where(*_wanted(wanted))
    marker = moves.c.uuid == wanted.marker if wanted.marker is not None else None
    page = page_of(tx, statement, [SortKey(moves.c.id, descending=True)], marker=marker, limit=wanted.limit)
    return [_move(row) for row in tx.execute(page)]


def _wanted(wanted: MoveFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [IS_OPEN] if wanted.is_open else []
    for column, value in (
        (moves.c.server_id, wanted.server_id),
        (moves.c.state, wanted.state),
        (moves.c.kind, wanted.kind),
        (moves.c.user_id, wanted.user_id),
        (moves.c.project_id, wanted.project_id),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.changes_since is not None:
        found.append(moves.c.updated >= wanted.changes_since)
    if wanted.changes_before is not None:
        found.append(moves.c.updated <= wanted.changes_before)
    if wanted.source is not None:
        found.append(moves.c.source_host_id.in_(select(hosts.c.id).where(hosts.c.name == wanted.source)))
    if wanted.host is not None:
        named = select(hosts.c.id).where(hosts.c.name == wanted.host)
        found.append(or_(moves.c.source_host_id.in_(named), moves.c.target_host_id.in_(named)))
    return found


def set_move_state(tx: Tx, move: Move, state: MoveState, now: datetime) -> None:
    """Changes the state of a move; raises `Conflict` for a transition that is not allowed."""
    check_move_transition(move.state, state)
    tx.execute(update(moves).where(moves.c.id == move.id).values(state=str(state), updated=now))


def set_move_error(tx: Tx, move: Move, error: str, now: datetime) -> None:
    """Stores why a move must be reverted."""
    tx.execute(update(moves).where(moves.c.id == move.id).values(error=error, updated=now))


def set_live(tx: Tx, move: Move, live: LiveDetails, now: datetime) -> None:
    """Updates the details of a live migration."""
    tx.execute(update(moves).where(moves.c.id == move.id).values(live=msgspec.to_builtins(live), updated=now))


def _move(row: Row[tuple[object, ...]]) -> Move:
    values: dict[str, Any] = dict(row._mapping)
    del values["source_host_id"], values["target_host_id"]
    values["source"] = msgspec.convert(values["source"], MoveSide)
    values["target"] = msgspec.convert(values["target"], MoveSide)
    values["live"] = msgspec.convert(values["live"], LiveDetails) if values["live"] is not None else None
    values["kind"] = MoveKind(values["kind"])
    values["state"] = MoveState(values["state"])
    return Move(**values)
