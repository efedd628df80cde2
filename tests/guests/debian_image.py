"""A Debian 12 cloud image, made as Debian makes its own: of the archive's packages, with cloud-init, for BIOS and UEFI with secure boot.

Needs root, `mmdebstrap` and the archive. It is kept in the cache. Nothing in it knows of Busway.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from busway.lab import package
from busway.lab.cache import Cache, default_cache, digest
from busway.lab.image import disk

PACKAGES = (
    "systemd-sysv", "udev", "dbus", "cloud-init", "cloud-guest-utils", "openssh-server", "netplan.io", "systemd-resolved", "iproute2",
    "linux-image-cloud-amd64", "grub-pc-bin", "grub-efi-amd64-bin", "grub2-common", "sudo", "e2fsprogs", "fdisk", "gdisk", "ca-certificates", "locales",
)  # fmt: skip
_SECTOR, _MB = 512, 1 << 20
_SIZE_MB = 1536
_ROOT, _BIOS, _ESP = 262144, 2048, 8192  # the sectors where the partitions 1, 14 and 15 start, as on Debian's images
_TABLE = f"""\
label: gpt
1: start={_ROOT}, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709
14: start={_BIOS}, size=6144, type=21686148-6449-6E6F-744E-656564454649
15: start={_ESP}, size=253952, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
"""
_FSTAB = "LABEL=cloudimg-rootfs / ext4 rw,discard,errors=remount-ro 0 1\nLABEL=UEFI /boot/efi vfat umask=0077 0 2\n"
_MENU = """\
set timeout=0
linux /vmlinuz root=LABEL=cloudimg-rootfs ro console=tty0 console=ttyS0,115200
initrd /initrd.img
boot
"""
_FIND = "search --no-floppy --label cloudimg-rootfs --set=root\n"
_GRUB = ("biosdisk", "part_gpt", "ext2", "normal", "search", "search_label", "configfile", "linux", "minicmd", "test")


def build_debian_image() -> Path:
    """Answers the image (qcow2, 1.5 GiB), made at the first call: minutes."""
    cache = Cache(default_cache())
    key = digest(*PACKAGES, Path(__file__).read_bytes())
    return cache.entry(f"image/debian-12-{key}.qcow2", lambda new: _make(cache, new))


def build_debian_tree() -> Path:
    """Answers the folder with the image's files."""
    return Cache(default_cache()).entry(f"tree/debian-12-{digest(*PACKAGES)}", _bootstrap)


def _make(cache: Cache, new: Path) -> None:
    tree = build_debian_tree()
    loader = package.unpacked(cache, "loader", disk.PACKAGES)
    _set_up(tree)
    raw = new.with_name(f"{new.name}.raw")
    try:
        raw.unlink(missing_ok=True)
        with raw.open("wb") as file:
            file.truncate(_SIZE_MB * _MB)
        _run(tree, "sfdisk", "--quiet", str(raw), text=_TABLE)
        blocks = (_SIZE_MB * _MB - _ROOT * _SECTOR - _MB) // 4096
        options = ["-q", "-t", "ext4", "-b", "4096", "-L", "cloudimg-rootfs", "-d", str(tree)]
        _run(tree, "mke2fs", *options, "-E", f"offset={_ROOT * _SECTOR}", str(raw), str(blocks))
        _add_efi(raw, loader)
        _add_bios(raw, tree)
        _run(tree, "qemu-img", "convert", "-q", "-c", "-f", "raw", "-O", "qcow2", str(raw), str(new))
    finally:
        raw.unlink(missing_ok=True)


def _bootstrap(new: Path) -> None:
    packages = ",".join(PACKAGES)
    command = [
        "mmdebstrap",
        "--variant=minbase",
        "--mode=root",
        "--quiet",
        f"--include={packages}",
        "bookworm",
        str(new),
    ]
    subprocess.run(command, check=True, timeout=1500, capture_output=True)


def _set_up(tree: Path) -> None:
    """What Debian's images have, beside their packages; nothing of the machine that has made it is left."""
    (tree / "etc/fstab").write_text(_FSTAB)
    (tree / "boot/efi").mkdir(exist_ok=True)
    (tree / "boot/grub").mkdir(exist_ok=True)
    (tree / "boot/grub/grub.cfg").write_text(_MENU)
    (tree / "etc/machine-id").write_text("")
    (tree / "etc/hostname").write_text("localhost\n")
    # Without it cloud-init sets en_US.UTF-8, which only an image that has made it knows; its status is an error then.
    (tree / "etc/cloud/cloud.cfg.d/01_locale.cfg").write_text("locale: C.UTF-8\n")
    for key in (tree / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    shutil.rmtree(tree / "var/cache/apt/archives", ignore_errors=True)
    resolver = tree / "etc/resolv.conf"
    resolver.unlink(missing_ok=True)
    resolver.symlink_to("../run/systemd/resolve/stub-resolv.conf")


def _add_efi(raw: Path, loader: Path) -> None:
    """Debian's signed shim and GRUB, at the place where a firmware looks on a disk that it does not know."""
    inside, config = f"{raw}@@{_ESP * _SECTOR}", raw.with_suffix(".cfg")
    _run(
        loader,
        "mformat",
        "-i",
        inside,
        "-T",
        "253952",
        "-h",
        "255",
        "-s",
        "63",
        "-H",
        str(_ESP),
        "-F",
        "-v",
        "UEFI",
        "::",
    )
    config.write_text(f"{_FIND}configfile /boot/grub/grub.cfg\n")
    try:
        for folder in ("EFI", "EFI/BOOT", "EFI/debian"):
            _run(loader, "mmd", "-i", inside, f"::/{folder}")
        for source, place in (
            (loader / "usr/lib/shim/shimx64.efi.signed", "EFI/BOOT/BOOTX64.EFI"),
            (loader / "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "EFI/BOOT/grubx64.efi"),
            (config, "EFI/debian/grub.cfg"),
        ):
            _run(loader, "mcopy", "-i", inside, str(source), f"::/{place}")
    finally:
        config.unlink()


def _add_bios(raw: Path, tree: Path) -> None:
    """GRUB in the boot sector and in its partition, as grub-install leaves it.

    The boot sector has the number of the next sector at 0x5c; that one has the place of the rest in its last 12 bytes.
    """
    config = tree / "boot/grub/core.cfg"
    config.write_text(f"{_FIND}normal /boot/grub/grub.cfg\n")
    command = [
        "grub-mkimage",
        "-O",
        "i386-pc",
        "-o",
        "/boot/grub/core.img",
        "-c",
        "/boot/grub/core.cfg",
        "-p",
        "/boot/grub",
        *_GRUB,
    ]
    subprocess.run(["chroot", str(tree), *command], check=True, timeout=60, capture_output=True)
    sector = bytearray((tree / "usr/lib/grub/i386-pc/boot.img").read_bytes())
    sector[0x5C:0x64] = struct.pack("<Q", _BIOS)
    sector[0x66:0x68] = b"\x90\x90"  # it believes the drive that the BIOS names
    core = bytearray((tree / "boot/grub/core.img").read_bytes())
    core[0x1F4:0x1FC] = struct.pack("<Q", _BIOS + 1)
    with raw.open("r+b") as file:
        file.write(sector[:440])
        file.seek(_BIOS * _SECTOR)
        file.write(core)


def _run(tree: Path, *command: str, text: str = "") -> None:
    path = f"/usr/sbin:/usr/bin:/sbin:/bin:{tree}/sbin:{tree}/usr/bin"
    environment = {"PATH": path, "LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1"}
    subprocess.run(command, env=environment, check=True, timeout=600, capture_output=True, input=text.encode())
