"""Tells whether a lab host is dead, hung or well.

Dead: its QEMU is gone, or the console shows a kernel panic. Hung: QEMU runs and the machine has not written its
heartbeat (every 2 s) for `HUNG_AFTER` seconds, for twice as long while it boots (on a busy machine that was seen to take 90 s), or for a
third of it once the console shows a soft lockup. A watcher
counts from when it began to look, so that stopping and resuming the outer machine does not make the inner one count
as hung.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from busway.lab.errors import LabDied, LabHung
from busway.lab.process import Process

HUNG_AFTER = 90.0
READY_SECONDS = 240.0
_ALREADY_SILENT_GRACE = 10.0  # a machine long silent may prove itself alive once more
_BOOTING = 2  # times as much patience before the first heartbeat
_PANIC = "Kernel panic - not syncing"
_LOCKUP = "soft lockup"
_TAIL_BYTES = 8192


def hung_after() -> float:
    """Answer after how many seconds without a heartbeat a machine is hung (`$BUSWAY_LAB_HUNG_AFTER`)."""
    return float(os.environ.get("BUSWAY_LAB_HUNG_AFTER", HUNG_AFTER))


def ready_within() -> float:
    """Answer within how many seconds a machine must have booted: more where a silent one has more patience."""
    return max(READY_SECONDS, _BOOTING * hung_after())


def tail(file: Path, lines: int = 12) -> str:
    """Answer the last lines of a log, readable whatever bytes a console writes."""
    try:
        with file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    shown = [line.rstrip() for line in text.replace("\r", "\n").splitlines() if line.strip()]
    return "\n".join(shown[-lines:])


class Watch:
    """One waiter's eye on one machine; call it in every round of a wait."""

    def __init__(self, name: str, folder: Path, grace: float = _ALREADY_SILENT_GRACE) -> None:
        self._grace = grace
        self._name = name
        self._folder = folder
        self._process = Process(folder)
        self._limit = hung_after()
        self._last = self._beat()
        self._since = time.monotonic() - self._silence_so_far()

    def __call__(self) -> None:
        """Raise LabDied or LabHung when waiting makes no sense any more."""
        console = tail(self._folder / "console.log")
        if self._process.pid is None:
            raise LabDied(
                f"Lab host {self._name} died: its QEMU is gone", detail=self._last_lines(console), remedy=_AGAIN
            )
        if _PANIC in console:
            raise LabDied(
                f"Lab host {self._name} died of a kernel panic", detail=self._last_lines(console), remedy=_AGAIN
            )
        beat = self._beat()
        if beat != self._last:
            self._last = beat
            self._since = time.monotonic()
        silent = time.monotonic() - self._since
        patience = 1 / 3 if _LOCKUP in console else 1 if beat else _BOOTING
        if silent >= patience * self._limit:
            brief = f"Lab host {self._name} hangs: no sign of life for {silent:.0f} s, though its QEMU runs"
            raise LabHung(brief, detail=self._last_lines(console), remedy=_AGAIN)

    def _beat(self) -> str:
        try:
            return (self._folder / "share" / "heartbeat").read_text()
        except OSError:
            return ""

    def _silence_so_far(self) -> float:
        """How long the machine is silent already; at least the grace is left to prove it alive."""
        try:
            age = time.time() - (self._folder / "share" / "heartbeat").stat().st_mtime
        except OSError:
            return 0.0
        return min(max(age, 0.0), max(self._limit - self._grace, 0.0))

    def _last_lines(self, console: str) -> str:
        output = tail(self._folder / "output.log", lines=4)
        return "\n".join(filter(None, ["Last lines of its console:", console or "(none)", output]))


_AGAIN = "`busway lab down` and `busway lab up` start it again; `busway lab logs` shows all it said"
