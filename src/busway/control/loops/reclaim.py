"""Reclaims servers that have been soft-deleted for longer than the operator keeps them."""

from __future__ import annotations

from busway.control.loops.loop import Loop
from busway.control.servers.soft_delete import reclaim_overdue

LOOP = Loop("reclaim", seconds=5.0, turn=reclaim_overdue)
