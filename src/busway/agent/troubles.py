"""The failures of an agent's parts; each is logged when it begins and when it has ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from structlog.typing import FilteringBoundLogger

from busway.domain.errors import BuswayError, Unavailable


class Troubles:
    """The parts that failed when they were tried last, each with the code of its error."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._codes: dict[str, str] = {}

    @property
    def codes(self) -> Mapping[str, str]:
        """The code of each part that is in trouble, such as control plane: unauthorized."""
        return dict(self._codes)

    def note(self, part: str, code: str) -> None:
        """Records a failure that was logged elsewhere."""
        self._codes[part] = code

    def forget(self, part: str) -> None:
        """Removes a part without a log line."""
        self._codes.pop(part, None)

    def guard(self, part: str, act: Callable[[], None]) -> None:
        """Runs `act`; a failure is logged when it is a new one, and once more when it has passed."""
        try:
            act()
        except (BuswayError, OSError) as error:
            code = error.code if isinstance(error, BuswayError) else type(error).__name__
            if self._codes.get(part) != code:
                level = self._log.warning if isinstance(error, Unavailable) else self._log.error
                level(f"{part}: trouble", why=str(error), code=code)
            self._codes[part] = code
        except Exception as error:  # a defect: it is told each time, and the other parts continue
            self._log.exception(f"{part}: ended unexpectedly", why=str(error))
            self._codes[part] = "agent-error"
        else:
            if self._codes.pop(part, None) is not None:
                self._log.info(f"{part}: well again")
