"""Runs a command by ssh in a guest of a lab host, and tries again while no connection comes about."""

import subprocess
import time
from pathlib import Path

from busway.domain.errors import BuswayError

# Options of ssh for a guest of the lab: each has a new host key, so there is none to compare.
ANY_HOST_KEY = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
_TRY_SECONDS = 30  # after which one try is given up; QEMU's user network would take 75 s to say that nobody answers
_PATIENCE_SECONDS = 180  # how long a guest that is ready may take to let ssh in
_COMMAND_SECONDS = 120
_NO_CONNECTION = 255  # exit code of ssh itself


def run_in_guest(port: int, key: Path, command: str, data: bytes = b"", patience: float = _PATIENCE_SECONDS) -> str:
    """What `command`, which reads `data`, printed to stdout in the guest that is behind `port` of 127.0.0.1.

    Raises `BuswayError` with each try and its time when the command fails, or when no connection came about for
    `patience` seconds. The guest of an emulated host is slow, and its first connection may be cut.
    """
    options = [*ANY_HOST_KEY, "-o", f"ConnectTimeout={_TRY_SECONDS}"]
    words = ["ssh", "-i", str(key), *options, "-p", str(port), "root@127.0.0.1"]
    start = time.monotonic()
    tries: list[str] = []
    while True:
        done = subprocess.run([*words, command], input=data, capture_output=True, check=False, timeout=_COMMAND_SECONDS)
        if done.returncode == 0:
            return done.stdout.decode()
        seconds = time.monotonic() - start
        tries.append(f"{seconds:.0f} s: exit code {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
        if done.returncode != _NO_CONNECTION or seconds > patience:
            raise BuswayError(f"Failed in the guest: {command}", detail="\n".join(tries), code="demo-failed")
        time.sleep(1)
