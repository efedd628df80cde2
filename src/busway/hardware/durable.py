"""Writes a file so that after a crash, or a power cut, it has either its old content or its new one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write_durably(
    path: Path,
    data: bytes,
    mode: int = 0o600,
    *,
    owner: tuple[int, int] | None = None,
    watch: Callable[[str], None] = lambda _point: None,
) -> None:
    """Writes to a temporary file beside `path`, flushes it to the disk, renames it, and flushes the folder.

    `owner` is (uid, gid); `watch` is called before each point where a crash would matter.
    """
    fresh = beside(path)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        watch("before the content")
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        os.fsync(file.fileno())
    watch("before the rename")
    fresh.replace(path)
    sync_folder(path.parent)


def beside(path: Path) -> Path:
    """Where the new content of a file is until it is whole."""
    return path.with_name(f".{path.name}.new")


def rename_durably(fresh: Path, path: Path) -> None:
    """Flushes a file that another program has written to the disk, gives it its name, and flushes the folder."""
    descriptor = os.open(fresh, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    sync_folder(path.parent)


def remove_durably(path: Path) -> None:
    """Removes a file, if it is there, and flushes its folder."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Flushes the entries of a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
