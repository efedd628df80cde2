"""Distributions and boot loaders: what is said, and what is written."""

from pathlib import Path

import pytest

from busway.doctor.act import Act, Run, WriteFile
from busway.doctor.boot import Boot, Loader, read_boot
from busway.doctor.boot.grub import edit
from busway.doctor.distribution import Family, InitramfsTool, read_distribution

ADD = ("intel_iommu=on",)
ENTRY = "title Linux\nlinux /vmlinuz\ninitrd /initrd.img\noptions root=UUID=1 rw quiet\n"


def boot(root: Path, files: dict[str, str]) -> Boot:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_boot(root, read_distribution(root))


def contents(acts: list[Act]) -> dict[str, str]:
    return {act.path: act.content.decode() for act in acts if isinstance(act, WriteFile)}


def commands(acts: list[Act]) -> list[str]:
    return [" ".join(act.command) for act in acts if isinstance(act, Run)]


@pytest.mark.parametrize(
    ("text", "family", "tool"),
    [
        ("ID=debian", Family.DEBIAN, InitramfsTool.INITRAMFS_TOOLS),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'", Family.DEBIAN, InitramfsTool.INITRAMFS_TOOLS),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"', Family.FEDORA, InitramfsTool.DRACUT),
        ("ID=fedora", Family.FEDORA, InitramfsTool.DRACUT),
        ("ID=arch", Family.ARCH, InitramfsTool.MKINITCPIO),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"', Family.SUSE, InitramfsTool.DRACUT),
        ("ID=plan9", Family.UNKNOWN, InitramfsTool.UNKNOWN),
        ("", Family.UNKNOWN, InitramfsTool.UNKNOWN),
    ],
)
def test_families_are_known_by_os_release(tmp_path: Path, text: str, family: Family, tool: InitramfsTool) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(text)

    found = read_distribution(tmp_path)

    assert (found.family, found.initramfs) == (family, tool)


def test_debian_without_drop_ins_edits_the_line(tmp_path: Path) -> None:
    found = boot(tmp_path, {"etc/os-release": "ID=debian", "etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'})

    acts = found.acts(ADD)

    assert contents(acts) == {"/etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=on"\n'}
    assert commands(acts) == ["update-grub"]
    assert "in GRUB_CMDLINE_LINUX_DEFAULT of /etc/default/grub, run `update-grub`, and reboot" in found.words(ADD[0])


def test_debian_with_drop_ins_adds_one_that_comes_last(tmp_path: Path) -> None:
    cloud = "etc/default/grub.d/50-cloudimg-settings.cfg"
    files = {
        "etc/os-release": "ID=ubuntu",
        "etc/default/grub": "",
        cloud: 'GRUB_CMDLINE_LINUX_DEFAULT="console=ttyS0"\n',
    }
    found = boot(tmp_path, files)

    written = contents(found.acts(ADD))

    line = 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on"\n'
    assert written == {"/etc/default/grub.d/90-busway.cfg": line}
    assert "/etc/default/grub.d/90-busway.cfg" in found.words(ADD[0])


def test_fedora_edits_the_entries_that_grub_reads(tmp_path: Path) -> None:
    files = {
        "etc/os-release": "ID=fedora",
        "etc/default/grub": 'GRUB_CMDLINE_LINUX="rhgb"\n',
        "boot/grub2/grub.cfg": "",
        "boot/loader/entries/a-6.8.conf": ENTRY,
        "boot/loader/entries/memtest.conf": "title memtest\nefi /memtest.efi\n",
    }
    found = boot(tmp_path, files)

    acts = found.acts(ADD)

    assert contents(acts) == {
        "/etc/default/grub": 'GRUB_CMDLINE_LINUX="rhgb intel_iommu=on"\n',
        "/boot/loader/entries/a-6.8.conf": ENTRY.replace("quiet", "quiet intel_iommu=on"),
    }
    assert commands(acts) == []
    assert 'grubby --update-kernel=ALL --args="intel_iommu=on"' in found.words(ADD[0])


def test_entries_with_a_variable_of_grubs_are_left_to_grubby_both_ways(tmp_path: Path) -> None:
    files = {
        "etc/os-release": "ID=rhel",
        "etc/default/grub": "",
        "boot/loader/entries/a.conf": "linux /vmlinuz\noptions $kernelopts\n",
    }

    (run,) = [act for act in boot(tmp_path, files).acts(ADD) if isinstance(act, Run)]

    assert run.command[-1] == "--args=intel_iommu=on"
    assert run.undo[-1] == "--remove-args=intel_iommu=on"


@pytest.mark.parametrize(
    ("distribution", "folder", "command"),
    [
        ("opensuse-tumbleweed", "boot/grub2", "grub2-mkconfig -o /boot/grub2/grub.cfg"),
        ("arch", "boot/grub", "grub-mkconfig -o /boot/grub/grub.cfg"),
    ],
)
def test_suse_and_arch_write_grubs_configuration_anew(
    tmp_path: Path, distribution: str, folder: str, command: str
) -> None:
    line = "GRUB_CMDLINE_LINUX_DEFAULT='splash=silent'\n"
    files = {"etc/os-release": f"ID={distribution}", "etc/default/grub": line, f"{folder}/grub.cfg": ""}

    acts = boot(tmp_path, files).acts(ADD)

    assert contents(acts) == {"/etc/default/grub": line.replace("silent", "silent intel_iommu=on")}
    assert commands(acts) == [command]


def test_systemd_boot_edits_entries_and_what_new_ones_come_from(tmp_path: Path) -> None:
    files = {
        "etc/os-release": "ID=arch",
        "boot/loader/loader.conf": "timeout 3",
        "boot/loader/entries/arch.conf": ENTRY,
        "etc/kernel/cmdline": "root=UUID=1 rw\n",
    }
    found = boot(tmp_path, files)

    acts = found.acts(ADD)

    assert found.loader is Loader.SYSTEMD_BOOT
    assert contents(acts) == {
        "/boot/loader/entries/arch.conf": ENTRY.replace("quiet", "quiet intel_iommu=on"),
        "/etc/kernel/cmdline": "root=UUID=1 rw intel_iommu=on\n",
    }
    assert "options line of /boot/loader/entries/*.conf and in /etc/kernel/cmdline" in found.words(ADD[0])


def test_a_unified_image_is_built_from_the_running_words(tmp_path: Path) -> None:
    files = {
        "etc/os-release": "ID=arch",
        "efi/loader/loader.conf": "",
        "proc/cmdline": "BOOT_IMAGE=/x initrd=/y root=UUID=1 rw\n",
    }

    acts = boot(tmp_path, files).acts(ADD)

    assert contents(acts) == {"/etc/kernel/cmdline": "root=UUID=1 rw intel_iommu=on\n"}
    assert commands(acts) == ["mkinitcpio -P"]


def test_the_loader_that_booted_counts_before_the_one_that_is_configured(tmp_path: Path) -> None:
    info = tmp_path / "sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
    info.parent.mkdir(parents=True)
    info.write_bytes(b"\x06\0\0\0" + "systemd-boot 254".encode("utf-16-le"))

    found = boot(tmp_path, {"etc/os-release": "ID=debian", "etc/default/grub": ""})

    assert found.loader is Loader.SYSTEMD_BOOT


def test_an_unknown_boot_loader_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    found = boot(tmp_path, {"etc/os-release": "ID=debian"})

    assert found.loader is Loader.UNKNOWN
    assert found.acts(ADD) == []
    assert (
        found.words(ADD[0])
        == "Add intel_iommu=on in the kernel command line, wherever this host's boot loader keeps that, and reboot."
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('GRUB_CMDLINE_LINUX_DEFAULT="a b"\n', 'GRUB_CMDLINE_LINUX_DEFAULT="a b x=1"\n'),
        ("GRUB_CMDLINE_LINUX_DEFAULT=''\n", "GRUB_CMDLINE_LINUX_DEFAULT='x=1'\n"),
        ("GRUB_CMDLINE_LINUX_DEFAULT=quiet\n", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet x=1"\n'),
        ('GRUB_CMDLINE_LINUX_DEFAULT="x=1 b"\n', 'GRUB_CMDLINE_LINUX_DEFAULT="x=1 b"\n'),
        ('#GRUB_CMDLINE_LINUX_DEFAULT="a"', '#GRUB_CMDLINE_LINUX_DEFAULT="a"\nGRUB_CMDLINE_LINUX_DEFAULT="x=1"\n'),
        ('GRUB_CMDLINE_LINUX="y off=1"\n', 'GRUB_CMDLINE_LINUX="y"\nGRUB_CMDLINE_LINUX_DEFAULT="x=1"\n'),
    ],
)
def test_a_line_of_grubs_keeps_everything_else(before: str, after: str) -> None:
    assert edit(before, "GRUB_CMDLINE_LINUX_DEFAULT", ("x=1",), ("off=1",)) == after
