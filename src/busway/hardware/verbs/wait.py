"""Waiting for the kernel to show what a write has done; always with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

_POLL = 0.02  # seconds


def wait_until(reached: Callable[[], bool], patience: float) -> bool:
    """Asks until `reached` is true; False when it is not within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True
