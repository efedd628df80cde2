import base64
import hashlib
import io
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pycdlib
import pytest

from busway.agent.config_drive import config_drive_iso
from busway.agent.image_format import backing_file, check_image, virtual_size
from busway.agent.qemu_img import Bounds, flatten, make_overlay, within
from busway.api.compute.server_create import check_user_data
from busway.domain.documents import ConfigDrive
from busway.domain.errors import HostError
from busway.testing.stage import ONE, Stage, desired_server

needs_qemu_img = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-img")


def qcow2(*, backing: int = 0, features: int = 0, size: int = 1 << 30) -> bytes:
    opening = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, backing, 0, 16, size)
    return opening.ljust(72, b"\0") + struct.pack(">Q", features) + bytes(24)


def read(iso: bytes, path: str) -> bytes:
    drive, out = pycdlib.PyCdlib(), io.BytesIO()
    drive.open_fp(io.BytesIO(iso))
    drive.get_file_from_iso_fp(out, rr_path=path)
    drive.close()
    return out.getvalue()


def test_the_config_drive_says_what_it_should_under_the_label_that_guests_look_for() -> None:
    user_data = b"#cloud-config\n" * 500

    iso = config_drive_iso(ConfigDrive('{"uuid": "é"}', '{"links": []}', base64.b64encode(user_data).decode()))

    assert read(iso, "/openstack/latest/meta_data.json") == '{"uuid": "é"}'.encode()
    assert read(iso, "/openstack/latest/network_data.json") == b'{"links": []}'
    assert read(iso, "/openstack/latest/user_data") == user_data
    assert iso[16 * 2048 + 40 : 16 * 2048 + 72].rstrip() == b"config-2"


def test_user_data_with_line_breaks_in_its_base64_is_decoded_as_the_api_takes_it() -> None:
    user_data = b"#cloud-config\n" * 20
    text = base64.encodebytes(user_data).decode().replace("\n", "\r\n")

    iso = config_drive_iso(ConfigDrive("{}", "{}", text))

    assert "\n" in text and check_user_data(text) == text
    assert read(iso, "/openstack/latest/user_data") == user_data


def test_the_files_of_a_request_are_beside_what_is_said_of_them() -> None:
    contents = tuple(base64.b64encode(text).decode() for text in (b"hello", b"\x00bin"))

    iso = config_drive_iso(ConfigDrive("{}", "{}", contents=contents))

    assert [read(iso, f"/openstack/content/{name}") for name in ("0000", "0001")] == [b"hello", b"\x00bin"]


def test_no_user_data_is_no_file() -> None:
    iso = config_drive_iso(ConfigDrive("{}", "{}"))

    with pytest.raises(pycdlib.pycdlibexception.PyCdlibInvalidInput):
        read(iso, "/openstack/latest/user_data")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"#!/bin/sh\n", "does not begin as a qcow2 file"),
        (qcow2(backing=104), "names a backing file"),
        (qcow2(features=4), "keeps its data in another file"),
    ],
)
def test_an_image_that_leads_to_other_files_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "image").write_bytes(content)

    with pytest.raises(HostError, match=words):
        check_image(tmp_path / "image", "qcow2")


def test_a_plain_qcow2_is_accepted_and_tells_its_size(tmp_path: Path) -> None:
    (tmp_path / "image").write_bytes(qcow2(size=5 << 30))

    check_image(tmp_path / "image", "qcow2")

    assert virtual_size(tmp_path / "image", "qcow2") == 5 << 30


@needs_qemu_img
@pytest.mark.parametrize("image_format", ["raw", "qcow2"])
def test_the_disk_is_an_overlay_of_the_wanted_size(tmp_path: Path, image_format: str) -> None:
    image, disk = tmp_path / "image", tmp_path / "disk"
    subprocess.run(["qemu-img", "create", "-q", "-f", image_format, image, "64M"], check=True)

    make_overlay(image, image_format, disk, 1)

    check_image(image, image_format)
    assert virtual_size(image, image_format) == 64 << 20
    assert virtual_size(disk, "qcow2") == 1 << 30
    with pytest.raises(HostError, match="backing file"):
        check_image(disk, "qcow2")


@needs_qemu_img
def test_qemu_imgs_own_words_are_kept(tmp_path: Path) -> None:
    with pytest.raises(HostError) as caught:
        make_overlay(tmp_path / "none", "raw", tmp_path / "disk", 1)

    assert "No such file or directory" in caught.value.detail


def test_an_image_larger_than_the_disk_is_refused(stage: Stage) -> None:
    server = desired_server(ONE)
    content = qcow2(size=50 << 30)
    image = replace(server.image, disk_format="qcow2", size=len(content), sha256=hashlib.sha256(content).hexdigest())
    stage.link.images[image.id] = content
    stage.desire(replace(server, image=image, disk_gb=20))

    stage.settle(stage.agent())

    fault = stage.link.last.servers[0].fault
    assert fault is not None and (fault.step, fault.code) == ("MakeDisk", "image-too-big")


@needs_qemu_img
def test_a_chain_of_layers_is_flattened_into_one_file_with_what_was_written_in_each(tmp_path: Path) -> None:
    image, lower, upper, flat, raw = (tmp_path / name for name in ("image", "lower", "upper", "flat", "raw"))
    image.write_bytes(b"I" * (1 << 20))
    make_overlay(image, "raw", lower, 1)
    subprocess.run(
        ["qemu-io", "-f", "qcow2", "-c", "write -P 0x4c 65536 65536", lower], check=True, capture_output=True
    )
    make_overlay(lower, "qcow2", upper, 2)

    flatten(upper, flat, lambda: None)

    check_image(flat, "qcow2")
    assert virtual_size(flat, "qcow2") == 2 << 30
    subprocess.run(["qemu-img", "convert", "-O", "raw", flat, raw], check=True)
    with raw.open("rb") as file:
        assert file.read(65536) == b"I" * 65536
        assert file.read(65536) == b"L" * 65536


@needs_qemu_img
def test_a_disk_names_the_image_that_it_reads_from(tmp_path: Path) -> None:
    image, disk = tmp_path / "images" / ("a" * 64), tmp_path / "disk.qcow2"
    image.parent.mkdir()
    image.write_bytes(bytes(1 << 20))
    make_overlay(image, "raw", disk, 0)

    assert backing_file(disk) == str(image)
    assert backing_file(image) is None


def test_a_disk_that_is_made_and_not_there_is_an_error(stage: Stage) -> None:
    stage.make_disk = lambda _image, _form, _disk, _size: None
    stage.desire(desired_server(ONE))

    stage.settle(stage.agent())

    fault = stage.link.last.servers[0].fault
    assert fault is not None and (fault.step, fault.code) == ("MakeDisk", "disk-failed")


@needs_qemu_img
def test_a_raw_image_that_turns_into_a_qcow2_after_the_check_leads_to_no_other_file(
    stage: Stage, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"S" * (1 << 20))
    image, disk, raw = tmp_path / "image", tmp_path / "disk", tmp_path / "raw"
    image.write_bytes(b"I" * (1 << 20))
    check_image(image, "raw")
    _name_backing_file(image, secret)

    make_overlay(image, "raw", disk, 1)
    flatten(disk, raw, lambda: None)

    chain = subprocess.run(["qemu-img", "info", "--backing-chain", disk], check=True, capture_output=True, text=True)
    assert "secret" not in chain.stdout and "backing file format: raw" in chain.stdout
    shown = subprocess.run(["qemu-io", "-f", "qcow2", "-r", "-c", "read -P 0x53 65536 512", raw], capture_output=True)
    assert b"Pattern verification failed" in shown.stdout


def test_a_qcow2_that_names_another_file_after_the_check_is_refused_before_it_is_used(stage: Stage) -> None:
    server = desired_server(ONE)
    content = qcow2()
    image = replace(server.image, disk_format="qcow2", size=len(content), sha256=hashlib.sha256(content).hexdigest())
    stage.link.images[image.id] = content
    agent = stage.agent()
    cached = stage.state.image(image.sha256)
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_bytes(qcow2(backing=104))
    stage.desire(replace(server, image=image))

    stage.settle(agent)

    fault = stage.link.last.servers[0].fault
    assert fault is not None and (fault.step, fault.code) == ("MakeDisk", "image-unfit")


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (4, struct.pack(">I", 1), "version"),
        (4, struct.pack(">I", 4), "version"),
        (8, struct.pack(">Q", 512), "backing file"),
        (20, struct.pack(">I", 8), "clusters"),
        (20, struct.pack(">I", 63), "clusters"),
        (24, struct.pack(">Q", (1 << 64) - 1), "can't be"),
        (24, struct.pack(">Q", 1 << 60), "can't be"),
        (32, struct.pack(">I", 1), "encrypted"),
        (36, struct.pack(">I", 0xFFFFFFFF), "can't be"),
        (60, struct.pack(">I", 0xFFFFFFFF), "snapshots"),
        (72, struct.pack(">Q", 1 << 1), "corrupt"),
        (72, struct.pack(">Q", 1 << 2), "another file"),
        (72, struct.pack(">Q", 1 << 40), "not known"),
        (96, struct.pack(">I", 64), "reference counts"),
    ],
)
def test_a_header_that_no_host_should_open_is_refused(tmp_path: Path, at: int, value: bytes, words: str) -> None:
    content = bytearray(qcow2())
    content[at : at + len(value)] = value
    (tmp_path / "image").write_bytes(content)

    with pytest.raises(HostError, match=words):
        check_image(tmp_path / "image", "qcow2")


def test_qemu_img_runs_under_the_kernels_limits(tmp_path: Path) -> None:
    command = within(["sh", "-c", "ulimit -v; ulimit -t; ulimit -f"], Bounds(5, 7, 1 << 20))

    told = subprocess.run(command, capture_output=True, check=True, text=True)

    assert told.stdout.split() == [str(1 << 20), "7", "2048"]  # KiB, seconds, blocks of 512 bytes


def _name_backing_file(image: Path, other: Path) -> None:
    """Writes the header that a guest could write to the start of its disk."""
    name = str(other).encode()
    with image.open("r+b") as file:
        file.write(struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 512, len(name), 16, 1 << 20).ljust(104, b"\0"))
        file.seek(512)
        file.write(name)
