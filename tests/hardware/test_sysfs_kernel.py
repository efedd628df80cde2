"""The real verbs, on files that stand for the kernel's: what is written where, and what a blocked write does."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from busway.domain.address import PciAddress
from busway.domain.errors import HostError
from busway.hardware import Holder, SysfsKernel
from busway.hardware.holders import read_open_files
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
    files = tmp_path / "proc/77/fd"
    files.mkdir(parents=True)
    (files / "3").symlink_to("/dev/vfio/9")
    (files.parent / "comm").write_text("qemu\n")

    assert read_open_files(tmp_path).by_path["/dev/vfio/9"] == (Holder(77, "qemu"),)
    assert "/dev/vfio/424242" not in read_open_files(Path("/")).by_path


def test_who_writes_for_a_device_is_found_until_it_has_ended(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "unbind")
    seen: list[tuple[int, ...]] = []
    kernel = SysfsKernel(tmp_path)

    with pytest.raises(HostError), watching(lambda: seen.append(kernel.unfinished(GPU))):
        write(tmp_path / "unbind", "x", 1.0, str(GPU))

    assert any(len(pids) == 1 for pids in seen)
    assert kernel.unfinished(GPU) == kernel.unfinished(PciAddress("0000:42:00.0")) == ()


@contextmanager
def watching(look: Callable[[], object]) -> Iterator[None]:
    """Looks again and again from another thread."""
    end = threading.Event()

    def go_on() -> None:
        while not end.wait(0.02):
            look()

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()
