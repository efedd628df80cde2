"""Writes one value to a sysfs file in a child process, so that a write the kernel blocks can't hang the caller.

An unbind waits inside the kernel until the driver lets go, which may be never, and such a thread can't be killed. In
a child of its own it costs this process neither its liveness nor its locks (they are not inherited).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from busway.domain.errors import HostError

_stuck: list[subprocess.Popen[str]] = []  # children that the kernel still holds; kept so that they can be reaped


def write(path: Path, value: str, patience: float) -> None:
    """Writes `value` and a newline to `path`.

    Raises `HostError` when the kernel refuses, or takes longer than `patience` seconds.
    """
    _stuck[:] = [child for child in _stuck if child.poll() is None]
    if not path.exists():
        raise _refused(path, value, "No such file or directory")
    child = subprocess.Popen(
        ["tee", str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "/usr/bin:/bin")},
    )
    try:
        _, words = child.communicate(value + "\n", timeout=patience)
    except subprocess.TimeoutExpired:
        child.kill()
        for pipe in (child.stdin, child.stderr):
            if pipe is not None:
                pipe.close()
        _stuck.append(child)
        raise _blocked(path, value, patience) from None
    if child.returncode != 0:
        raise _refused(path, value, words.strip().rpartition(": ")[2] or f"status {child.returncode}")


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
        detail="The driver does not let go of the device: a process uses it, or its reset hangs.",
        remedy="Find who uses it (`fuser -v /dev/vfio/* /dev/nvidia* /dev/dri/*`); reboot the host if nobody does.",
        code="kernel-blocked",
    )
