"""Crash points: tests name one in BUSWAY_CRASH_AT, and the process kills itself there as `kill -9` would."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

VARIABLE = "BUSWAY_CRASH_AT"


def crashpoint_from_environment() -> Callable[[str], None]:
    """A function that does nothing, except at the point that the environment names."""
    wanted = os.environ.get(VARIABLE, "")

    def crashpoint(name: str) -> None:
        if name == wanted:
            print(f"crash point {name}: killed", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)

    return crashpoint
