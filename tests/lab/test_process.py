from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.lab.process import Process


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    (tmp_path / "wanted").touch()
    process = Process(tmp_path)
    yield process
    process.kill()


def _start(process: Process, *argv: str) -> None:
    process.start(list(argv), unless_gone=process.folder / "wanted")


def test_a_started_program_is_known_by_its_pid(process: Process) -> None:
    _start(process, "sleep", "60")

    assert process.pid is not None
    assert Path(f"/proc/{process.pid}/cwd").resolve() == process.folder


def test_a_killed_program_is_gone(process: Process) -> None:
    _start(process, "sleep", "60")

    process.kill()

    assert process.pid is None


def test_a_recycled_pid_is_never_killed(process: Process) -> None:
    (process.folder / "process").write_text(f"{os.getpid()} 12345\n")

    process.kill()  # were the start time not looked at, this test would end here

    assert process.pid is None


def test_a_program_does_not_start_once_it_is_not_wanted(process: Process) -> None:
    (process.folder / "wanted").unlink()

    _start(process, "touch", "started")

    deadline = time.monotonic() + 1
    while time.monotonic() < deadline and not (process.folder / "started").exists():
        time.sleep(0.05)
    assert not (process.folder / "started").exists()


def test_what_the_program_says_is_kept(process: Process) -> None:
    _start(process, "sh", "-c", "echo could not open the disk >&2; exec sleep 60")

    deadline = time.monotonic() + 5
    log = process.folder / "output.log"
    while not log.read_text() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert log.read_text() == "could not open the disk\n"
