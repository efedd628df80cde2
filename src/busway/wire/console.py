"""The agent's document of consoles: the viewers that wait for one on its host."""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.console import ConsoleCall


@dataclass(frozen=True, slots=True)
class ConsoleCalls:
    """The calls of this moment; each is answered by a WebSocket of its own."""

    calls: tuple[ConsoleCall, ...] = ()
