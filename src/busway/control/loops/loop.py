"""A loop as data, and one turn of it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import structlog

import busway.control.loops
from busway.control.context import Control

_log = structlog.get_logger("busway.loops")


@dataclass(frozen=True, slots=True)
class Loop:
    """Something that the control plane does again and again.

    `seconds` is the longest pause between two turns; a ring of `topic` ends it early. `turn` returns something true when
    there is more to do at once. With `alone`, one process at a time has a turn, and the others skip theirs. A loop without
    it must bring its own order (`take_turn`).
    """

    name: str
    seconds: float
    turn: Callable[[Control], object]
    topic: str = ""
    alone: bool = True

    @property
    def bell(self) -> str:
        """The topic whose ring ends its pause; a loop without one has a topic of its own, for its end."""
        return self.topic or f"loop:{self.name}"


def all_loops() -> tuple[Loop, ...]:
    """The loops of this package, by name."""
    found = []
    for module in pkgutil.iter_modules(busway.control.loops.__path__, f"{busway.control.loops.__name__}."):
        loop = getattr(importlib.import_module(module.name), "LOOP", None)
        if isinstance(loop, Loop):
            found.append(loop)
    return tuple(sorted(found, key=lambda loop: loop.name))


def run_turn(control: Control, loop: Loop) -> bool:
    """Does one turn; True when there is more to do at once. Nothing that goes wrong in it is raised."""
    busy: object = False
    try:
        with control.db.alone(f"loop.{loop.name}") if loop.alone else nullcontext(True) as is_ours:
            if is_ours:
                with control.loops.turn(loop.name):
                    busy = loop.turn(control)
    except Exception:
        _log.exception("a turn of a loop failed; the next one tries again", loop=loop.name)
    return bool(busy)
