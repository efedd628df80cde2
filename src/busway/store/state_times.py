"""How long servers were in a state, reported only after the commit of the transaction in which they left it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

_KEY = "busway_state_times"


@dataclass(frozen=True, slots=True)
class StateTime:
    """A server was in a state for this many seconds."""

    status: str
    task_state: str
    seconds: float


def note_state_left(tx: Connection, status: str, task_state: str | None, since: datetime | None, now: datetime) -> None:
    """Notes on the connection that a server leaves a state."""
    if since is not None:
        left = StateTime(status, task_state or "", max((now - since).total_seconds(), 0.0))
        tx.info.setdefault(_KEY, []).append(left)


@contextmanager
def collected_state_times(tx: Connection) -> Iterator[list[StateTime]]:
    """Yields a list that is filled with the notes of the block when it ends without an error."""
    tx.info.pop(_KEY, None)
    found: list[StateTime] = []
    try:
        yield found
        found += tx.info.get(_KEY, [])
    finally:
        tx.info.pop(_KEY, None)
