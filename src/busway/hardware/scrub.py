"""Runs the operator's program that cleans a device between two servers: with a deadline, its words bounded and kept."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.domain.handover import Scrub

SCRUB_SECONDS = 600.0
MAX_OUTPUT = 4096
_LOOK = 0.5
_DYING = 5.0


def scrub(
    program: Path,
    address: PciAddress,
    seconds: float = SCRUB_SECONDS,
    check_cancelled: Callable[[], None] = lambda: None,
) -> Scrub:
    """Runs PROGRAM ADDRESS and waits for it; raises `HostError` with its last words unless it ends with 0 in time.

    The device is on no driver of the host and no guest has it. `check_cancelled` is called now and then meanwhile. The
    program leads a session of its own, of which nothing is left when this returns.
    """
    began = time.monotonic()
    child = _start(program, address)
    words = bytearray()
    ear = threading.Thread(target=_listen, args=(child.stdout, words), daemon=True)
    ear.start()
    try:
        in_time = _wait(child, began + seconds, check_cancelled)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        wait_or_kill(child, _DYING)
        ear.join(_DYING)
    output = bytes(words).decode(errors="replace").replace("\x00", "").strip()
    if not in_time:
        raise _failed(address, program, f"It had not ended after {seconds:g} s and was killed.", output)
    if child.returncode != 0:
        raise _failed(address, program, f"It ended with {child.returncode}.", output)
    return Scrub(str(program), round(time.monotonic() - began, 3), output)


def _start(program: Path, address: PciAddress) -> subprocess.Popen[bytes]:
    environment = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), "BUSWAY_DEVICE": str(address)}
    try:
        return subprocess.Popen(
            [str(program), str(address)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
    except OSError as error:
        raise _failed(address, program, f"It can't be started: {error.strerror}.", "") from error


def _wait(child: subprocess.Popen[bytes], deadline: float, check_cancelled: Callable[[], None]) -> bool:
    """True when the child ended before the deadline."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            child.wait(min(left, _LOOK))
        except subprocess.TimeoutExpired:
            check_cancelled()
        else:
            return True
    return False


def _listen(pipe: IO[bytes] | None, words: bytearray) -> None:
    """Keeps the end of what a program says, so that one that talks for ever fills neither memory nor disk."""
    if pipe is None:
        return
    with pipe:
        while piece := pipe.read1(4096):  # type: ignore[attr-defined]
            words += piece
            del words[:-MAX_OUTPUT]


def wait_or_kill(child: subprocess.Popen[bytes], seconds: float) -> bool:
    """Waits for a child; one that takes too long is killed, and False is returned.

    One that the kernel does not let die is left behind: whoever waited for it would hang as well.
    """
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_DYING)
        return False
    return True


def _failed(address: PciAddress, program: Path, what: str, output: str) -> HostError:
    last_words = f" Its last words: {output}" if output else ""
    return HostError(
        f"{program} did not clean {address}",
        detail=f"{what}{last_words}",
        remedy="Fix the program, or clean the device by hand so that the program succeeds; the agent retries "
        "automatically.",
        code="scrub-failed",
    )
