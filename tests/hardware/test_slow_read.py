"""Files that hang when they are read: the caller goes on, and what hangs is not asked for again until the kernel answers."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.hardware.slow_read import PROGRAM, SlowReader

# Stands for a driver that does not answer: a real one can't be had without the kernel's help.
HANGS = PROGRAM.replace(
    "def read(path, limit):", "def read(path, limit):\n    while path.endswith(b'/hangs'): import time; time.sleep(1)"
)


@pytest.fixture
def left() -> Iterator[list[subprocess.Popen[bytes]]]:
    """The children that the kernel does not let die, until the test says so."""
    children: list[subprocess.Popen[bytes]] = []
    yield children
    for child in children:
        child.kill()
        child.wait(10)


@pytest.fixture
def reader(left: list[subprocess.Popen[bytes]]) -> Iterator[SlowReader]:
    made = SlowReader(1.0, HANGS, left.append)
    yield made
    made.close()


def test_files_are_read_by_one_child_whatever_they_hold(tmp_path: Path, reader: SlowReader) -> None:
    contents = {"text": b"4\n", "empty": b"", "binary": bytes(range(256)), "long": b"x" * 70_000}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / "fifo")

    names = (*contents, "absent", "fifo", ".")
    found = dict(zip(names, reader.find_all([f"{tmp_path}/{name}" for name in names], ""), strict=True))

    assert found == {**contents, "long": b"x" * 65_536, "absent": None, "fifo": b"", ".": None}
    assert reader.find_all([f"{tmp_path}/binary"], "", 64) == [bytes(range(64))]


def test_a_file_that_hangs_costs_its_card_and_nothing_else_until_the_kernel_answers(
    tmp_path: Path, reader: SlowReader, left: list[subprocess.Popen[bytes]]
) -> None:
    for name in ("hangs", "other", "elsewhere"):
        (tmp_path / name).write_text("1")

    hung = reader.find_all([f"{tmp_path}/hangs"], "card")[0]
    began = len(left)
    same = reader.find_all([f"{tmp_path}/other"], "card")[0]
    another = reader.find_all([f"{tmp_path}/elsewhere"], "another card")[0]
    left[0].kill()
    left[0].wait(10)
    (tmp_path / "hangs").rename(tmp_path / "answers")
    after = reader.find_all([f"{tmp_path}/answers"], "card")[0]

    assert (hung, same, another, after) == (None, None, b"1", b"1")
    assert began == len(left) == 1  # one child hangs, and no second one at the same card


def test_a_child_that_somebody_ends_is_started_again(tmp_path: Path) -> None:
    reader = SlowReader()
    (tmp_path / "file").write_text("1")
    before = _children()
    reader.find_all([f"{tmp_path}/file"], "")[0]
    [child] = _children() - before
    os.kill(child, signal.SIGKILL)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)

    found = [reader.find_all([f"{tmp_path}/file"], "")[0] for _ in range(2)]
    reader.close()

    assert found[-1] == b"1"
    assert _children() == before


def test_threads_share_the_child(tmp_path: Path, reader: SlowReader) -> None:
    for number in range(20):
        (tmp_path / str(number)).write_text(str(number))
    found: dict[int, bytes | None] = {}

    def read(number: int) -> None:
        found[number] = reader.find_all([f"{tmp_path}/{number}"], "")[0]

    threads = [threading.Thread(target=read, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {number: str(number).encode() for number in range(20)}


def _children() -> set[int]:
    return {int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()}
