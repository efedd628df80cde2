"""The placer: places waiting servers, woken by a ring of `place`."""

from __future__ import annotations

import structlog

from busway.control.context import Control
from busway.control.loops.loop import Loop
from busway.control.placement.place import place_round
from busway.domain.errors import Raced

_log = structlog.get_logger("busway.place")


def _turn(control: Control) -> bool:
    try:
        return place_round(control) > 0
    except Raced as error:
        _log.info("a host changed meanwhile; the decision is repeated at once", why=str(error))
        return True


# Not `alone`: each turn waits for its own (`take_turn`), which requests that place a server at once take too.
LOOP = Loop("placer", seconds=1.0, turn=_turn, topic="place", alone=False)
