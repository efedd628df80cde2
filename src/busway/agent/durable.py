"""Writes a file so that after a crash, or a power cut, it has either its old content or its new one; and reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

import msgspec

from busway.domain.errors import HostError

_Record = TypeVar("_Record")


def write_durably(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Writes to a temporary file beside `path`, flushes it to the disk, renames it, and flushes the folder."""
    fresh = path.with_name(f".{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def read_record(path: Path, kind: type[_Record]) -> _Record | None:
    """Reads a record, None when there is no such file.

    Raises `HostError` for one that can't be read or is damaged: that it is not known is not that there is none.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise HostError(
            f"The record {path} can't be read",
            detail=f"{error}. Nothing is done to what it is about.",
            remedy="Look at the disk of this host and at the file; write it anew, or remove it if nothing is left of "
            "the server or the device that it names.",
            code="record-unreadable",
        ) from error


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
