"""Makes disks with qemu-img."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from busway.domain.errors import HostError
from busway.hardware.child import run_child

_MAKE_SECONDS = 120.0
_FLATTEN_SECONDS = 6 * 3600.0


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
    try:
        ended = run_child(command, seconds, watch=breathe)
    except FileNotFoundError as error:
        raise _failed(made, "qemu-img is not installed", "Install it (Debian: qemu-utils).") from error
    except subprocess.TimeoutExpired as error:
        raise _failed(made, f"qemu-img did not end in {seconds:.0f} s", "Check the disk of this host.") from error
    if ended.status != 0:
        raise _failed(made, ended.words, "Check that the disk of this host has room.")


def _failed(disk: Path, words: str, remedy: str) -> HostError:
    return HostError(f"The disk {disk} could not be made", detail=words, remedy=remedy, code="disk-failed")
