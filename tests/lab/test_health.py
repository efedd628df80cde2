from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.lab.errors import LabDied, LabHung
from busway.lab.health import Watch, ready_within
from busway.lab.process import Process


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of a machine whose QEMU runs and that counts as hung after 30 s."""
    monkeypatch.setenv("BUSWAY_LAB_HUNG_AFTER", "30")
    (tmp_path / "share").mkdir()
    (tmp_path / "console.log").write_text("busway-lab: booted\n")
    Process(tmp_path).start(["sleep", "60"], unless_gone=tmp_path)
    yield tmp_path
    Process(tmp_path).kill()


def _beat(folder: Path, seconds_ago: float) -> None:
    beat = folder / "share" / "heartbeat"
    beat.write_text("12.5")
    os.utime(beat, (time.time() - seconds_ago,) * 2)


def test_a_machine_that_beats_is_well(folder: Path) -> None:
    _beat(folder, seconds_ago=1)

    Watch("gpu-host-1", folder, grace=0)()


def test_a_dead_qemu_is_told_with_the_last_words_of_the_console(folder: Path) -> None:
    Process(folder).kill()

    with pytest.raises(LabDied, match="gpu-host-1 died") as caught:
        Watch("gpu-host-1", folder)()

    assert "busway-lab: booted" in caught.value.detail


def test_a_panic_is_death(folder: Path) -> None:
    (folder / "console.log").write_text("Kernel panic - not syncing: no init\n")

    with pytest.raises(LabDied, match="panic"):
        Watch("gpu-host-1", folder)()


def test_a_silent_machine_is_hung(folder: Path) -> None:
    _beat(folder, seconds_ago=31)

    with pytest.raises(LabHung, match="no sign of life for 30 s"):
        Watch("gpu-host-1", folder, grace=0)()


def test_a_machine_that_boots_has_more_time(folder: Path) -> None:
    watch = Watch("gpu-host-1", folder)
    watch._since -= 59

    watch()
    watch._since -= 1

    with pytest.raises(LabHung, match="no sign of life for 60 s"):
        watch()


def test_more_patience_with_a_silent_machine_is_more_time_for_its_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUSWAY_LAB_HUNG_AFTER", "90")
    usual = ready_within()

    monkeypatch.setenv("BUSWAY_LAB_HUNG_AFTER", "300")

    assert (usual, ready_within()) == (240, 600)


def test_a_silent_machine_may_prove_itself_alive_once_more(folder: Path) -> None:
    _beat(folder, seconds_ago=3600)
    watch = Watch("gpu-host-1", folder)

    watch()
    _beat(folder, seconds_ago=0)
    (folder / "share" / "heartbeat").write_text("14.5")

    watch()


def test_a_soft_lockup_shortens_the_patience(folder: Path) -> None:
    (folder / "console.log").write_text("watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\n")
    _beat(folder, seconds_ago=11)

    with pytest.raises(LabHung):
        Watch("gpu-host-1", folder, grace=0)()
