"""A snapshot is the machine again for every reader, and holds nothing that names the machine."""

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from busway.domain.errors import BadInput
from busway.hardware import Function, Machine
from busway.hardware.mediated import mdev_folder, read_mdev_types
from busway.hardware.snapshot import MANIFEST, capture, open_tree, unpack
from busway.hardware.snapshot_scrub import scrub_arguments, scrub_config, scrub_text
from busway.testing.machines import Machine as Invented
from busway.testing.machines_named import NAMED

UUID = "4b20d080-1b54-4048-85b3-a6a62d165c01"


def everything(machine: Machine, *, without: str = "") -> dict[str, object]:
    """What every property of every function says."""
    names = [name for name in vars(Function) if isinstance(getattr(Function, name), property) and name != "folder"]
    return {
        f"{function.address} {name}": getattr(function, name)
        for function in machine
        for name in names
        if name != without
    }


def texts(folder: Path) -> str:
    return "\n".join(path.read_text("latin-1") for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", NAMED)
def test_every_reader_says_of_a_snapshot_what_it_says_of_the_machine(tmp_path: Path, name: str) -> None:
    root = tmp_path / "machine"
    NAMED[name](root).hold(812, "Xorg", "/dev/dri/card0", "/tmp/secret")
    file = tmp_path / "snapshot.tar.gz"

    done = capture(root, file)
    copy = unpack(file, tmp_path / "copy")

    before, after = Machine.read(root), Machine.read(copy)
    assert [link.name for link in (copy / "proc/812/fd").iterdir()] == ["3"]
    assert done.unreadable == ()
    assert [replace(function, root=root) for function in after] == list(before)
    assert everything(after) == everything(before)
    assert after.framebuffers == before.framebuffers
    assert after.open_files.by_path == {"/dev/dri/card0": before.open_files.by_path["/dev/dri/card0"]}
    assert [(group.number, group.type, group.reserved) for group in after.groups.values()] == [
        (group.number, group.type, group.reserved) for group in before.groups.values()
    ]
    nodes = [(node.number, node.cpus) for socket in before.topology.sockets for node in socket.nodes]
    assert [(node.number, node.cpus) for socket in after.topology.sockets for node in socket.nodes] == nodes


def test_mdev_parents_of_any_kind_are_in_a_snapshot(tmp_path: Path) -> None:
    machine = NAMED["gvt-g"](tmp_path / "machine")
    machine.mdev_parent("mtty")
    machine.mdev_type("mtty", "mtty-1", 24, name="Single port serial")

    capture(machine.root, tmp_path / "file")
    copy = unpack(tmp_path / "file", tmp_path / "copy")

    parents = Machine.read(copy).mdev_parents
    assert [parent.name for parent in parents] == ["0000:00:02.0", "mtty"]
    for parent in parents:
        types = read_mdev_types(mdev_folder(copy, parent))
        assert types
        assert types == read_mdev_types(mdev_folder(machine.root, parent))


def test_the_same_machine_gives_the_same_bytes(tmp_path: Path) -> None:
    NAMED["gtx-1660"](tmp_path / "machine")

    capture(tmp_path / "machine", tmp_path / "one")
    capture(tmp_path / "machine", tmp_path / "two")

    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def secretive(root: Path) -> None:
    machine = Invented(root)
    gpu = machine.gpu("0000:41:00.0", group=10)
    machine.write(f"proc/driver/nvidia/gpus/{gpu}/information", f"GPU UUID: \t GPU-{UUID}\nDevice Minor: \t 3")
    machine.write("proc/cmdline", f"BOOT_IMAGE=/vmlinuz root=UUID={UUID} ip=10.0.0.7::eth0 intel_iommu=on quiet")
    machine.write("proc/cpuinfo", "model name : x\nSerial\t\t: 10000000abcdef12")
    machine.write("etc/os-release", "ID=debian")
    (machine.folder(gpu) / "vpd").write_bytes(b"SN1234567890")
    (machine.folder(gpu) / "resource0").write_bytes(b"what the GPU's memory holds")
    (machine.folder(gpu) / "net/eth0").mkdir(parents=True)
    (machine.folder(gpu) / "net/eth0/address").write_text("aa:bb:cc:dd:ee:ff\n")
    machine.hold(900, "bash", "/root/private")


def test_nothing_that_names_the_machine_is_in_a_snapshot(tmp_path: Path) -> None:
    secretive(tmp_path / "machine")
    capture(tmp_path / "machine", tmp_path / "file")

    found = texts(unpack(tmp_path / "file", tmp_path / "copy"))

    for secret in (UUID, "10.0.0.7", "abcdef12", "SN1234567890", "what the GPU's memory", "aa:bb:cc", "bash"):
        assert secret not in found
    assert "intel_iommu=on" in found
    assert "ID=debian" in found
    assert Machine.read(tmp_path / "copy").gpus[0].nodes == ("/dev/nvidia3", "/dev/vfio/10")


def test_serials_are_kept_when_asked(tmp_path: Path) -> None:
    secretive(tmp_path / "machine")
    capture(tmp_path / "machine", tmp_path / "file", with_serials=True)

    found = texts(unpack(tmp_path / "file", tmp_path / "copy"))

    assert all(kept in found for kept in (UUID, "10.0.0.7", "aa:bb:cc:dd:ee:ff"))


def test_what_could_not_be_read_is_told_and_stays_unknown(tmp_path: Path) -> None:
    machine = Invented(tmp_path / "machine")
    gpu = machine.gpu("0000:41:00.0", group=10)
    (machine.folder(gpu) / "boot_vga").mkdir()
    machine.write("proc/iomem", "")
    (tmp_path / "machine/proc/iomem").unlink()
    (tmp_path / "machine/proc/iomem").mkdir()

    done = capture(tmp_path / "machine", tmp_path / "file")

    assert done.unreadable == ("proc/iomem", "sys/devices/pci0000:41/0000:41:00.0/boot_vga")
    with open_tree(tmp_path / "file") as root:
        copy = Machine.read(root)
        assert (copy.framebuffers, copy.gpus[0].boot_vga) == (None, None)


def test_names_travel_with_the_snapshot(tmp_path: Path) -> None:
    NAMED["a2-and-a16"](tmp_path / "machine")
    capture(tmp_path / "machine", tmp_path / "file")

    unpack(tmp_path / "file", tmp_path / "copy")

    assert "25b6  GA107GL" in (tmp_path / "copy/usr/share/misc/pci.ids").read_text()


def test_a_sleeping_device_is_not_woken_for_its_configuration(tmp_path: Path) -> None:
    machine = Invented(tmp_path / "machine")
    gpu = machine.gpu("0000:41:00.0", group=10)
    (machine.folder(gpu) / "power/runtime_status").write_text("suspended\n")
    capture(tmp_path / "machine", tmp_path / "file")

    copy = unpack(tmp_path / "file", tmp_path / "copy")

    assert not (copy / "sys/bus/pci/devices/0000:41:00.0/config").exists()


def archive(path: Path, *entries: tuple[str, str | None], manifest: bool = True) -> Path:
    """A tar with files, and links to what the second of a pair says."""
    with tarfile.open(path, "w:gz") as made:
        for name, link in [*([(MANIFEST, None)] if manifest else []), *entries]:
            info = tarfile.TarInfo(name)
            if link is not None:
                info.type, info.linkname = tarfile.SYMTYPE, link
            made.addfile(info, io.BytesIO())
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda path: archive(path, ("../out", None)),
        lambda path: archive(path, ("/etc/out", None)),
        lambda path: archive(path, ("sys/a", "/etc")),
        lambda path: archive(path, ("sys/a", "../../etc")),
        lambda path: archive(path, ("sys/b", None), ("sys/a", "c"), ("sys/a/d", "e")),
        lambda path: archive(path, manifest=False),
        lambda path: path.write_bytes(b"no tar"),
    ],
)
def test_what_is_no_snapshot_is_refused(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "file")

    with pytest.raises(BadInput) as caught:
        unpack(tmp_path / "file", tmp_path / "in/copy")

    assert caught.value.code == "invalid-snapshot"
    assert not (tmp_path / "in/out").exists()


def test_the_serial_number_in_a_configuration_space_is_zeroed() -> None:
    data = bytearray(4096)
    data[0x100:0x104] = (0x0001 | 1 << 16 | 0x148 << 20).to_bytes(4, "little")
    data[0x148:0x14C] = (0x0003 | 1 << 16 | 0x100 << 20).to_bytes(4, "little")  # and back: a circle
    data[0x14C:0x154] = b"\xaa" * 8

    found = scrub_config(bytes(data))

    assert found[0x14C:0x154] == bytes(8)
    assert found[:0x14C] == data[:0x14C]


def test_addresses_of_devices_are_no_serial_numbers() -> None:
    text = "0000:41:00.0 0x00000000fee00000 00000000,00000000,0000ffff"

    assert scrub_text(text) == text
    assert scrub_text(f"GPU-{UUID} aa:bb:cc:dd:ee:ff") == "GPU-00000000-0000-0000-0000-000000000000 00:00:00:00:00:00"
    assert scrub_arguments("root=/dev/sda1 iommu=pt") == "root=removed iommu=pt"
