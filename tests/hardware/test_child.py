"""A program runs with a deadline; one that does not end is never waited for."""

import subprocess
import time
from pathlib import Path

import pytest

from busway.domain.errors import HostError
from busway.hardware import child
from busway.hardware.child import ask, run_child
from busway.hardware.fabric_manager import run_program


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


@pytest.mark.parametrize(
    ("command", "seconds", "words"),
    [
        (["sh", "-c", "echo printed; echo said >&2; exit 3"], 10, "It ended with 3: printed\nsaid"),
        (["sleep", "60"], 0.2, "It did not end within 0.2 s."),
        (["/no/such/program"], 10, "No such file or directory"),
    ],
)
def test_a_program_that_does_not_tell_says_why(command: list[str], seconds: float, words: str) -> None:
    with pytest.raises(OSError, match=words):
        ask(command, seconds)


def test_one_that_hangs_in_the_kernel_is_not_called_again_before_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """As nvidia-smi and fmpm hang on a sick card: each call would leave one more."""
    hanging = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    monkeypatch.setattr(child, "_left", [hanging])

    with pytest.raises(HostError, match="cat  failed") as refused:
        run_program("cat")([])
    hanging.communicate("")

    assert refused.value.detail == f"An earlier one hangs in the kernel still (process {hanging.pid})."
    assert run_program("cat")([]) == ""
