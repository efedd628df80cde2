"""The doctor says of a snapshot what it says of the machine, so that a host can be examined elsewhere."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from busway.cli.doctor import doctor
from busway.cli.main import main
from busway.doctor import Wish, examine
from busway.doctor.saved import gather_answers
from busway.hardware.snapshot import capture, unpack
from busway.testing.machines import Machine
from busway.testing.machines_named import NAMED
from tests.doctor.hosts import BROKEN, DEVICE, GPU, INSIDE, MEMORY, healthy, healthy_amd
from tests.sample import one_in


@pytest.mark.parametrize("build", [healthy, healthy_amd, *NAMED.values()])
def test_a_machine_and_its_snapshot_get_the_same_report(tmp_path: Path, build: Callable[[Path], Machine]) -> None:
    build(tmp_path / "machine")

    capture(tmp_path / "machine", tmp_path / "file")

    assert examine(unpack(tmp_path / "file", tmp_path / "copy")) == examine(tmp_path / "machine")


NOT_KEPT = {"rom-not-uefi"}  # a ROM is read by writing to it first, and is its maker's


@pytest.mark.parametrize("code", one_in(5, sorted(set(BROKEN) - NOT_KEPT)))
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


def test_nothing_private_is_in_the_logs_and_answers_of_a_snapshot(tmp_path: Path) -> None:
    machine = healthy(tmp_path / "machine")
    uuid, mac = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001", "52:54:00:aa:00:01"
    known = f"vfio /sys/bus/mdev/devices/{uuid}: no such host device"
    log = f"[  1.0] secret words of somebody\n{known}\n[  2.0] e1000 {mac} up\n"
    machine.write("busway-answers/kernel-log", log)
    machine.write("busway-answers/nvidia-smi", f"00000000:41:00.0, 570.86.15, Enabled, GPU-{uuid}")
    (machine.folder(GPU) / "vpd").write_bytes(b"SN1234567890 SW_MNG")
    file = tmp_path / "snapshot.tar.gz"

    done = CliRunner().invoke(main, ["snapshot", "--root", str(tmp_path / "machine"), "--output", str(file)])
    copy = unpack(file, tmp_path / "copy")

    texts = b"\n".join(path.read_bytes() for path in copy.rglob("*") if path.is_file() and not path.is_symlink())
    assert done.exit_code == 0
    for private in (uuid, mac, "secret words", "SN1234567890"):
        assert private.encode() not in texts
    assert not re.search(
        rb"-----BEGIN [A-Z ]*PRIVATE KEY|(?<![0-9a-f:])(?:[1-9a-f][0-9a-f]:){5}[0-9a-f]{2}(?![0-9a-f:])", texts
    )
    assert "mig-left-on" in {one.code for one in examine(copy).findings}
