"""Runs a program with a deadline, and never waits for one that the kernel does not let die.

A process in state D outlives its SIGKILL, and whoever waits for it hangs as well. Such a child is left behind and
reaped by a later call.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

_LOOK = 0.5  # seconds between two calls of `watch`
_DYING = 2.0  # seconds that a killed child may take
_left: list[subprocess.Popen[str]] = []


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended, and what it said on stderr."""

    status: int
    words: str


def run_child(
    command: Sequence[str],
    seconds: float,
    *,
    text: str = "",
    environment: Mapping[str, str] | None = None,
    watch: Callable[[], None] = lambda: None,
) -> Ended:
    """Runs a program that reads `text`; `watch` is called while it runs, and ends it by raising.

    Raises `subprocess.TimeoutExpired` after `seconds`, and `OSError` when the program can't be started.
    """
    _left[:] = [child for child in _left if child.poll() is None]
    deadline = time.monotonic() + seconds
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(environment) if environment is not None else None,
    )
    try:
        return Ended(*_wait(child, text, deadline, watch))
    except BaseException:
        _leave(child)
        raise


def _wait(child: subprocess.Popen[str], text: str, deadline: float, watch: Callable[[], None]) -> tuple[int, str]:
    given: str | None = text
    while True:
        left = deadline - time.monotonic()
        try:
            _, words = child.communicate(given, timeout=max(0.0, min(_LOOK, left)))
        except subprocess.TimeoutExpired:
            if left <= 0:
                raise
            given = None  # it has been handed over
            watch()
        else:
            return child.returncode, words.strip()


def _leave(child: subprocess.Popen[str]) -> None:
    """Kills a child and waits for it a moment only."""
    child.kill()
    for pipe in (child.stdin, child.stderr):
        if pipe is not None and not pipe.closed:
            pipe.close()
    try:
        child.wait(_DYING)
    except subprocess.TimeoutExpired:
        _left.append(child)
