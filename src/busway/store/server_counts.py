"""Counts of servers by state, for metrics."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from busway.domain.server import ServerStatus
from busway.store.database import Tx
from busway.store.servers import IS_UNPLACED, servers


def count_by_state(tx: Tx) -> dict[tuple[str, str], int]:
    """Returns the number of servers by status and task state ("" for none), without deleted ones."""
    state = (servers.c.status, servers.c.task_state)
    statement = select(*state, func.count()).where(servers.c.status != str(ServerStatus.DELETED)).group_by(*state)
    return {(status, task or ""): count for status, task, count in tx.execute(statement)}


def count_unplaced(tx: Tx) -> tuple[int, datetime | None]:
    """Returns how many servers wait for a host, and since when the oldest one does."""
    count, oldest = tx.execute(select(func.count(), func.min(servers.c.created)).where(IS_UNPLACED)).one()
    return count, oldest
