"""Makes disks with qemu-img."""

from __future__ import annotations

import subprocess
from pathlib import Path

from busway.domain.errors import HostError


def make_overlay(image: Path, image_format: str, disk: Path, size_gb: int) -> None:
    """Makes a qcow2 disk that reads from `image` and keeps what is written itself."""
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(image), "-F", image_format, str(disk)]
    if size_gb:
        command.append(f"{size_gb}G")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError as error:
        raise _failed(disk, "qemu-img is not installed", "Install it (Debian: qemu-utils).") from error
    except subprocess.TimeoutExpired as error:
        raise _failed(disk, "qemu-img did not end in 120 s", "Check the disk of this host.") from error
    if done.returncode != 0:
        raise _failed(disk, done.stderr.strip(), "Check that the disk of this host has room.")


def _failed(disk: Path, words: str, remedy: str) -> HostError:
    return HostError(f"The disk {disk} could not be made", detail=words, remedy=remedy, code="disk-failed")
