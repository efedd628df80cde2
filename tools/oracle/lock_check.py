"""Refuses a lock that names a host: a package comes from wherever the machine's own pip is told to look."""

from __future__ import annotations

import re

from tools.command import SetupError

_HOST = re.compile(r"://|^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b|\s@\s", re.MULTILINE)


def check_lock(lock: str) -> None:
    """Raise SetupError with the line that names an index, a link or a file."""
    if found := _HOST.search(lock):
        number = lock.count("\n", 0, found.start()) + 1
        raise SetupError(
            f"requirements/oracle.txt, line {number} names a place to fetch from; a lock has names and hashes"
        )
