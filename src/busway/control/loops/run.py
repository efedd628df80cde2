"""Runs loops in threads of this process until they are to end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import structlog

from busway.control.context import Control
from busway.control.loops.loop import Loop, all_loops, run_turn

STOP_SECONDS = 10.0

_log = structlog.get_logger("busway.loops")


@contextmanager
def running(control: Control, loops: Sequence[Loop] | None = None) -> Iterator[None]:
    """All loops, or those that are given, each in a thread until the block ends; a turn under way is let finish."""
    stop = control.loops.stopping
    stop.clear()
    threads = [
        (loop, threading.Thread(target=run_loop, args=(control, loop, stop), name=loop.name, daemon=True))
        for loop in (all_loops() if loops is None else loops)
    ]
    for _, thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for loop, _ in threads:
            control.bell.ring(loop.bell)
        deadline = time.monotonic() + STOP_SECONDS
        for loop, thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                _log.warning("a loop did not end in time", loop=loop.name, seconds=STOP_SECONDS)


def run_loop(control: Control, loop: Loop, stop: threading.Event) -> None:
    """Turns until `stop` is set: at once while there is more to do, else after a ring or the loop's longest pause."""
    while not stop.is_set():
        seen = control.bell.count(loop.bell)
        if not run_turn(control, loop) and not stop.is_set():
            control.bell.wait(loop.bell, seen, loop.seconds)
