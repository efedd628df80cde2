"""The end of a process that serves: requests that wait for news are answered at once, instead of being cancelled later."""

from __future__ import annotations

from collections.abc import Callable


class Closing:
    """Whether the server stops, and who must hear of it; all its methods run in the event loop's thread."""

    def __init__(self) -> None:
        self.begun = False
        self._listening: dict[object, Callable[[], None]] = {}

    def listen(self, heard: Callable[[], None]) -> Callable[[], None]:
        """Calls `heard` when the server begins to stop, until what this returns is called."""
        key = object()
        self._listening[key] = heard

        def stop() -> None:
            self._listening.pop(key, None)

        return stop

    def count(self) -> int:
        """How many wait."""
        return len(self._listening)

    def begin(self) -> None:
        """Tells everybody who listens; a second time tells nobody again."""
        if not self.begun:
            self.begun = True
            for heard in list(self._listening.values()):
                heard()
