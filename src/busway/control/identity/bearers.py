"""What a control process remembers of tokens, so that not every request asks the database who is behind one.

A change of rights by this process is heeded by the very next request: every commit that may be one forgets all (see
`busway.store.rights_changes`). Other processes hear of it by the doorbell within milliseconds; where the ring is lost, they go by
what they remember for `SECONDS` at most.
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
    """Bearers by the digests of their tokens; safe to use from many threads. `monotonic` is in seconds."""

    monotonic: Callable[[], float] = time.monotonic
    _epoch: int = 0
    _known: OrderedDict[str, tuple[float, Bearer]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def epoch(self) -> int:
        """To be read before the database is asked: `keep` takes no answer that a change may have overtaken."""
        return self._epoch

    def find(self, digest: str) -> Bearer | None:
        """The bearer as it was a moment ago; whether its token has expired is for the caller to see."""
        with self._lock:
            kept = self._known.get(digest)
            return kept[1] if kept is not None and self.monotonic() - kept[0] < SECONDS else None

    def keep(self, digest: str, bearer: Bearer, epoch: int) -> None:
        """Remembers what the database said after `epoch` was read; the oldest make room."""
        with self._lock:
            if epoch != self._epoch:
                return
            self._known[digest] = (self.monotonic(), bearer)
            self._known.move_to_end(digest)
            while len(self._known) > MOST:
                self._known.popitem(last=False)

    def forget(self) -> None:
        """Forgets all: somebody's rights may be others now."""
        with self._lock:
            self._epoch += 1
            self._known.clear()
