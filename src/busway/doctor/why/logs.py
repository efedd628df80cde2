"""The logs of a host that `why` and the doctor read: the kernel's, of this boot, and the last lines of QEMU's and libvirt's.

A tree other than the running system has them as files: a snapshot keeps the lines that are known as `logs/kernel`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from busway.doctor.programs import ask_program
from busway.hardware.tree import list_names

SAVED = "busway-answers/kernel-log"
_FILES = ("var/log/libvirt/qemu", "var/log/libvirt")
_USUAL = ("var/log/fabricmanager.log", "var/log/nvidia-vgpu-mgr.log")
_KERNEL = ("var/log/kern.log", "var/log/dmesg")
_TAIL = 256 << 10  # bytes of each file
_RECORD = re.compile(r"^(\d+),\d+,(\d+),[^;]*;(.*)$")
_MOST = 65536  # records of the kernel's ring


@dataclass(frozen=True, slots=True)
class Logs:
    """The lines of a host's logs, the files that they came from, and what only root may read."""

    lines: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()


def read_logs(root: Path) -> Logs:
    """Reads the kernel's log first, then QEMU's, libvirt's and Fabric Manager's, the newest lines of each."""
    lines, files, denied = [], [], []
    for name, found in [_kernel(root), *(_tail(root, name) for name in _names(root))]:
        if found is None:
            denied.append(name)
        elif found:
            files.append(name)
            lines += found
    return Logs(tuple(lines), tuple(files), tuple(denied))


def _names(root: Path) -> list[str]:
    found = [f"{folder}/{name}" for folder in _FILES for name in list_names(root / folder) if name.endswith(".log")]
    return [*found, *(name for name in _USUAL if (root / name).is_file())]


def _kernel(root: Path) -> tuple[str, list[str] | None]:
    """The kernel's own log: of the running system from its ring, of another tree from a file."""
    saved = _tail(root, SAVED)
    if saved[1]:
        return saved
    if root == Path("/"):
        return _ring()
    return next((found for found in (_tail(root, name) for name in _KERNEL) if found[1]), ("", []))


def _ring() -> tuple[str, list[str] | None]:
    """Reads /dev/kmsg without waiting; without rights journalctl is asked, which members of adm may."""
    try:
        handle = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        text = ask_program(("journalctl", "--dmesg", "--boot", "--no-pager", "--quiet", "--output=short-monotonic"))
        return "/dev/kmsg", text.splitlines() if text else None
    try:
        return "/dev/kmsg", list(_records(handle))
    finally:
        os.close(handle)


def _records(handle: int) -> list[str]:
    lines: list[str] = []
    while len(lines) < _MOST:
        try:
            record = os.read(handle, 8192).decode("utf-8", "replace").partition("\n")[0]
        except BrokenPipeError:  # the record was overwritten while we read; the next call continues behind it
            continue
        except OSError:  # EAGAIN: no more records
            break
        match = _RECORD.match(record)
        if match:
            lines.append(f"[{int(match[2]) / 1e6:12.6f}] {match[3]}")
    return lines


def _tail(root: Path, name: str) -> tuple[str, list[str] | None]:
    """The last lines of a file: none when it is absent, None when only root may read it."""
    try:
        handle = os.open(root / name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        return f"/{name}", None
    except (OSError, ValueError):
        return f"/{name}", []
    try:
        size = os.fstat(handle).st_size
        text = os.pread(handle, _TAIL, max(size - _TAIL, 0)).decode("utf-8", "replace")
    except OSError:
        return f"/{name}", []
    finally:
        os.close(handle)
    lines = text.splitlines()
    return f"/{name}", lines[1:] if size > _TAIL else lines
