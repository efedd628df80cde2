"""Whether a function still answers: what is gone reads as all ones over the whole header.

The first four bytes alone tell nothing of a virtual function: SR-IOV has them read as all ones while it is well, and the
kernel gives it the ids of its physical function.
"""

from __future__ import annotations

from pathlib import Path

from busway.hardware.slow_read import find_bytes_slowly

_HEADER = 64  # bytes that any user may read


def is_gone(folder: str | Path) -> bool:
    """True when the configuration space of the function whose folder this is reads as all ones."""
    header = find_bytes_slowly(f"{folder}/config", _HEADER)
    return bool(header) and header == b"\xff" * len(header or b"")
