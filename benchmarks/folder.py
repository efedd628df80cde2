"""A folder on the disk of this checkout, which a commit must reach; git does not see it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_CACHE = Path(__file__).parents[1] / ".cache"


@contextmanager
def disk_folder() -> Iterator[Path]:
    """Makes an empty folder, and removes it in the end."""
    _CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="busway-bench-", dir=_CACHE) as folder:
        yield Path(folder)
