"""A precondition of a request: what must be true of a resource for the request to be done, tested within its own transaction.

`under(condition)` marks a block of code as the work of a request that has one. The first transaction of the block looks
before anything else, and holds the lock on what it has seen until it ends (see `Database.write`): nobody changes it in between.

A condition that does not hold ends the transaction only when it has done its work: every other reason to refuse the request
goes first, as RFC 9110, 13.2.1 demands, so that nobody learns anything of a resource that they may not see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import Connection

from busway.domain.errors import BuswayError


@dataclass
class Precondition:
    """`look` locks the resource and returns the error if the condition does not hold; `is_settled` after the first commit."""

    look: Callable[[Connection], BuswayError | None]
    is_settled: bool = False


_present: ContextVar[Precondition | None] = ContextVar("busway_precondition", default=None)


@contextmanager
def under(condition: Precondition | None) -> Iterator[None]:
    """Marks the block as the work of a request with a precondition, for this thread."""
    token = _present.set(condition)
    try:
        yield
    finally:
        _present.reset(token)


def open_condition() -> Precondition | None:
    """Returns the precondition of this thread's request, None if it has none or it is settled."""
    condition = _present.get()
    return None if condition is None or condition.is_settled else condition
