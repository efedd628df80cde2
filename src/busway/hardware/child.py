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
    """How a program ended, what it said on stderr, and what it printed if that was asked for."""

    status: int
    words: str
    output: str = ""


def run_child(
    command: Sequence[str],
    seconds: float,
    *,
    text: str = "",
    environment: Mapping[str, str] | None = None,
    watch: Callable[[], None] = lambda: None,
    output: bool = False,
) -> Ended:
    """Runs a program that reads `text`; `watch` is called while it runs, and ends it by raising.

    Raises `subprocess.TimeoutExpired` after `seconds`, and `OSError` when the program can't be started.
    """
    _left[:] = [child for child in _left if child.poll() is None]
    deadline = time.monotonic() + seconds
    child = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if output else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env=dict(environment) if environment is not None else None,
    )
    try:
        return Ended(*_wait(child, text, deadline, watch))
    except BaseException:
        _leave(child)
        raise


def ask(command: Sequence[str], seconds: float) -> str:
    """What a program prints; raises `OSError` with the reason if it fails or hangs, or if the same has been left behind and hangs still."""
    left = next((child.pid for child in _left if child.args == [*command] and child.poll() is None), None)
    if left is not None:
        raise OSError(f"An earlier one hangs in the kernel still (process {left}).")
    try:
        ended = run_child([*command], seconds, output=True)
    except subprocess.TimeoutExpired as error:
        raise OSError(f"It did not end within {seconds:g} s.") from error
    if ended.status != 0:
        raise OSError(f"It ended with {ended.status}: {f'{ended.output}{ended.words}'.strip()[-500:]}")
    return ended.output


def _wait(child: subprocess.Popen[str], text: str, deadline: float, watch: Callable[[], None]) -> tuple[int, str, str]:
    given: str | None = text
    while True:
        left = deadline - time.monotonic()
        try:
            output, words = child.communicate(given, timeout=max(0.0, min(_LOOK, left)))
        except subprocess.TimeoutExpired:
            if left <= 0:
                raise
            given = None  # it has been handed over
            watch()
        else:
            return child.returncode, words.strip(), output or ""


def _leave(child: subprocess.Popen[str]) -> None:
    """Kills a child and waits for it a moment only."""
    child.kill()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None and not pipe.closed:
            pipe.close()
    try:
        child.wait(_DYING)
    except subprocess.TimeoutExpired:
        _left.append(child)
