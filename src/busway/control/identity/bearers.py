"""A cache of authenticated tokens in each control process, so that not every request reads the database.

A commit that may change somebody's rights empties the cache of its own process at once (see
`busway.store.rights_changes`). Other processes are notified through the doorbell within milliseconds. If a
notification is lost, they use an entry for at most `SECONDS`.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from busway.store.identity_tokens import Bearer

TOPIC = "rights"
SECONDS = 2.0
MOST = 4096


@dataclass(slots=True)
class BearerMemory:
    """A cache of at most `MOST` bearers, by the digest of their token; thread-safe. `monotonic` is in seconds."""

    monotonic: Callable[[], float] = time.monotonic
    _epoch: int = 0
    _known: OrderedDict[str, tuple[float, Bearer]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def epoch(self) -> int:
        """Returns a number that grows with each `forget`; read it before the database, and pass it to `keep`."""
        return self._epoch

    def find(self, digest: str) -> Bearer | None:
        """Returns a bearer that is younger than `SECONDS`, or None; the caller checks the token's expiry."""
        with self._lock:
            kept = self._known.get(digest)
            return kept[1] if kept is not None and self.monotonic() - kept[0] < SECONDS else None

    def keep(self, digest: str, bearer: Bearer, epoch: int) -> None:
        """Adds what the database returned, unless `forget` was called since `epoch` was read; evicts the oldest."""
        with self._lock:
            if epoch != self._epoch:
                return
            self._known[digest] = (self.monotonic(), bearer)
            self._known.move_to_end(digest)
            while len(self._known) > MOST:
                self._known.popitem(last=False)

    def forget(self) -> None:
        """Removes all entries, because somebody's rights may have changed."""
        with self._lock:
            self._epoch += 1
            self._known.clear()
