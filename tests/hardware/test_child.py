"""A program runs with a deadline; one that does not end is never waited for."""

import subprocess
import time
from pathlib import Path

import pytest

from busway.hardware.child import run_child


def test_how_a_program_ended_and_what_it_said_is_told() -> None:
    ended = run_child(["sh", "-c", "cat >&2; exit 3"], 10, text="words\n")

    assert (ended.status, ended.words) == (3, "words")


def test_a_program_that_does_not_end_is_killed_at_its_deadline() -> None:
    begun = time.monotonic()

    with pytest.raises(subprocess.TimeoutExpired):
        run_child(["sleep", "60"], 0.2)

    assert time.monotonic() - begun < 10


def test_who_watches_may_end_it(tmp_path: Path) -> None:
    def watch() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        run_child(["sh", "-c", f"echo $$ > {tmp_path}/pid; exec sleep 60"], 60, watch=watch)

    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()
