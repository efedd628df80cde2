"""The agent's document of who waits for its host: viewers for a guest's console, and users for an answer about a guest."""

from __future__ import annotations

from dataclasses import dataclass

from busway.domain.console import ConsoleCall
from busway.domain.question import HostQuestion


@dataclass(frozen=True, slots=True)
class ConsoleCalls:
    """The calls of this moment, each to be answered by a WebSocket of its own, and the questions, by a document."""

    calls: tuple[ConsoleCall, ...] = ()
    questions: tuple[HostQuestion, ...] = ()
