"""Parts of messages: lists and values in bounded length, and numbers that are written in words of flavors and images."""

from __future__ import annotations

from collections.abc import Iterable


def some_of(names: Iterable[object], most: int) -> str:
    """The first `most` names, and how many there are more: "a, b and 3 more"."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def shortened(value: str) -> str:
    """A value for a message, of 80 characters at most."""
    return value if len(value) <= 80 else f"{value[:77]}..."


def whole_number(text: str) -> int:
    """The number that a text is, -1 for any other text and for numbers of more than ten digits."""
    return int(text) if len(text) <= 10 and text.isascii() and text.isdigit() else -1
