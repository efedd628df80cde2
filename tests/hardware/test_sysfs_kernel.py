"""The real verbs, on files that stand for the kernel's: what is written where, and what a blocked write does."""

import os
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import Holder, SysfsKernel
from busway.hardware.sysfs_write import write
from busway.testing.machines import Machine

GPU = PciAddress("0000:41:00.0")


@pytest.fixture
def folder(machine: Machine) -> Path:
    machine.gpu(str(GPU), group=10)
    (machine.root / "sys/bus/pci/drivers_probe").write_text("")
    (machine.root / "sys/bus/pci/drivers/nouveau/unbind").write_text("")
    return machine.root / "sys/bus/pci/devices" / str(GPU)


def test_the_verbs_write_what_the_kernel_reads(machine: Machine, folder: Path) -> None:
    kernel = SysfsKernel(machine.root)

    kernel.override(GPU, "vfio-pci")
    kernel.unbind(GPU)
    kernel.probe(GPU)
    done = kernel.reset(GPU)

    assert (folder / "driver_override").read_text() == "vfio-pci\n"
    assert (machine.root / "sys/bus/pci/drivers/nouveau/unbind").read_text() == f"{GPU}\n"
    assert (machine.root / "sys/bus/pci/drivers_probe").read_text() == f"{GPU}\n"
    assert done and (folder / "reset").read_text() == "1\n"


def test_an_empty_line_clears_the_override(machine: Machine, folder: Path) -> None:
    SysfsKernel(machine.root).override(GPU, "")

    assert (folder / "driver_override").read_text() == "\n"


def test_no_reset_file_means_no_reset_method(machine: Machine, folder: Path) -> None:
    (folder / "reset").unlink()

    assert SysfsKernel(machine.root).reset(GPU) is False


def test_a_write_that_blocks_ends_with_an_error_at_its_deadline(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "unbind")  # opening a FIFO that nobody reads blocks, as an unbind may

    with pytest.raises(HostError) as caught:
        write(tmp_path / "unbind", "0000:41:00.0", patience=0.3)

    assert caught.value.code == "kernel-blocked"


def test_the_kernels_own_words_are_kept(tmp_path: Path) -> None:
    (tmp_path / "probe").mkdir()

    with pytest.raises(HostError) as caught:
        write(tmp_path / "probe", "x", patience=5)

    assert (caught.value.code, caught.value.detail) == ("kernel-refused", "Is a directory")


def test_a_missing_file_is_a_refusal_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(HostError):
        write(tmp_path / "reset", "1", patience=5)

    assert not (tmp_path / "reset").exists()


def test_the_holders_of_a_group_are_found_by_their_open_files(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w"):
        real = SysfsKernel().holders(424242)
    files = tmp_path / "proc/77/fd"
    files.mkdir(parents=True)
    (files / "3").symlink_to("/dev/vfio/9")
    (files.parent / "comm").write_text("qemu\n")

    assert real == ()
    assert SysfsKernel(tmp_path).holders(9) == (Holder(77, "qemu"),)
