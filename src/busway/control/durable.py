"""Files of the control plane that survive a power cut: written whole or not at all, and not lost afterwards."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Writes or replaces a file that only its owner may read."""
    with _temporary(path, text) as temporary:
        temporary.replace(path)


def create_secret(path: Path, text: str) -> None:
    """Writes a file that only its owner may read, unless it exists: of several processes at once, the first one's stays."""
    with _temporary(path, text) as temporary, suppress(FileExistsError):
        os.link(temporary, path)


def sync_folder(folder: Path) -> None:
    """Flushes the entries of a folder to the disk: until then a file that was made or renamed in it may be lost."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _temporary(path: Path, text: str) -> Iterator[Path]:
    """A file beside `path` with this text, until the block ends; then the folder is flushed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)
        sync_folder(path.parent)
