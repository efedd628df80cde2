"""Marks of what is so now, for those who watch the whole cloud and ask again only when something moved."""

from __future__ import annotations

from busway.control.context import Control
from busway.store import marks
from busway.store.marks import Marks


def look(control: Control) -> Marks:
    """The marks of now; they hold counts and times, and nothing of anybody's."""
    with control.db.read() as tx:
        return marks.read_marks(tx)


__all__ = ["Marks", "look"]
