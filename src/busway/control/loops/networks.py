"""Tells hosts of changed rules, ports and groups: those that new servers bring, woken by a ring of `networks`.

It also tells what nobody did because the process of its request ended in between.
"""

from __future__ import annotations

from busway.control.loops.loop import Loop
from busway.control.networks.changes import tell_hosts

LOOP = Loop("networks", seconds=5.0, turn=tell_hosts, topic="networks")
