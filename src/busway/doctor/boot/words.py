"""Adds and removes words of a kernel command line without touching the rest of the text."""

from __future__ import annotations

import re
from collections.abc import Iterable


def change_words(text: str, add: Iterable[str], remove: Iterable[str]) -> str:
    """Takes words away, then adds those that are not there; keeps every other character."""
    for word in remove:
        shorter = re.sub(rf"(?:^|[ \t]+){re.escape(word)}(?=[ \t]|$)", "", text)
        text = shorter if text[:1].isspace() else shorter.lstrip(" \t")
    for word in add:
        if word not in text.split():
            text = f"{text.rstrip(' ')} {word}" if text.strip() else word
    return text
