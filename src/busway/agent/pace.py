"""How long the agent waits between rounds."""

from __future__ import annotations

import zlib

_SHORTEST, _LONGEST = 0.5, 10.0  # seconds


class Backoff:
    """Pauses that double from half a second to ten while the control plane is away.

    They differ by up to a quarter from host to host, so that hundreds of agents do not come back in one moment.
    """

    def __init__(self, host: str) -> None:
        self._spread = 0.75 + (zlib.crc32(host.encode()) % 1000) / 4000
        self._next = _SHORTEST

    def pause(self) -> float:
        """The next pause in seconds."""
        current, self._next = self._next, min(self._next * 2, _LONGEST)
        return current * self._spread

    def reset(self) -> None:
        """Begins again: the control plane has answered."""
        self._next = _SHORTEST
