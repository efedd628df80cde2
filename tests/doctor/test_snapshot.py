"""The doctor says of a snapshot what it says of the machine, so that a host can be examined elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from busway.cli.doctor import doctor
from busway.doctor import Wish, examine
from busway.hardware.snapshot import capture, unpack
from busway.testing.machines import Machine
from busway.testing.machines_named import NAMED
from tests.doctor.hosts import BROKEN, DEVICE, MEMORY, healthy, healthy_amd


@pytest.mark.parametrize("build", [healthy, healthy_amd, *NAMED.values()])
def test_a_machine_and_its_snapshot_get_the_same_report(tmp_path: Path, build: Callable[[Path], Machine]) -> None:
    build(tmp_path / "machine")

    capture(tmp_path / "machine", tmp_path / "file")

    assert examine(unpack(tmp_path / "file", tmp_path / "copy")) == examine(tmp_path / "machine")


@pytest.mark.parametrize("code", sorted(BROKEN))
def test_every_fault_is_seen_in_a_snapshot(tmp_path: Path, code: str) -> None:
    BROKEN[code](healthy(tmp_path / "machine"))
    wish = Wish(MEMORY.get(code))

    capture(tmp_path / "machine", tmp_path / "file", with_serials=True)
    copy = unpack(tmp_path / "file", tmp_path / "copy")

    assert examine(copy, DEVICE.get(code), wish=wish) == examine(tmp_path / "machine", DEVICE.get(code), wish=wish)


def test_the_command_reads_a_snapshot_and_does_not_change_one(tmp_path: Path) -> None:
    healthy(tmp_path / "machine")
    file = str(tmp_path / "file")
    capture(tmp_path / "machine", Path(file))

    read, applied = (CliRunner().invoke(doctor, ["--root", file, *more]) for more in ([], ["--apply"]))

    assert (read.exit_code, applied.exit_code) == (0, 2)
    assert read.output.splitlines()[-1].startswith("0000:41:00  ready  (")
    assert "can be read and not changed" in applied.output
