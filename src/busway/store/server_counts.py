"""How many servers are in which state, and how long some have waited."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from busway.domain.server import ServerStatus
from busway.store.database import Tx
from busway.store.servers import IS_UNPLACED, servers


def count_by_state(tx: Tx) -> dict[tuple[str, str], int]:
    """How many servers that are not deleted have each status and task state, "" for none."""
    state = (servers.c.status, servers.c.task_state)
    statement = select(*state, func.count()).where(servers.c.status != str(ServerStatus.DELETED)).group_by(*state)
    return {(status, task or ""): count for status, task, count in tx.execute(statement)}


def count_unplaced(tx: Tx) -> tuple[int, datetime | None]:
    """How many servers wait for a host, and since when the oldest does."""
    count, oldest = tx.execute(select(func.count(), func.min(servers.c.created)).where(IS_UNPLACED)).one()
    return count, oldest
