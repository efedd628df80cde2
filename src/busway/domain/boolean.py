"""The words for yes and no that OpenStack's services take."""

from __future__ import annotations

_TRUE = ("1", "t", "true", "on", "y", "yes")
_FALSE = ("0", "f", "false", "off", "n", "no")

BOOLEAN_WORDS = "true, yes, on, 1, false, no, off, 0"


def parse_boolean(value: object) -> bool | None:
    """Reads a JSON boolean, or a word in any case; None for anything else."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    return False if word in _FALSE else None
