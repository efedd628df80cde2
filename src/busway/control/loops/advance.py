"""Continues moves that wait for several conditions; a ring of `advance` wakes it.

It also runs without a ring: after a lost ring or a killed process, waiting moves continue within seconds.
"""

from __future__ import annotations

from busway.control.loops.loop import Loop
from busway.control.moves.advance import advance

LOOP = Loop("advance", seconds=5.0, turn=advance, topic="advance")
