"""Tells hosts of changed rules, ports and groups that nobody told them of: their request's process ended in between."""

from __future__ import annotations

from busway.control.loops.loop import Loop
from busway.control.networks.changes import tell_hosts

LOOP = Loop("networks", seconds=5.0, turn=tell_hosts)
