"""Since when this process has been able to hear hosts: one that is silent while nobody listens is not down.

No report arrives while the control plane is off, its database is away, or its machine is suspended. When it is back, the last report
of every host is old. So a host is known to be down only when this process has listened for the length of a lease and has heard nothing.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

BEAT_SECONDS = 2.0
_GAP = timedelta(seconds=10)  # longer without a beat: something kept this process from listening


class Hearing:
    """For how long this process has listened, from its beats; without any beat it has always listened. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: datetime | None = None
        self._last: datetime | None = None

    def beat(self, now: datetime) -> None:
        """Says that the database answers, and so reports can be taken."""
        with self._lock:
            if self._last is None or not self._goes_on(self._last, now):
                self._since = now
            self._last = now

    def heard_for(self, now: datetime) -> timedelta:
        """For how long this process has listened without a gap."""
        with self._lock:
            if self._last is None or self._since is None:
                return timedelta.max
            return now - self._since if self._goes_on(self._last, now) else timedelta()

    @staticmethod
    def _goes_on(last: datetime, now: datetime) -> bool:
        return abs(now - last) <= _GAP
