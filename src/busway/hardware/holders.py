"""Who holds a device: the processes that have its files open, by pid and name, through /proc/*/fd."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from busway.hardware.function import Function
from busway.hardware.tree import find_link, raise_lack, read_text

_BAR_FILE = re.compile(r".*/([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])/resource[0-5](?:_wc)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a file of a device or of its IOMMU group open."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name or 'unnamed'} ({self.pid})"


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """The device files that processes have open: `by_path` from /dev/..., or from an address for a mapped BAR.

    `hidden` counts the processes whose files could not be read: with any, "nobody holds it" is not proven. Root sees all.
    """

    by_path: dict[str, tuple[Holder, ...]] = field(default_factory=dict)
    hidden: int = 0

    def holders(self, functions: Iterable[Function]) -> tuple[Holder, ...]:
        """The processes that hold any of the functions, by pid."""
        paths = {path for function in functions for path in (*function.nodes, str(function.address))}
        found = {holder for path in paths for holder in self.by_path.get(path, ())}
        return tuple(sorted(found, key=lambda holder: holder.pid))


def read_open_files(root: Path) -> OpenFiles:
    """Looks once through the open files of every process under `root`/proc; a process that ends meanwhile is left out."""
    found: dict[str, list[Holder]] = {}
    hidden = 0
    for pid in _pids(root):
        targets = _open_files(f"{root}/proc/{pid}/fd")
        if targets is None:
            hidden += 1
            continue
        paths = {path for path in map(_device_path, targets) if path}
        if paths:
            holder = Holder(pid, read_text(f"{root}/proc/{pid}/comm"))
            for path in paths:
                found.setdefault(path, []).append(holder)
    return OpenFiles({path: tuple(holders) for path, holders in found.items()}, hidden)


def _pids(root: Path) -> list[int]:
    try:
        names = os.listdir(f"{root}/proc")  # noqa: PTH208
    except OSError as error:
        raise_lack(error)
        return []
    return sorted(int(name) for name in names if re.fullmatch(r"[0-9]{1,9}", name, re.ASCII))


def _open_files(folder: str) -> list[str] | None:
    """Where the links of a process's fd folder point; [] only when it has ended, None when they can't be read."""
    try:
        with os.scandir(folder) as entries:
            return [find_link(entry.path) or "" for entry in entries]
    except (FileNotFoundError, ProcessLookupError):
        return []
    except OSError as error:
        raise_lack(error)
        return None


def _device_path(target: str) -> str:
    """What an open file says of devices: its path below /dev, the address of the function whose BAR it is, or ""."""
    if target.startswith("/dev/"):
        return target.removesuffix(" (deleted)")
    match = _BAR_FILE.fullmatch(target)
    return match[1] if match else ""
