"""Images of other hypervisors, as qemu-img makes them, are converted at their import; hostile ones are refused with the reason."""

from __future__ import annotations

import os
import struct
import subprocess
import threading
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import httpx
import pytest

from busway.control.images import conversion
from busway.control.images.import_run import run_imports
from busway.domain.image_conversion import ImageConversion
from busway.domain.image_task import ImageTask
from busway.store import image_tasks
from busway.store.database import Tx
from tests.api.serving import ApiServer, start_api_server
from tests.api.test_image_imports import DIRECT, stage
from tests.api.test_image_room import MIB, _limit
from tests.api.test_images import files

SIZE = 4 * MIB


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A raw disk of 4 MiB with some data in its midst."""
    path = tmp_path_factory.mktemp("disks") / "disk.raw"
    path.write_bytes(bytes(MIB) + os.urandom(300_000))
    with path.open("r+b") as file:
        file.truncate(SIZE)
    return path


def made(disk: Path, kind: str, options: str = "") -> Path:
    """The disk in another format."""
    path = disk.with_name(f"disk-{options or 'plain'}.{kind}".replace("=", "-"))
    more = ("-o", options) if options else ()
    subprocess.run(["qemu-img", "convert", "-f", "raw", "-O", kind, *more, disk, path], check=True)
    return path


def imported(api_server: ApiServer, data: bytes, disk_format: str) -> tuple[dict[str, object], dict[str, object]]:
    """An image after the import of its data, and its newest task."""
    client = api_server.client()
    url = stage(client, data, disk_format)
    assert client.post(f"{url}/import", json=DIRECT).status_code == 202
    run_imports(api_server.control)
    return client.get(url).json(), client.get(f"{url}/tasks").json()["tasks"][0]


def content(api_server: ApiServer, image: object, folder: Path, disk_format: str) -> bytes:
    """What a guest would read of an image."""
    path, raw = folder / "fetched", folder / "fetched.raw"
    path.write_bytes(api_server.client().get(f"/image/v2/images/{image}/file").content)
    subprocess.run(["qemu-img", "convert", "-f", disk_format, "-O", "raw", path, raw], check=True)
    return raw.read_bytes()


@pytest.mark.parametrize(
    ("disk_format", "kind", "options"),
    [
        ("vmdk", "vmdk", "subformat=monolithicSparse"),
        ("vmdk", "vmdk", "subformat=streamOptimized"),
        ("vhd", "vpc", "subformat=dynamic,force_size=on"),
        ("vhd", "vpc", "subformat=fixed,force_size=on"),
        ("vhdx", "vhdx", "subformat=dynamic"),
        ("vhdx", "vhdx", "subformat=fixed"),
        ("vdi", "vdi", ""),
        ("vdi", "vdi", "static=on"),
    ],
)
def test_an_image_of_another_hypervisor_becomes_qcow2(
    api_server: ApiServer, disk: Path, tmp_path: Path, disk_format: str, kind: str, options: str
) -> None:
    data = made(disk, kind, options).read_bytes()

    image, task = imported(api_server, data, disk_format)

    assert (task["status"], task["message"]) == ("success", "")
    assert (image["status"], image["disk_format"], image["virtual_size"]) == ("active", "qcow2", SIZE)
    assert content(api_server, image["id"], tmp_path, "qcow2") == disk.read_bytes()
    assert len(files(api_server)) == 1


def test_an_iso_is_read_as_it_is(api_server: ApiServer, tmp_path: Path) -> None:
    data = bytearray(os.urandom(64 * 1024))
    data[32768:32775] = b"\x01CD001\x01"

    image, task = imported(api_server, bytes(data), "iso")

    assert (task["status"], image["disk_format"], image["virtual_size"]) == ("success", "qcow2", len(data))
    assert content(api_server, image["id"], tmp_path, "qcow2") == bytes(data)


@pytest.fixture
def raw_server(api_template: Path, tmp_path: Path) -> Iterator[ApiServer]:
    server = start_api_server(tmp_path, api_template, conversion=ImageConversion("raw", every=True))
    yield server
    server.stop()


def test_the_operator_chooses_what_every_import_becomes(raw_server: ApiServer, disk: Path) -> None:
    for kind in ("qcow2", "vmdk", "raw"):
        data = (disk if kind == "raw" else made(disk, kind)).read_bytes()
        image, task = imported(raw_server, data, kind)

        assert (task["status"], task["message"]) == ("success", "")
        assert (image["status"], image["disk_format"], image["size"]) == ("active", "raw", SIZE)
        file = raw_server.client().get(f"/image/v2/images/{image['id']}/file")
        assert file.content == disk.read_bytes()


def _patched(at: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda data: data[:at] + new + data[at + len(new) :]


def _told(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        assert old in data
        return data.replace(old, new.ljust(len(old), b"\n")[: max(len(old), len(new))], 1)

    return change


_DESCRIPTION = b'# Disk DescriptorFile\nversion=1\nCID=8d62e605\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 8192 FLAT "/etc/shadow" 0\n'


@pytest.mark.parametrize(
    ("disk_format", "kind", "hostile", "why"),
    [
        ("vmdk", "vmdk", lambda _: _DESCRIPTION, "monolithicFlat"),
        ("vmdk", "vmdk", _patched(12, bytes(8)), "other files"),
        ("vmdk", "vmdk", lambda data: _patched(512, _DESCRIPTION + b"\0")(_patched(12, bytes(8))(data)), "other files"),
        ("vmdk", "vmdk", _told(b'"monolithicSparse"', b'"vmfsSparse"'), "vmfsSparse"),
        ("vmdk", "vmdk", _told(b"RW 8192 SPARSE", b"RW 8192 FLAT"), "FLAT"),
        ("vmdk", "vmdk", _told(b"# The Disk Data Base\n#DDB\n", b'parentFileNameHint="/x"'), "parent"),
        ("vmdk", "vmdk", _told(b"parentCID=ffffffff", b"parentCID=12345678"), "difference"),
        ("vmdk", "vmdk", _patched(28, bytes(16)), "several files"),
        ("vmdk", "vmdk", _patched(0, b"COWD"), "subformat"),
        ("vmdk", "vmdk", _patched(4, b"\x09"), "version"),
        ("vhd", "vpc", _patched(60, struct.pack(">I", 4)), "difference"),
        ("vhd", "vpc", _patched(60, struct.pack(">I", 7)), "type is 7"),
        ("vhd", "vpc", _patched(512, b"nothing!"), "second header"),
        ("vdi", "vdi", _patched(0x1B8, b"\x01"), "difference"),
        ("vdi", "vdi", _patched(0x4C, b"\x04"), "type is 4"),
        ("vdi", "vdi", _patched(0x44, bytes(4)), "version"),
        ("vhdx", "vhdx", _patched(192 * 1024, b"none"), "metadata"),
        ("vhdx", "qcow2", bytes, "not vhdx"),
        ("vdi", "qcow2", bytes, "not vdi"),
        ("vhd", "qcow2", bytes, "not vhd"),
        ("vmdk", "qcow2", bytes, "not vmdk"),
        ("iso", "qcow2", bytes, "not iso"),
        ("vmdk", "vmdk", lambda data: data[:40], "cut off"),
    ],
)
def test_a_hostile_file_is_refused_with_the_reason(
    api_server: ApiServer, disk: Path, disk_format: str, kind: str, hostile: Callable[[bytes], bytes], why: str
) -> None:
    image, task = imported(api_server, hostile(made(disk, kind).read_bytes()), disk_format)

    assert task["status"] == "failure" and why in str(task["message"])
    assert (image["status"], image["size"], image["checksum"]) == ("queued", None, None)
    assert files(api_server) == []


def test_a_vhdx_with_a_parent_is_refused(api_server: ApiServer, disk: Path) -> None:
    data = made(disk, "vhdx").read_bytes()
    parameters = struct.pack("<II", 8 * MIB, 0)
    at = next(at for at in range(1 << 20, 8 << 20, 4) if data[at : at + 8] == parameters and at % (64 * 1024) == 0)

    image, task = imported(api_server, _patched(at + 4, b"\x02")(data), "vhdx")

    assert (image["status"], task["status"]) == ("queued", "failure") and "difference" in str(task["message"])


def test_damaged_data_ends_with_what_qemu_says_and_no_path_of_the_machine(api_server: ApiServer, disk: Path) -> None:
    data = made(disk, "vdi").read_bytes()

    image, task = imported(api_server, _patched(0x178, struct.pack("<I", 3))(data), "vdi")

    assert (image["status"], task["status"]) == ("queued", "failure")
    assert "could not be converted" in str(task["message"])
    assert str(api_server.control.state) not in str(task["message"])


def test_a_conversion_stays_within_the_quota(api_server: ApiServer, disk: Path) -> None:
    _limit(api_server, image_size_total=1)
    stream = made(disk, "vmdk", "subformat=streamOptimized").read_bytes()
    large = disk.with_name("large.raw")
    large.write_bytes(b"0123456789abcdef" * (3 * MIB // 16))
    packed = made(large, "vmdk", "subformat=streamOptimized").read_bytes()
    assert len(packed) < MIB

    small, _ = imported(api_server, stream, "vmdk")
    api_server.client().delete(f"/image/v2/images/{small['id']}").raise_for_status()
    image, task = imported(api_server, packed, "vmdk")

    assert small["status"] == "active"
    assert (image["status"], task["status"]) == ("queued", "failure")
    assert "more than 1048576 bytes" in str(task["message"])
    assert len(files(api_server)) == 1


def test_a_disk_that_says_it_is_huge_is_no_raw_image(raw_server: ApiServer, disk: Path) -> None:
    data = made(disk, "vdi").read_bytes()

    image, task = imported(raw_server, _patched(0x170, struct.pack("<Q", 1 << 50))(data), "vdi")

    assert (image["status"], task["status"]) == ("queued", "failure")
    assert "would have more than" in str(task["message"])


def test_a_crash_in_the_midst_leaves_the_task_to_the_next_turn(api_server: ApiServer, disk: Path) -> None:
    client = api_server.client()
    url = stage(client, made(disk, "vmdk").read_bytes(), "vmdk")
    client.post(f"{url}/import", json=DIRECT).raise_for_status()
    image = client.get(url).json()
    left = api_server.control.state / "images" / "tmp" / f"{image['owner']}.{image['id']}.left"
    left.write_bytes(b"half of it")
    api_server.control.loops.stopping.set()
    run_imports(api_server.control)
    assert image["status"] == "importing" == client.get(url).json()["status"]
    api_server.control.loops.stopping.clear()

    run_imports(api_server.control)

    assert client.get(url).json()["status"] == "active"
    assert not left.exists()


def test_an_image_that_is_deleted_meanwhile_has_a_task_that_says_so(api_server: ApiServer, disk: Path) -> None:
    client = api_server.client()
    url = stage(client, made(disk, "vmdk").read_bytes(), "vmdk")
    client.post(f"{url}/import", json=DIRECT).raise_for_status()
    client.delete(url).raise_for_status()

    run_imports(api_server.control)

    [task] = client.get("/image/v2/tasks").json()["tasks"]
    assert task["status"] == "failure" and "not found" in task["message"]


def test_an_importing_image_takes_no_data_and_gives_none(api_server: ApiServer, disk: Path) -> None:
    client = api_server.client()
    url = stage(client, made(disk, "vmdk").read_bytes(), "vmdk")
    client.post(f"{url}/import", json=DIRECT).raise_for_status()

    assert client.get(f"{url}/tasks").json()["tasks"][0]["status"] == "pending"
    assert client.put(f"{url}/file", content=b"x").headers["x-busway-error-code"] == "image-importing"
    assert client.post(f"{url}/import", json=DIRECT).status_code == 409
    assert client.get(f"{url}/file").status_code == 204
    assert client.get(url).json()["checksum"] is None


def test_data_of_another_format_is_imported_not_uploaded(api_server: ApiServer, disk: Path) -> None:
    client = api_server.client()
    body = {"name": "v", "disk_format": "vmdk", "container_format": "bare"}
    url = f"/image/v2/images/{client.post('/image/v2/images', json=body).json()['id']}"

    answer = client.put(f"{url}/file", content=made(disk, "vmdk").read_bytes())

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (400, "image-needs-import")
    assert "--import" in answer.text


def test_others_wait_for_no_long_import_of_one_project(api_server: ApiServer, disk: Path) -> None:
    data = made(disk, "vmdk").read_bytes()
    clients: list[httpx.Client] = [api_server.client(), api_server.client(api_server.user("ann"))]
    urls = [stage(client, data, "vmdk") for client in (clients[0], clients[0], clients[1])]
    for url, client in zip(urls, (clients[0], clients[0], clients[1]), strict=True):
        client.post(f"{url}/import", json=DIRECT).raise_for_status()

    run_imports(api_server.control)

    tasks = [clients[0].get(f"{url}/tasks").json()["tasks"][0] for url in urls]
    assert [(task["status"], task["message"]) for task in tasks] == [("success", "")] * 3
    assert {clients[0].get(url).json()["status"] for url in urls} == {"active"}


def test_a_task_that_ends_while_another_one_is_looked_for_is_followed_by_it(
    api_server: ApiServer, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, data = api_server.client(), made(disk, "vmdk").read_bytes()
    urls = [stage(client, data, "vmdk") for _ in range(2)]
    for url in urls:
        client.post(f"{url}/import", json=DIRECT).raise_for_status()
    real = image_tasks.next_under_way

    def slowly(tx: Tx, without: Collection[str]) -> ImageTask | None:
        found = real(tx, without)
        if without and found is None:
            for thread in threading.enumerate():
                if thread.name.startswith("import "):
                    thread.join(60)
        return found

    monkeypatch.setattr(image_tasks, "next_under_way", slowly)
    run_imports(api_server.control)

    assert [client.get(url).json()["status"] for url in urls] == ["active", "active"]


def test_how_much_memory_a_conversion_takes_does_not_depend_on_how_many_threads_it_has(
    api_server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        conversion, "MEMORY_BYTES", 256 * MIB
    )  # a heap and a large stack for each thread seldom fit in these
    large = tmp_path / "large.raw"
    large.write_bytes(os.urandom(8 * MIB))
    image, task = imported(api_server, made(large, "vmdk").read_bytes(), "vmdk")

    assert (task["status"], task["message"], image["status"]) == ("success", "", "active")
