"""Patterns that users and hosts may give: an engine that takes linear time, whatever the pattern and the text.

Python's own `re` can take exponential time, and holds the interpreter meanwhile: one pattern would stop everybody.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol

import re2

from busway.domain.errors import BadInput

PATTERN_CHARS = 255
_MEMORY_BYTES = 1024**2  # of a compiled pattern: what repeats itself beyond that is refused


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> object | None:
        """Something true where the pattern matches anywhere in the text."""


@lru_cache(maxsize=64)
def compile_pattern(pattern: str, name: str) -> Pattern:
    """Compiles what was given as `name`; raises `BadInput` for no regular expression, and for what needs backtracking."""
    options = re2.Options()
    options.max_mem = _MEMORY_BYTES
    options.log_errors = False
    if len(pattern) > PATTERN_CHARS:
        raise BadInput(f"The pattern of {name} has more than {PATTERN_CHARS} characters", code="pattern-too-long")
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        raise BadInput(
            f"'{pattern}' is not a valid regular expression for {name}",
            detail=_words(error),
            remedy="Use RE2's syntax: like Perl's, without look-around and back-references.",
            code="pattern",
        ) from error
    return compiled


def _words(error: Exception) -> str:
    message = error.args[0] if error.args else ""
    return message.decode(errors="replace") if isinstance(message, bytes) else str(message)
