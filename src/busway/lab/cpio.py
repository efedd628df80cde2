"""Archives in the form the Linux kernel unpacks as an initramfs (cpio "newc"), written without being root."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class _Entry:
    mode: int
    data: bytes


class Archive:
    """A tree of files being built; the parents of a path are added automatically."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def folder(self, path: str) -> None:
        """Add a folder."""
        self._add(path, stat.S_IFDIR | 0o755, b"")

    def file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Add a file."""
        self._add(path, stat.S_IFREG | mode, data)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def copy(self, path: str, source: Path) -> None:
        """Add the file at `source` (followed where it is a link), with its permissions."""
        self.file(path, source.read_bytes(), stat.S_IMODE(source.stat().st_mode))

    def _add(self, path: str, mode: int, data: bytes) -> None:
        for parent in reversed(Path(path).parents):
            if str(parent) not in (".", "/"):
                self._entries.setdefault(str(parent), _Entry(stat.S_IFDIR | 0o755, b""))
        self._entries[path] = _Entry(mode, data)

    def pack(self) -> bytes:
        """Write the archive; the same tree gives the same bytes."""
        parts = [_record(n, path, entry) for n, (path, entry) in enumerate(self._entries.items(), start=1)]
        return b"".join([*parts, _record(0, "TRAILER!!!", _Entry(0, b""))])


def _record(inode: int, path: str, entry: _Entry) -> bytes:
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    name = path.encode() + b"\0"
    fields = (inode, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + name) + _padded(entry.data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
