"""Each family of distributions with each boot loader: the change is made where it counts, and undone byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from busway.cli.main import main
from busway.doctor import examine
from busway.hardware.snapshot import capture, unpack
from tests.doctor.hosts import BROKEN, healthy, remove

Tree = Callable[[], dict[str, str]]
ENTRY = "title Linux\nlinux /vmlinuz\noptions root=/dev/vda2 ro quiet\n"


@dataclass(frozen=True)
class Family:
    """A host: its files beside those of any, which of them have the new word then, and the programs it is told to run."""

    release: str
    files: dict[str, str]
    changed: set[str]
    programs: list[str] = field(default_factory=list)


GRUB = {"etc/default/grub": 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="quiet"\n'}
FAMILIES = {
    "debian-grub": Family(
        "ID=debian", {**GRUB, "etc/default/grub.d/kdump.cfg": "# kdump\n", "boot/grub/grub.cfg": "# generated\n"},
        {"etc/default/grub.d/90-busway.cfg"}, ["update-grub"],
    ),
    "ubuntu-grub-without-drop-ins": Family(
        "ID=ubuntu\nID_LIKE=debian", {**GRUB, "boot/grub/grub.cfg": "# generated\n"},
        {"etc/default/grub"}, ["update-grub"],
    ),
    "debian-systemd-boot": Family(
        "ID=debian", {"boot/efi/loader/loader.conf": "timeout 3\n", "boot/efi/loader/entries/a.conf": ENTRY},
        {"boot/efi/loader/entries/a.conf"},
    ),
    "fedora-grub": Family(
        "ID=fedora", {**GRUB, "boot/grub2/grub.cfg": "", "boot/loader/entries/a.conf": ENTRY},
        {"boot/loader/entries/a.conf", "etc/default/grub"},
    ),
    "rhel-grub-with-kernelopts": Family(
        'ID="rhel"', {**GRUB, "boot/grub2/grub.cfg": "", "boot/loader/entries/a.conf": "linux /v\noptions $kernelopts\n"},
        {"etc/default/grub"}, ["grubby --update-kernel=ALL --args=intel_iommu=on"],
    ),
    "fedora-systemd-boot": Family(
        "ID=fedora", {"efi/loader/loader.conf": "", "efi/loader/entries/a.conf": ENTRY, "etc/kernel/cmdline": "quiet\n"},
        {"efi/loader/entries/a.conf", "etc/kernel/cmdline"},
    ),
    "arch-grub": Family(
        "ID=arch", {**GRUB, "boot/grub/grub.cfg": ""},
        {"etc/default/grub"}, ["grub-mkconfig -o /boot/grub/grub.cfg"],
    ),
    "arch-systemd-boot": Family(
        "ID=arch", {"boot/loader/loader.conf": "", "boot/loader/entries/arch.conf": ENTRY},
        {"boot/loader/entries/arch.conf"},
    ),
    "arch-unified-image": Family(
        "ID=arch", {"efi/loader/loader.conf": "", "etc/kernel/cmdline": "quiet\n"},
        {"etc/kernel/cmdline"}, ["mkinitcpio -P"],
    ),
    "opensuse-grub": Family(
        'ID="opensuse-leap"\nID_LIKE="suse opensuse"', {**GRUB, "boot/grub2/grub.cfg": ""},
        {"etc/default/grub"}, ["grub2-mkconfig -o /boot/grub2/grub.cfg"],
    ),
    "opensuse-systemd-boot": Family(
        'ID="opensuse-tumbleweed"', {"boot/efi/loader/loader.conf": "", "etc/kernel/cmdline": "quiet\n"},
        {"etc/kernel/cmdline"}, ["sdbootutil update-all-entries"],
    ),
}  # fmt: skip


def build(root: Path, family: Family) -> None:
    machine = healthy(root)
    BROKEN["iommu-off"](machine)
    for path in ("etc/default/grub", "boot/grub"):
        remove(machine, path)
    machine.write("etc/os-release", family.release)
    for path, text in family.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_argument_is_added_where_this_host_keeps_it_and_taken_away_again(
    tmp_path: Path, tree: Tree, name: str
) -> None:
    family = FAMILIES[name]
    build(tmp_path, family)
    before = tree()

    applied = CliRunner().invoke(main, ["doctor", "--root", str(tmp_path), "--apply", "--yes"])
    after = tree()
    undone = CliRunner().invoke(main, ["doctor", "--root", str(tmp_path), "--undo"])

    written = {path for path in after if before.get(path) != after[path] and not path.startswith("var")}
    assert (applied.exit_code, undone.exit_code) == (0, 0), applied.output
    assert written == family.changed
    assert all(b"intel_iommu=on" in bytes.fromhex(after[path].partition(" ")[2]) for path in written)
    assert [line for line in applied.output.splitlines() if line.startswith("Not run")] == [
        f"Not run, because this is not the running system's root: `{program}`. Run it there."
        for program in family.programs
    ]
    assert tree() == before


@pytest.mark.parametrize("name", FAMILIES)
def test_the_finding_says_the_same_of_a_snapshot(tmp_path: Path, name: str) -> None:
    build(tmp_path / "machine", FAMILIES[name])

    capture(tmp_path / "machine", tmp_path / "file")

    assert examine(unpack(tmp_path / "file", tmp_path / "copy")) == examine(tmp_path / "machine")
