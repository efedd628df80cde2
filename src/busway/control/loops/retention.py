"""Forgets old rows of the tables that grow, a small batch of each at a time; how long each is kept is in `store.retention`."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.loops.items import each
from busway.control.loops.loop import Loop
from busway.store.retention import BATCH, RETENTIONS, Retention, days_of, forget_old


def forget_old_rows(control: Control) -> bool:
    """Forgets a batch of each table; True when some table has more that is old."""
    more: list[str] = []

    def forget(kept: Retention) -> None:
        days = days_of(kept, control.settings.retention)
        if forget_old(control.db, kept, days, control.now()) >= BATCH:
            more.append(kept.table)

    each(control, LOOP.name, RETENTIONS, forget)
    return bool(more)


LOOP = Loop("retention", seconds=3600.0, turn=forget_old_rows)
