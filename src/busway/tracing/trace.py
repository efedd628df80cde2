"""What a tracer does, and the one that does nothing. A context is W3C's traceparent as text, "" for none.

The context in which this thread works is kept beside the work (`current`), so that whatever is written down of a request can name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

_FORM = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}", re.ASCII)
_current: ContextVar[str] = ContextVar("busway.trace", default="")
Values = Mapping[str, str | int | float | bool]
NOTHING: Values = {}


class Kind(StrEnum):
    """What a span is to others: the answer to somebody's request, or work within."""

    SERVER = "server"
    INTERNAL = "internal"


@dataclass
class Span:
    """A span in progress: its context for child spans, and the attributes to report at its end."""

    context: str = ""
    name: str = ""
    values: dict[str, str | int | float | bool] = field(default_factory=dict)
    error: str = ""


class Tracer(Protocol):
    """Makes spans; what it can't hand over it drops, and it never raises or waits."""

    @property
    def is_on(self) -> bool:
        """True when spans go somewhere."""

    def span(
        self, name: str, parent: str = "", values: Values = NOTHING, kind: Kind = Kind.INTERNAL
    ) -> AbstractContextManager[Span]:
        """A span for the length of a block, in which `current` is its context; an exception ends it as failed."""

    def record(self, name: str, parent: str, began: int, ended: int, values: Values = NOTHING, error: str = "") -> None:
        """A span of the past, in nanoseconds since the epoch."""

    def close(self) -> None:
        """Hands over what waits, for a few seconds at most."""


class NoTraces:
    """Traces nothing; a context that came from elsewhere is passed on."""

    is_on = False

    @contextmanager
    def span(
        self,
        name: str,
        parent: str = "",
        values: Values = NOTHING,  # noqa: ARG002 - it tells nobody
        kind: Kind = Kind.INTERNAL,  # noqa: ARG002
    ) -> Iterator[Span]:
        """A span that is not reported."""
        yield Span(parent, name)

    def record(self, name: str, parent: str, began: int, ended: int, values: Values = NOTHING, error: str = "") -> None:
        """Does nothing."""

    def close(self) -> None:
        """Has nothing to hand over."""


NO_TRACES = NoTraces()


def current() -> str:
    """The context of the span that this work belongs to, "" for none."""
    return _current.get()


@contextmanager
def within(context: str) -> Iterator[None]:
    """Makes a context the one of this block."""
    token = _current.set(context)
    try:
        yield
    finally:
        _current.reset(token)


def read_context(text: str) -> str:
    """A traceparent that a stranger sent, "" for one that is none."""
    return text if _FORM.fullmatch(text) else ""
