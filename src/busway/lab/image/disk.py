"""A bootable disk made without mounting: a partition table, SYSLINUX on one FAT partition, a kernel, an initramfs."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

PACKAGES = ["syslinux", "syslinux-common", "mtools"]

_SECTOR = 512
_START = 2048
_SIZE = 64 * 2**20 // _SECTOR
_CONFIG = """\
DEFAULT linux
PROMPT 0
LABEL linux
  KERNEL /vmlinuz
  INITRD /initrd
  APPEND {words}
"""
# Every word leaves out a probe that takes seconds where each exit from the guest is emulated.
_WORDS = (
    "console=ttyS0 quiet panic=10 net.ifnames=0 mitigations=off nokaslr tsc=reliable no_timer_check edd=off "
    "nowatchdog audit=0 apparmor=0 8250.nr_uarts=1 i8042.noaux i8042.nokbd cryptomgr.notests random.trust_cpu=on "
    "rcupdate.rcu_expedited=1"
)


def write(new: Path, loader: Path, kernel: Path, initramfs: bytes) -> None:
    """Write the disk as qcow2 at `new`; `loader` is the tree of PACKAGES."""
    raw = new.with_name(new.name + ".raw")
    initrd = new.with_name(new.name + ".initrd")
    config = new.with_name(new.name + ".cfg")
    try:
        initrd.write_bytes(initramfs)
        config.write_text(_CONFIG.format(words=_WORDS))
        _partition(raw, loader)
        _fill(raw, loader, {"vmlinuz": kernel, "initrd": initrd, "syslinux.cfg": config})
        _run(loader, "qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", str(raw), str(new))
    finally:
        for part in (raw, initrd, config):
            part.unlink(missing_ok=True)


def _partition(raw: Path, loader: Path) -> None:
    """Write the boot sector and a table with one active FAT16 partition."""
    code = (loader / "usr/lib/syslinux/mbr/mbr.bin").read_bytes().ljust(440, b"\0")
    entry = struct.pack("<B3sB3sII", 0x80, b"\xfe\xff\xff", 0x0E, b"\xfe\xff\xff", _START, _SIZE)
    with raw.open("wb") as disk:
        disk.write(code + b"BUSW\0\0" + entry + b"\0" * 48 + b"\x55\xaa")
        disk.truncate((_START + _SIZE) * _SECTOR)


def _fill(raw: Path, loader: Path, contents: dict[str, Path]) -> None:
    offset = _START * _SECTOR
    inside = f"{raw}@@{offset}"
    geometry = ["-T", str(_SIZE), "-h", "255", "-s", "63", "-H", str(_START), "-v", "BUSWAY"]
    _run(loader, "mformat", "-i", inside, *geometry, "::")
    _run(loader, "syslinux", "--install", "--offset", str(offset), str(raw))
    for name, source in contents.items():
        _run(loader, "mcopy", "-i", inside, str(source), f"::/{name}")


def _run(loader: Path, *argv: str) -> None:
    """Run a program of the unpacked packages, or of the machine; SYSLINUX itself calls mtools by name."""
    env = {"PATH": f"{loader / 'usr/bin'}:/usr/bin:/bin", "LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1", "TMPDIR": "/tmp"}  # noqa: S108
    subprocess.run(argv, env=env, check=True, timeout=120, capture_output=True)
