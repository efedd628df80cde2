"""Sizes of memory in words."""

from __future__ import annotations


def size_words(size: int) -> str:
    """Such as "128 GiB"; the largest unit that leaves a whole number."""
    for unit, name in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if size and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} bytes"
