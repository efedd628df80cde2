"""Notes that this process can hear hosts, as long as its database answers."""

from __future__ import annotations

from busway.control.context import Control
from busway.control.hosts.hearing import BEAT_SECONDS
from busway.control.loops.loop import Loop


def listen(control: Control) -> None:
    """One beat; none while the database is away, because reading raises."""
    with control.db.read():
        control.hearing.beat(control.now())


# Not `alone`: each process says it of itself.
LOOP = Loop("hearing", seconds=BEAT_SECONDS, turn=listen, alone=False)
