"""Handles each of many items separately: an error with one is recorded for that one, and the others continue.

Two shapes. `each` is for items that each have their own transaction. `apart` is for many items in one transaction:
the batch is tried whole, and once more with a savepoint around each item if something unexpected happened to one of
them. Trouble of the database itself, or a race that was lost, is nobody's fault and ends the turn; the next turn
tries again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

import structlog

from busway.control.context import Control
from busway.domain.errors import Raced
from busway.store.database import DATABASE_TROUBLE, Tx, savepoint

_log = structlog.get_logger("busway.loops")

_NOBODYS_FAULT = (*DATABASE_TROUBLE, Raced)

T = TypeVar("T")


def each(
    control: Control,
    loop: str,
    things: Iterable[T],
    act: Callable[[T], object],
    failed: Callable[[T, Exception], object] | None = None,
) -> None:
    """Calls `act` with each item.

    If it raises, `failed` is called with the item, and the loop continues with the next one.
    """
    for thing in things:
        try:
            act(thing)
        except _NOBODYS_FAULT:
            raise
        except Exception as error:
            _note(control, loop, error, str(thing))
            if failed is not None:
                failed(thing, error)


class _TryApart(Exception):
    """Something unexpected happened to one of the items of a batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """How the items of a batch are treated: all in one go, or each alone."""

    control: Control
    loop: str
    alone: bool

    @contextmanager
    def item(self, tx: Tx, name: str, failed: Callable[[Exception], object]) -> Iterator[None]:
        """One item.

        When it fails alone, what it wrote is taken back, and `failed` is called in the same transaction.
        """
        try:
            with savepoint(tx) if self.alone else nullcontext():
                yield
        except _NOBODYS_FAULT:
            raise
        except Exception as error:
            if not self.alone:
                raise _TryApart from error
            _note(self.control, self.loop, error, name)
            failed(error)

    @contextmanager
    def rest(self) -> Iterator[None]:
        """What is written for all items at the end of a batch that goes whole; alone, each item has written its own."""
        try:
            yield
        except _NOBODYS_FAULT:
            raise
        except Exception as error:
            if self.alone:
                raise
            raise _TryApart from error


def apart(control: Control, loop: str, work: Callable[[Batch], T]) -> T:
    """Does `work` on a batch; `work` opens its own transaction and treats each item within `Batch.item`."""
    try:
        return work(Batch(control, loop, alone=False))
    except _TryApart as found:
        _log.warning("something unexpected in a batch: each item is tried alone", loop=loop, why=repr(found.__cause__))
    return work(Batch(control, loop, alone=True))


def _note(control: Control, loop: str, error: Exception, name: str) -> None:
    control.loops.item_failed(loop, error)
    _log.error("one item failed; the others continue", loop=loop, item=name, exc_info=error)
