"""A bootable disk made without mounting: a partition table and one FAT partition with a kernel and an initramfs.

A BIOS boots it by SYSLINUX, UEFI by Debian's signed shim and GRUB, with secure boot too.
A second partition may hold a folder, as ext4 with the label `busway-more`.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

PACKAGES = ["syslinux", "syslinux-common", "mtools", "shim-signed", "grub-efi-amd64-signed"]

_SECTOR = 512
_START = 2048
_SIZE = 64 * 2**20 // _SECTOR
_MORE_SIZE = 448 * 2**20 // _SECTOR
_CONFIG = """\
DEFAULT linux
PROMPT 0
LABEL linux
  KERNEL /vmlinuz
  INITRD /initrd
  APPEND {words}
"""
# The signed GRUB looks for it in this folder of the partition that it was started from.
_GRUB = """\
set timeout=0
linux /vmlinuz {words}
initrd /initrd
boot
"""
_FOLDERS = ("EFI", "EFI/BOOT", "EFI/debian")
_EFI = {
    "EFI/BOOT/BOOTX64.EFI": "usr/lib/shim/shimx64.efi.signed",
    "EFI/BOOT/grubx64.efi": "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
}
# Every word leaves out a probe that takes seconds where each exit from the guest is emulated. `tsc=reliable` is not among them:
# a guest whose QEMU waited for a processor at its boot measures its counter wrongly, and then its kernel must be free to leave it.
_WORDS = (
    "console=ttyS0 quiet panic=10 net.ifnames=0 mitigations=off nokaslr no_timer_check edd=off "
    "nowatchdog audit=0 apparmor=0 8250.nr_uarts=4 i8042.noaux i8042.nokbd cryptomgr.notests random.trust_cpu=on "
    "rcupdate.rcu_expedited=1"
)
# A text console on a virtio GPU is redrawn by the host's renderer at each change: it takes a whole processor.
_NO_TEXT_ON_SCREEN = "drm_kms_helper.fbdev_emulation=0"


def write(
    new: Path, loader: Path, kernel: Path, initramfs: bytes, more: Path | None = None, extra_words: str = ""
) -> None:
    """Write the disk as qcow2 at `new`; `loader` is the tree of PACKAGES, `more` the folder of a second partition.

    The kernel's command line ends with `extra_words`.
    """
    raw = new.with_name(new.name + ".raw")
    initrd = new.with_name(new.name + ".initrd")
    config = new.with_name(new.name + ".cfg")
    grub = new.with_name(new.name + ".grub")
    words = " ".join(filter(None, (_WORDS, _NO_TEXT_ON_SCREEN if more is not None else "", extra_words)))
    try:
        initrd.write_bytes(initramfs)
        config.write_text(_CONFIG.format(words=words))
        grub.write_text(_GRUB.format(words=words))
        _partition(raw, loader, 0 if more is None else _MORE_SIZE)
        contents = {"vmlinuz": kernel, "initrd": initrd, "syslinux.cfg": config, "EFI/debian/grub.cfg": grub}
        _fill(raw, loader, contents | {name: loader / source for name, source in _EFI.items()})
        if more is not None:
            _add(raw, loader, more)
        packed = [] if more is None else ["-c"]
        _run(loader, "qemu-img", "convert", "-q", *packed, "-f", "raw", "-O", "qcow2", str(raw), str(new))
    finally:
        for part in (raw, initrd, config, grub):
            part.unlink(missing_ok=True)


def _partition(raw: Path, loader: Path, more: int) -> None:
    """Write the boot sector and a table with one active FAT16 partition; `more` are the sectors of one of Linux after it."""
    code = (loader / "usr/lib/syslinux/mbr/mbr.bin").read_bytes().ljust(440, b"\0")
    entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x0E, b"\xfe\xff\xff", _START, _SIZE)
    second = struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", _START + _SIZE, more)
    second = second if more else bytes(len(second))
    with raw.open("wb") as disk:
        disk.write(code + b"BUSW\0\0" + entry + second + b"\0" * 32 + b"\x55\xaa")
        disk.truncate((_START + _SIZE + more) * _SECTOR)


def _fill(raw: Path, loader: Path, contents: dict[str, Path]) -> None:
    offset = _START * _SECTOR
    inside = f"{raw}@@{offset}"
    geometry = ["-T", str(_SIZE), "-h", "255", "-s", "63", "-H", str(_START), "-v", "BUSWAY"]
    _run(loader, "mformat", "-i", inside, *geometry, "::")
    _run(loader, "syslinux", "--install", "--offset", str(offset), str(raw))
    for folder in _FOLDERS:
        _run(loader, "mmd", "-i", inside, f"::/{folder}")
    for name, source in contents.items():
        _run(loader, "mcopy", "-i", inside, str(source), f"::/{name}")


def _add(raw: Path, loader: Path, more: Path) -> None:
    place, size = f"offset={(_START + _SIZE) * _SECTOR}", f"{_MORE_SIZE * _SECTOR // 1024}k"
    options = ["-L", "busway-more", "-O", "^has_journal,^metadata_csum", "-m", "0", "-d", str(more), "-E", place]
    _run(loader, "mkfs.ext4", "-q", *options, str(raw), size)


def _run(loader: Path, *argv: str) -> None:
    """Run a program of the unpacked packages, or of the machine; SYSLINUX itself calls mtools by name."""
    path = f"{loader / 'usr/bin'}:/usr/bin:/bin:/usr/sbin:/sbin"
    env = {"PATH": path, "LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1", "TMPDIR": "/tmp"}  # noqa: S108
    subprocess.run(argv, env=env, check=True, timeout=120, capture_output=True)
