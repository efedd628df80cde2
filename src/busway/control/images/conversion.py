"""Converts disk images of users with qemu-img, within limits of memory, time and size.

If no format is given, qemu-img guesses it from the data, so that the owner of the image could make it open other
files of this machine. Therefore the source is a JSON description: its driver, one file, and no backing file
whatever the header says.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from busway.domain.errors import BadInput, BuswayError, Unavailable
from busway.domain.image_conversion import qemu_name
from busway.domain.limited_program import limited

MEMORY_BYTES = 1024**3
CPU_SECONDS = 1800
SECONDS = 2 * 3600
# The tables of a full qcow2 file, and its header; the data of a disk comes on top.
_TABLES_SHARE, _TABLES_BYTES = 256, 64 * 1024**2
_FILES = 64
_LOOK_SECONDS = 0.2
_WORDS_CHARACTERS = 1000
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Conversion:
    """One conversion; `virtual_size` is the size of the disk in bytes, `most_bytes` the limit of the new file."""

    source: Path
    source_format: str
    target: Path
    output_format: str
    virtual_size: int
    most_bytes: int


def convert(wanted: Conversion, watch: Callable[[], None]) -> None:
    """Writes the new file. `watch` is called repeatedly meanwhile; it stops the conversion by raising.

    Raises `BadInput` for data that can't be converted within the limits, `Unavailable` if qemu-img is missing.
    """
    if wanted.output_format == "raw" and wanted.virtual_size > wanted.most_bytes:
        raise _too_large(wanted)
    whole = wanted.virtual_size + wanted.virtual_size // _TABLES_SHARE + _TABLES_BYTES
    wanted.target.touch(mode=0o600)
    try:
        status, words = _run(_command(wanted, min(whole, wanted.most_bytes)), watch)
    except FileNotFoundError as error:
        raise _missing("prlimit", "util-linux") from error
    if status:
        raise _failed(wanted, status, words.replace(str(wanted.source), "FILE").replace(str(wanted.target), "NEW"))


def _command(wanted: Conversion, file_bytes: int) -> list[str]:
    source = {
        "driver": qemu_name(wanted.source_format),
        "backing": None,
        "file": {"driver": "file", "filename": str(wanted.source)},
    }
    limits = {"as": MEMORY_BYTES, "cpu": CPU_SECONDS, "fsize": file_bytes, "core": 0, "nofile": _FILES}
    return [
        "setpriv",  # what this process leaves behind when it is killed dies with it
        "--pdeathsig=KILL",
        "--",
        *limited(
            [
                "qemu-img",
                "convert",
                "-O",
                wanted.output_format,
                f"json:{json.dumps(source)}",
                str(wanted.target),
            ],
            limits,
        ),
    ]


def _run(command: list[str], watch: Callable[[], None]) -> tuple[int, str]:
    """Runs a program; returns its exit status and last output. Kills it if `watch` raises or the time is over."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_ENVIRONMENT,
        cwd="/",
        text=True,
        errors="replace",
    )
    deadline = time.monotonic() + SECONDS
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                _, words = child.communicate(timeout=_LOOK_SECONDS)
                return child.returncode, words.strip()[-_WORDS_CHARACTERS:]
            if time.monotonic() > deadline:
                raise BadInput(
                    f"The conversion did not end in {SECONDS} s",
                    remedy="Convert the image yourself: qemu-img convert -O qcow2 IN OUT",
                    code="image-conversion",
                )
            watch()
    except BaseException:
        child.kill()
        child.communicate()
        raise


def _failed(wanted: Conversion, status: int, words: str) -> BuswayError:
    if status == 127 and "qemu-img" in words:
        return _missing("qemu-img", "qemu-utils")
    if "File too large" in words or status in (-25, 153):
        return _too_large(wanted)
    reason = words or f"qemu-img ended with {status}"
    if status < 0:
        reason = f"qemu-img was ended by signal {-status}; it may use {CPU_SECONDS} s of CPU and {MEMORY_BYTES} bytes of memory. {words}"
    return BadInput(
        f"The {wanted.source_format} data could not be converted to {wanted.output_format}",
        detail=reason,
        remedy="Check the file with qemu-img check, or convert it yourself: qemu-img convert -O qcow2 IN OUT",
        code="image-conversion",
    )


def _too_large(wanted: Conversion) -> BadInput:
    return BadInput(
        f"The image would have more than {wanted.most_bytes} bytes as {wanted.output_format}",
        detail=f"Its disk has {wanted.virtual_size} bytes.",
        remedy="Delete images that nobody needs, make the disk smaller, or ask the operator for a larger quota.",
        code="image-conversion",
    )


def _missing(program: str, package: str) -> Unavailable:
    return Unavailable(
        f"{program} is not installed on the control plane",
        detail="Images of other formats can't be converted.",
        remedy=f"The operator installs it (Debian: {package}); until then upload qcow2.",
        code="image-conversion-missing",
    )
