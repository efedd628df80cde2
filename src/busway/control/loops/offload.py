"""Offloads servers that have been shelved for longer than the operator lets them keep their devices."""

from __future__ import annotations

from busway.control.loops.loop import Loop
from busway.control.servers.shelve import offload_overdue

LOOP = Loop("offload", seconds=5.0, turn=offload_overdue)
