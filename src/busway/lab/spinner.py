"""Progress on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.status import Status

from busway.lab.report import Report


class SpinnerReport(Report):
    """Shows a spinner while a step lasts, and leaves one line with its seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._console = Console(stderr=True)
        self._spinner: Status | None = None

    def began(self, name: str) -> None:
        """Start the spinner."""
        self._stop()
        self._spinner = self._console.status(name)
        self._spinner.start()

    def ended(self, name: str, seconds: float, *, failed: bool) -> None:
        """Replace the spinner by a line."""
        self._stop()
        mark = "[red]failed[/red]" if failed else "[green]done[/green]"
        self._console.print(f"{mark} {name} [dim]{seconds:.1f} s[/dim]", highlight=False)

    def _stop(self) -> None:
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None
