"""The cache of the lab: downloads, unpacked packages, kernels, initramfs, guest images.

An entry is named after what went into it, made beside its place and renamed into it: whoever finds it finds it whole,
whatever was interrupted. Two makers of one entry take turns.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def default_cache() -> Path:
    """Answer `$BUSWAY_CACHE`, or /var/cache/busway for root, or busway's folder in the user's cache."""
    if named := os.environ.get("BUSWAY_CACHE"):
        return Path(named).resolve()
    if os.geteuid() == 0:
        return Path("/var/cache/busway")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "busway"


def digest(*parts: str | bytes) -> str:
    """Name content: twelve hexadecimal digits of the SHA-256 over all parts."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big") + data)
    return total.hexdigest()[:12]


class Cache:
    """A folder of entries, each a file or a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def entry(self, name: str, make: Callable[[Path], None]) -> Path:
        """Answer the entry, made by `make(path)` in a fresh place where it is not there yet."""
        path = self.root / name
        if path.exists():
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._turn(name):
            if not path.exists():
                self._make(path, make)
        return path

    def _make(self, path: Path, make: Callable[[Path], None]) -> None:
        new = path.with_name(f".new-{path.name}")
        _remove(new)  # what an interrupted maker left
        try:
            make(new)
            new.rename(path)
        finally:
            _remove(new)

    @contextmanager
    def _turn(self, name: str) -> Iterator[None]:
        locks = self.root / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / digest(name)).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
