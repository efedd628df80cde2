"""Text for people, 100 columns wide at most, in a terminal as in a pipe."""

from __future__ import annotations

import textwrap

WIDTH = 100


def wrapped(head: str, text: str, width: int = WIDTH) -> str:
    """The text after its head, further lines below its beginning; a word that is longer than a line is cut."""
    lines = textwrap.wrap(text, max(width - len(head), 20), break_on_hyphens=False)
    return f"\n{' ' * len(head)}".join([head + (lines[0] if lines else ""), *lines[1:]])
