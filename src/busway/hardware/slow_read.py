"""Reads files that may hang: what a vendor's driver makes up when it is read, and what waits for the lock of a device.

`sriov_numvfs` and `driver_override` take that lock, which a bind, an unbind or a change of the VFs holds until the driver lets go; `config` waits for
the end of a reset; a driver whose card is sick may answer nothing for ever. A thread that waits in the kernel can't be ended, and its process neither. So one child reads
for this process, with a deadline; a child that hangs is left behind, and what it hangs at is not asked for again before it has ended.
"""

from __future__ import annotations

import atexit
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

_SECONDS = 10.0  # a driver needs less than one; a busy machine may keep the child waiting
_START_SECONDS = 60.0  # until an interpreter is there
_LIMIT = 1 << 16  # bytes
PROGRAM = """
import os, sys

def read(path, limit):
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", 0) as file:
        data = more = file.read(limit) or b""
        while more and len(data) < limit:
            data += (more := file.read(limit - len(data)) or b"")
        return data

def answer(path, limit):
    try:
        data = read(path, limit)
    except OSError:
        return b"-1\\n"
    return b"%d\\n" % len(data) + data

print(end=".", flush=True)
for line in sys.stdin.buffer:
    limit, *paths = line[:-1].split(b"\\0")
    sys.stdout.buffer.write(b"".join(answer(path, int(limit)) for path in paths))
    sys.stdout.buffer.flush()
"""
_Child = subprocess.Popen[bytes]


class SlowReader:
    """One child, started at the first need; for all threads of this process, one read at a time."""

    def __init__(
        self, seconds: float = _SECONDS, program: str = PROGRAM, kill: Callable[[_Child], None] = subprocess.Popen.kill
    ) -> None:
        self._seconds = seconds
        self._program = program
        self._kill = kill
        self._lock = threading.Lock()
        self._child: _Child | None = None
        self._hanging: dict[str, _Child] = {}

    def find_all(self, paths: Sequence[str], of: str, limit: int = _LIMIT) -> list[bytes | None]:
        """Reads at most `limit` bytes of each file; None for one that can't be read, and for all if one hangs. `of` names what hangs with it: a file, or a card."""
        nothing: list[bytes | None] = [None] * len(paths)
        with self._lock:
            self._hanging = {name: child for name, child in self._hanging.items() if child.poll() is None}
            if of in self._hanging or any("\n" in path or "\0" in path for path in paths):
                return nothing
            child = self._child or self._start()
            if child is None:
                return nothing
            try:
                return _ask(child, paths, limit, time.monotonic() + self._seconds)
            except TimeoutError:
                self._leave(child)
                self._hanging[of] = child
            except (OSError, ValueError):  # somebody has ended it; the next read starts another
                self._leave(child)
            return nothing

    def close(self) -> None:
        """Ends the child."""
        with self._lock:
            if self._child is not None:
                self._leave(self._child)

    def _start(self) -> _Child | None:
        """A child that is ready; None for one that is not within a minute."""
        command = [sys.executable, "-I", "-S", "-c", self._program]
        child = self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        try:
            _take(child, time.monotonic() + _START_SECONDS, 1)
        except OSError:
            self._leave(child)
            return None
        return child

    def _leave(self, child: _Child) -> None:
        self._child = None
        self._kill(child)
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()
        with suppress(subprocess.TimeoutExpired):  # the kernel does not let it die
            child.wait(1.0)


READER = SlowReader()
atexit.register(READER.close)


def find_bytes_slowly(path: str | Path, limit: int) -> bytes | None:
    """Reads the beginning of a file that may hang; None when it can't be read, or hangs."""
    return READER.find_all([str(path)], str(path), limit)[0]


def find_text_slowly(path: str | Path, of: str = "") -> str | None:
    """Reads a small text file that may hang, without the space around it; None when it can't be read, or hangs."""
    return find_texts_slowly([str(path)], of or str(path))[0]


def find_texts_slowly(paths: Sequence[str], of: str) -> list[str | None]:
    """Reads several files at once; if one hangs, all count as hanging."""
    found = READER.find_all(paths, of)
    return [None if data is None else data.decode("utf-8", errors="replace").strip() for data in found]


def _ask(child: _Child, paths: Sequence[str], limit: int, deadline: float) -> list[bytes | None]:
    """What the child answers; raises `TimeoutError`, or `OSError` for one that has ended."""
    assert child.stdin is not None
    os.write(child.stdin.fileno(), b"\0".join([str(limit).encode(), *map(os.fsencode, paths)]) + b"\n")
    found: list[bytes | None] = []
    received = b""
    while len(found) < len(paths):
        head, newline, rest = received.partition(b"\n")
        if newline and len(rest) >= int(head):
            size = int(head)
            found.append(rest[:size] if size >= 0 else None)
            received = rest[max(size, 0) :]
        else:
            received += _take(child, deadline, _LIMIT)
    return found


def _take(child: _Child, deadline: float, most: int) -> bytes:
    """The next bytes that a child prints; raises `TimeoutError`, or `OSError` for one that has ended."""
    assert child.stdout is not None
    answers = select.poll()
    answers.register(child.stdout, select.POLLIN)
    if not answers.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError
    data = os.read(child.stdout.fileno(), most)
    if not data:
        raise BrokenPipeError
    return data
