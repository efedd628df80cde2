"""Takes servers further that wait for more than one thing, woken by a ring of `advance`.

It also is the floor under that ring: what a lost one or a killed process left waiting goes on within seconds.
"""

from __future__ import annotations

from busway.control.loops.loop import Loop
from busway.control.moves.advance import advance

LOOP = Loop("advance", seconds=5.0, turn=advance, topic="advance")
