"""Ephemeral and swap disks: made with a file system, kept as long as the root disk is, and removed with it."""

import hashlib
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from busway.agent.blank_disk import make_blank
from busway.agent.image_format import backing_file, check_image, virtual_size
from busway.agent.qemu_img import flatten, make_overlay
from busway.domain.disk_role import DiskRole
from busway.domain.documents import DesiredServer, ImageRef
from busway.domain.errors import HostError
from busway.domain.guest_machine import Machine
from busway.domain.ids import ImageId
from busway.testing.stage import ONE, Stage, desired_server

needs_makers = pytest.mark.skipif(
    not all(map(shutil.which, ("qemu-img", "mkfs.ext4", "mkswap"))), reason="needs qemu-img, mkfs.ext4 and mkswap"
)
BOTH = Machine(ephemeral_gb=2, swap_mb=64)


def raw(disk: Path) -> Path:
    made = disk.with_suffix(".plain")
    subprocess.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", disk, made], check=True)
    return made


def _start(disk: Path) -> bytes:
    with disk.open("rb") as file:
        return file.read(1 << 20)


@needs_makers
def test_an_ephemeral_disk_has_a_file_system_with_the_label_that_cloud_init_looks_for(tmp_path: Path) -> None:
    disk = tmp_path / "ephemeral.qcow2"

    make_blank(DiskRole.EPHEMERAL, disk, 1024)

    assert virtual_size(disk, "qcow2") == 1 << 30
    assert disk.stat().st_size < 64 << 20 and disk.stat().st_mode & 0o777 == 0o600
    with raw(disk).open("rb") as file:
        file.seek(1024)
        block = file.read(1024)
    assert block[56:58] == struct.pack("<H", 0xEF53) and block[120:136].rstrip(b"\0") == b"ephemeral0"
    assert subprocess.run(["e2fsck", "-fn", disk.with_suffix(".plain")], capture_output=True).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ephemeral.plain", "ephemeral.qcow2"]


@needs_makers
def test_a_swap_disk_is_a_swap_area(tmp_path: Path) -> None:
    disk = tmp_path / "swap.qcow2"

    make_blank(DiskRole.SWAP, disk, 64)

    assert virtual_size(disk, "qcow2") == 64 << 20
    with raw(disk).open("rb") as file:
        assert file.read(4096)[-10:] == b"SWAPSPACE2"


@needs_makers
def test_a_disk_that_can_not_be_made_says_why_and_leaves_no_raw_file(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="could not be made") as caught:
        make_blank(DiskRole.EPHEMERAL, tmp_path / "tiny.qcow2", 0)

    assert "mkfs.ext4" in caught.value.detail
    assert list(tmp_path.glob("*.raw")) == []


def files(stage: Stage) -> dict[str, str]:
    """What is in the disks of the server's roles."""
    folder = stage.state.folder(ONE)
    found = [*folder.glob("ephemeral*.qcow2"), *folder.glob("swap*.qcow2")] if folder.exists() else []
    return {path.name.removesuffix(".qcow2"): path.read_text() for path in sorted(found)}


def desire(stage: Stage, server: DesiredServer, **changes: object) -> DesiredServer:
    wanted = replace(server, **changes)  # type: ignore[arg-type]
    stage.desire(wanted)
    stage.settle(stage.agent())
    assert stage.link.last.servers[0].fault is None
    return wanted


def test_disks_are_made_and_stay_through_stop_start_and_reboot(stage: Stage) -> None:
    server = desire(stage, desired_server(ONE), machine=BOTH)
    assert files(stage) == {"ephemeral": "ephemeral of 2048 MB", "swap": "swap of 64 MB"}
    [(_, path)] = [(role, path) for role, path in stage.state.files(ONE).extras.items() if role is DiskRole.EPHEMERAL]
    path.write_text("written by the guest")

    server = desire(stage, server, powered=False)
    server = desire(stage, server, powered=True, starts=2)
    desire(stage, server, reboots=1, hard_reboot=True)

    assert files(stage)["ephemeral"] == "written by the guest"


def test_a_rebuild_makes_them_anew(stage: Stage) -> None:
    server = desire(stage, desired_server(ONE), machine=BOTH)
    stage.state.files(ONE).disk_of(DiskRole.EPHEMERAL).write_text("written by the guest")

    desire(stage, server, disks=(2,), starts=2)

    assert files(stage) == {"ephemeral-2": "ephemeral of 2048 MB", "swap-2": "swap of 64 MB"}


def test_a_resize_keeps_what_is_on_the_ephemeral_disk_and_its_revert_gives_it_back_as_it_was(stage: Stage) -> None:
    server = desire(stage, desired_server(ONE), machine=BOTH)
    stage.state.files(ONE).disk_of(DiskRole.EPHEMERAL).write_text("written by the guest")
    server = desire(stage, server, powered=False)

    larger = Machine(ephemeral_gb=4, swap_mb=128)
    resized = desire(stage, server, powered=True, disks=(1, 2), starts=2, machine=larger)
    assert files(stage) == {
        "ephemeral": "written by the guest",
        "ephemeral-2": "written by the guest",  # the stand-in for an overlay copies
        "swap-2": "swap of 128 MB",
    }
    stage.state.files(ONE, 2).disk_of(DiskRole.EPHEMERAL).write_text("written after the resize")

    desire(stage, desire(stage, resized, powered=False), powered=True, disks=(1,), starts=3, machine=BOTH)
    assert files(stage) == {"ephemeral": "written by the guest", "swap": "swap of 64 MB"}


UP, UP_EXTRA = ImageId("snapshot"), ImageId("snapshot-ephemeral")


def test_both_disks_of_a_server_that_moves_are_handed_in_once(stage: Stage) -> None:
    server = desire(stage, desired_server(ONE), machine=BOTH)
    stage.state.files(ONE).disk.write_text("root")
    stage.state.files(ONE).disk_of(DiskRole.EPHEMERAL).write_text("written by the guest")
    server = desire(stage, server, powered=False)

    desire(stage, server, upload=UP, upload_ephemeral=UP_EXTRA)

    assert stage.link.uploads == {UP: b"root", UP_EXTRA: b"written by the guest"}
    record = stage.state.record(ONE)
    assert (record.uploaded, record.uploaded_ephemeral) == (UP, UP_EXTRA)


def test_a_disk_that_came_from_another_host_is_a_layer_on_its_image_and_a_rebuild_leaves_that(stage: Stage) -> None:
    data = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 0, 0, 16, 2 << 30).ljust(104, b"\0") + b"written on another host"
    image = ImageRef(ImageId("ephemeral"), hashlib.sha256(data).hexdigest(), len(data), "qcow2")
    stage.link.images[image.id] = data

    server = desire(stage, desired_server(ONE), disks=(2,), machine=BOTH, ephemeral_image=image)

    assert stage.state.files(ONE, 2).disk_of(DiskRole.EPHEMERAL).read_bytes() == data
    desire(stage, server, disks=(3,), starts=2, ephemeral_image=None)
    assert files(stage) == {"ephemeral-3": "ephemeral of 2048 MB", "swap-3": "swap of 64 MB"}


@needs_makers
def test_a_larger_layer_reads_from_the_one_below(tmp_path: Path) -> None:
    below, above = tmp_path / "ephemeral.qcow2", tmp_path / "ephemeral-2.qcow2"
    make_blank(DiskRole.EPHEMERAL, below, 1024)

    make_overlay(below, "qcow2", above, 2)

    assert (virtual_size(above, "qcow2"), backing_file(above)) == (2 << 30, str(below))


@needs_makers
def test_a_disk_that_travels_is_the_same_file_system_in_a_larger_disk(tmp_path: Path) -> None:
    lowest, upper = tmp_path / "ephemeral.qcow2", tmp_path / "ephemeral-2.qcow2"
    image, arrived = tmp_path / "image", tmp_path / "ephemeral-3.qcow2"
    make_blank(DiskRole.EPHEMERAL, lowest, 1024)
    make_overlay(lowest, "qcow2", upper, 1)

    flatten(upper, image, lambda: None)
    check_image(image, "qcow2")
    make_overlay(image, "qcow2", arrived, 2)

    assert (virtual_size(arrived, "qcow2"), backing_file(image)) == (2 << 30, "")
    assert _start(raw(arrived)) == _start(raw(lowest))
    assert subprocess.run(["e2fsck", "-fn", raw(arrived)], capture_output=True).returncode == 0


def test_a_delete_leaves_nothing(stage: Stage) -> None:
    desire(stage, desired_server(ONE), machine=BOTH)
    stage.desire(absent=(ONE,))
    stage.settle(stage.agent())

    assert files(stage) == {} and not stage.state.folder(ONE).exists()


def test_a_flavor_without_them_has_none_any_more(stage: Stage) -> None:
    server = desire(stage, desired_server(ONE), machine=BOTH)
    server = desire(stage, server, powered=False)

    desire(stage, server, powered=True, disks=(1, 2), starts=2, machine=Machine(ephemeral_gb=2))

    assert sorted(files(stage)) == ["ephemeral", "ephemeral-2"]
