"""Moves: servers on their way between hosts or sizes, and those that were."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Boolean, Column, Integer, Row, String, Table, Text, insert, or_, select, update

from busway.domain.ids import HostId, ProjectId, ServerId, UserId
from busway.domain.move import OPEN_MOVES, Move, MoveKind, MoveSide, MoveState, check_move_transition
from busway.store.database import Tx
from busway.store.metadata import Json, UtcTime, metadata

moves = Table(
    "moves",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("uuid", String(36), nullable=False, unique=True),
    Column("server_id", String(36), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("source_host_id", String(36), nullable=False),
    Column("target_host_id", String(36), nullable=False),
    Column("source", Json, nullable=False),
    Column("target", Json, nullable=False),
    Column("powered", Boolean, nullable=False),
    Column("user_id", String(64), nullable=False),
    Column("project_id", String(64), nullable=False),
    Column("error", Text),
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
        )
    )


def find_open_move(tx: Tx, server_id: ServerId) -> Move | None:
    """The move that a server is in."""
    row = tx.execute(select(moves).where(moves.c.server_id == server_id, IS_OPEN)).one_or_none()
    return None if row is None else _move(row)


def list_open_moves(tx: Tx, host_id: HostId | None = None) -> list[Move]:
    """All moves that are under way, or those from and to one host; oldest first."""
    statement = select(moves).where(IS_OPEN).order_by(moves.c.id)
    if host_id is not None:
        statement = statement.where(or_(moves.c.source_host_id == host_id, moves.c.target_host_id == host_id))
    return [_move(row) for row in tx.execute(statement)]


def list_moves(tx: Tx, server_id: str | None = None, limit: int = 1000) -> list[Move]:
    """Moves, newest first, those that are over too; of one server where that is given."""
    statement = select(moves).order_by(moves.c.id.desc()).limit(limit)
    if server_id is not None:
        statement = statement.where(moves.c.server_id == server_id)
    return [_move(row) for row in tx.execute(statement)]


def set_move_state(tx: Tx, move: Move, state: MoveState, now: datetime) -> None:
    """Takes a move to its next state; raises `Conflict` for one that may not go there."""
    check_move_transition(move.state, state)
    tx.execute(update(moves).where(moves.c.id == move.id).values(state=str(state), updated=now))


def set_move_error(tx: Tx, move: Move, error: str, now: datetime) -> None:
    """Says why a move is to be taken back."""
    tx.execute(update(moves).where(moves.c.id == move.id).values(error=error, updated=now))


def _move(row: Row[tuple[object, ...]]) -> Move:
    values: dict[str, Any] = dict(row._mapping)
    del values["source_host_id"], values["target_host_id"]
    values["source"] = msgspec.convert(values["source"], MoveSide)
    values["target"] = msgspec.convert(values["target"], MoveSide)
    values["kind"] = MoveKind(values["kind"])
    values["state"] = MoveState(values["state"])
    return Move(**values)
