"""The doctor says of a snapshot what it says of the machine, so that a host can be examined elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from busway.cli.doctor import doctor
from busway.doctor import Wish, examine
from busway.doctor.saved import gather_answers
from busway.hardware.snapshot import capture, unpack
from busway.testing.machines import Machine
from busway.testing.machines_named import NAMED
from tests.doctor.hosts import BROKEN, DEVICE, INSIDE, MEMORY, healthy, healthy_amd


@pytest.mark.parametrize("build", [healthy, healthy_amd, *NAMED.values()])
def test_a_machine_and_its_snapshot_get_the_same_report(tmp_path: Path, build: Callable[[Path], Machine]) -> None:
    build(tmp_path / "machine")

    capture(tmp_path / "machine", tmp_path / "file")

    assert examine(unpack(tmp_path / "file", tmp_path / "copy")) == examine(tmp_path / "machine")


NOT_KEPT = {"rom-not-uefi"}  # a ROM is read by writing to it first, and is its maker's


@pytest.mark.parametrize("code", sorted(set(BROKEN) - NOT_KEPT))
def test_every_fault_is_seen_in_a_snapshot(tmp_path: Path, code: str) -> None:
    BROKEN[code](healthy(tmp_path / "machine"))
    wish = Wish(MEMORY.get(code))

    answers = gather_answers(tmp_path / "machine")
    capture(tmp_path / "machine", tmp_path / "file", with_serials=True, answers=answers)
    copy = unpack(tmp_path / "file", tmp_path / "copy")

    of_copy, of_machine = (
        examine(root, DEVICE.get(code), wish=wish, inside=code in INSIDE) for root in (copy, tmp_path / "machine")
    )
    assert of_copy == of_machine


def test_the_command_reads_a_snapshot_and_does_not_change_one(tmp_path: Path) -> None:
    healthy(tmp_path / "machine")
    file = str(tmp_path / "file")
    capture(tmp_path / "machine", Path(file))

    read, applied = (CliRunner().invoke(doctor, ["--root", file, *more]) for more in ([], ["--apply"]))

    assert (read.exit_code, applied.exit_code) == (0, 2)
    assert read.output.splitlines()[-1].startswith("0000:41:00  ready  (")
    assert "can be read and not changed" in applied.output
