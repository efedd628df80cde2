"""Runs the operator's program that cleans a device between two servers: with a deadline, its words bounded and kept."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.handover import Scrub

SCRUB_SECONDS = 600.0
MAX_OUTPUT = 4096
MAX_FILE = 1024**2  # a program that talks for ever fills no disk
_DYING = 5.0


def scrub(program: Path, address: PciAddress, seconds: float = SCRUB_SECONDS) -> Scrub:
    """Runs PROGRAM ADDRESS and waits for it; raises `HostError` with its last words unless it ends with 0 in time.

    The device is on no driver of the host and no guest has it. The program is the leader of a session of its own, which is
    ended whole when it takes too long.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as words:
        status = _run(program, address, seconds, words)
        output = _tail(words)
    took = round(time.monotonic() - began, 3)
    if status is None:
        raise _failed(address, program, f"It had not ended after {seconds:g} s and was killed.", output)
    if status != 0:
        raise _failed(address, program, f"It ended with {status}.", output)
    return Scrub(str(program), took, output)


def _run(program: Path, address: PciAddress, seconds: float, words: IO[bytes]) -> int | None:
    """The program's exit code, None for one that was killed."""
    command = ["prlimit", f"--fsize={MAX_FILE}", "--", str(program), str(address)]
    environment = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "BUSWAY_DEVICE": str(address)}
    try:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=words, stderr=words, env=environment, start_new_session=True
        )
    except OSError as error:
        raise _failed(address, program, f"It can't be started: {error.strerror}.", "") from error
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None
    finally:
        _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends whatever of the session is left; one that the kernel does not let die is left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_DYING)


def _tail(words: IO[bytes]) -> str:
    size = words.seek(0, os.SEEK_END)
    words.seek(max(0, size - MAX_OUTPUT))
    return words.read().decode(errors="replace").replace("\x00", "").strip()


def _failed(address: PciAddress, program: Path, what: str, output: str) -> HostError:
    said = f" Its last words: {output}" if output else ""
    return HostError(
        f"{program} did not clean {address}",
        detail=f"{what}{said}",
        remedy="Mend the program, or clean the device by hand and let the program see it; the agent tries again by itself.",
        code="scrub-failed",
    )
