"""Makes disks with qemu-img."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from busway.domain.errors import HostError

_MAKE_SECONDS = 120.0
_FLATTEN_SECONDS = 6 * 3600.0
_LOOK_SECONDS = 0.5


def make_overlay(image: Path, image_format: str, disk: Path, size_gb: int) -> None:
    """Makes a qcow2 disk that reads from `image` and keeps what is written itself."""
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image), "-F", image_format, str(disk)]
    if size_gb:
        command.append(f"{size_gb}G")
    _run(command, disk, _MAKE_SECONDS, lambda: None)


def flatten(disk: Path, target: Path, breathe: Callable[[], None]) -> None:
    """Writes a qcow2 disk and all that it reads from into one qcow2 file; `breathe` is called while that goes on."""
    _run(["qemu-img", "convert", "-O", "qcow2", str(disk), str(target)], target, _FLATTEN_SECONDS, breathe)


def _run(command: list[str], made: Path, seconds: float, breathe: Callable[[], None]) -> None:
    deadline = time.monotonic() + seconds
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError as error:
        raise _failed(made, "qemu-img is not installed", "Install it (Debian: qemu-utils).") from error
    with process:
        while True:
            try:
                _, words = process.communicate(timeout=_LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired as error:
                if time.monotonic() > deadline:
                    process.kill()
                    words = f"qemu-img did not end in {seconds:.0f} s"
                    raise _failed(made, words, "Check the disk of this host.") from error
                breathe()
    if process.returncode != 0:
        raise _failed(made, words.strip(), "Check that the disk of this host has room.")


def _failed(disk: Path, words: str, remedy: str) -> HostError:
    return HostError(f"The disk {disk} could not be made", detail=words, remedy=remedy, code="disk-failed")
