"""`down` against machines whose QEMU is a shell script: fast, and the same code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from busway.lab import Lab, LabBusy, LabDied
from busway.lab.host import create
from busway.lab.machine import Machine

_STARTER = """
import sys, time
from pathlib import Path
from busway.lab.host import create
from busway.lab.machine import Machine
host = create(Path(sys.argv[1]) / "gpu-host-1", Machine(1))
host.start()
print("started", flush=True)
time.sleep(60)
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    programs = tmp_path / "bin"
    programs.mkdir()
    qemu = programs / "qemu-system-x86_64"
    qemu.write_text("#!/bin/sh\nexec sleep 60\n")
    qemu.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    state = tmp_path / ".busway" / "lab"
    state.mkdir(parents=True)
    return state


def test_down_after_the_starter_was_killed_leaves_no_process_and_no_file(state: Path) -> None:
    starter = subprocess.Popen([sys.executable, "-c", _STARTER, str(state)], stdout=subprocess.PIPE)
    assert starter.stdout and starter.stdout.readline() == b"started\n"
    starter.send_signal(signal.SIGKILL)
    starter.wait(10)
    starter.stdout.close()
    lab = Lab(state)
    pid = lab.host()._process.pid
    assert pid is not None

    lab.down()

    assert _has_ended(pid)
    assert not state.parent.exists()


def _has_ended(pid: int) -> bool:
    """Whether the process is gone, or only waits for its parent to look."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_down_twice_and_down_of_nothing_are_no_errors(tmp_path: Path) -> None:
    lab = Lab(tmp_path / "never")

    lab.down()
    lab.down()

    assert lab.hosts() == []


def test_down_leaves_a_folder_that_is_not_its_own(state: Path) -> None:
    (state.parent / "control.db").touch()

    Lab(state).down()

    assert [path.name for path in state.parent.iterdir()] == ["control.db"]


def test_starting_a_running_machine_changes_nothing(state: Path) -> None:
    host = create(state / "gpu-host-1", Machine(1))
    host.start()
    pid = host._process.pid

    host.start()

    assert host._process.pid == pid
    Lab(state).down()


def test_an_up_that_was_taken_down_meanwhile_starts_nothing(state: Path) -> None:
    lab = Lab(state)
    generation = lab._claim({"gpus": 4, "hosts": 1})

    lab.down()

    with pytest.raises(LabDied, match="taken down"):
        lab._still(generation)


def test_a_lab_of_another_shape_is_refused(state: Path) -> None:
    lab = Lab(state)
    lab._claim({"gpus": 4, "hosts": 1})
    create(state / "gpu-host-1", Machine(1))

    with pytest.raises(LabBusy) as caught:
        lab._claim({"gpus": 2, "hosts": 1})

    assert caught.value.remedy == "Run busway lab down, then try again"
    lab.down()


def test_an_up_that_failed_before_any_host_binds_nobody(state: Path) -> None:
    lab = Lab(state)
    lab._claim({"gpus": 4, "hosts": 1})

    generation = lab._claim({"gpus": 2, "hosts": 1})

    lab._still(generation)
