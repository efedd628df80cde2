"""Writes one value to a sysfs file in a child process, so that a write the kernel blocks can't hang the caller.

An unbind waits inside the kernel until the driver lets go, which may be never, and such a thread can't be killed. In
a child of its own it costs this process neither its liveness nor its locks (they are not inherited). The kernel still
completes the write as soon as it can. Until the child is gone, the state of the device is unknown. The child carries
the name of the device in its environment, so that it is found again, also by a later agent.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from busway.domain.errors import HostError
from busway.hardware.child import run_child
from busway.hardware.tree import find_bytes, list_names, read_text

_MARK = "BUSWAY_WRITES_FOR"
_PROGRAM = "tee"


def write(path: Path, value: str, patience: float, device: str = "") -> None:
    """Writes `value` and a newline to `path`.

    Raises `HostError`: `kernel-refused`, or `kernel-blocked` when it takes longer than `patience` seconds.
    """
    if not path.exists():
        raise _refused(path, value, "No such file or directory")
    environment = {"LC_ALL": "C", "PATH": os.environ.get("PATH", "/usr/bin:/bin"), _MARK: device}
    try:
        ended = run_child([_PROGRAM, str(path)], patience, text=f"{value}\n", environment=environment)
    except subprocess.TimeoutExpired:
        raise _blocked(path, value, patience) from None
    if ended.status != 0:
        raise _refused(path, value, ended.words.rpartition(": ")[2] or f"status {ended.status}")


def find_writers(device: str) -> tuple[int, ...]:
    """Finds the processes on this machine that still write for a device; a zombie is one no more."""
    wanted = f"{_MARK}={device}".encode()
    found = [
        int(name)
        for name in list_names("/proc")
        if name.isdecimal()
        and read_text(f"/proc/{name}/comm") == _PROGRAM
        and wanted in (find_bytes(f"/proc/{name}/environ") or b"").split(b"\0")
    ]
    return tuple(found)


def _refused(path: Path, value: str, words: str) -> HostError:
    return HostError(
        f"The kernel refused '{value}' in {path}",
        detail=words,
        remedy="Read `dmesg` for the kernel's own reason.",
        code="kernel-refused",
    )


def _blocked(path: Path, value: str, patience: float) -> HostError:
    return HostError(
        f"The kernel did not finish writing '{value}' to {path} in {patience:g} s",
        detail="The driver does not release the device: a process uses it, or its reset hangs.",
        remedy="Find the process that uses it (`fuser -v /dev/vfio/* /dev/nvidia* /dev/dri/*`); if there is none, "
        "reboot the host.",
        code="kernel-blocked",
    )
