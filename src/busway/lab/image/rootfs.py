"""The guest's root, all of it in the initramfs: busybox, an SSH server, `lspci`, `jq`, and the modules of a guest."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from busway.lab.cpio import Archive
from busway.lab.kernel import Kernel

PACKAGES = [
    "busybox-static", "dropbear-bin", "pciutils", "pci.ids", "jq",
    "libc6", "libcrypt1", "libtomcrypt1", "libtommath1", "libgmp10", "zlib1g", "libpci3", "libkmod2",
    "liblzma5", "libzstd1", "libssl3", "libudev1", "libjq1", "libonig5",
]  # fmt: skip

_PROGRAMS = {
    "bin/busybox": "bin/busybox",
    "usr/sbin/dropbear": "usr/sbin/dropbear",
    "usr/bin/dropbearkey": "usr/bin/dropbearkey",
    "usr/bin/lspci": "usr/bin/lspci",
    "usr/bin/setpci": "usr/bin/setpci",
    "usr/bin/jq": "usr/bin/jq",
    "lib64/ld-linux-x86-64.so.2": "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
    "usr/share/misc/pci.ids": "usr/share/misc/pci.ids",
}
_LIBRARIES = [
    "libc.so.6", "libm.so.6", "libresolv.so.2", "libcrypt.so.1", "libtomcrypt.so.1", "libtommath.so.1", "libgmp.so.10",
    "libz.so.1",
    "libpci.so.3", "libkmod.so.2", "liblzma.so.5", "libzstd.so.1", "libcrypto.so.3", "libudev.so.1",
    "libjq.so.1", "libonig.so.5",
]  # fmt: skip
# Loaded at every boot.
_AT_BOOT = ["virtio_pci", "virtio_blk", "virtio_net", "button", "evdev", "isofs", "virtio_rng"]
# There to be loaded by name or by a device's alias; the cloud kernel has only some of them.
_AT_HAND = [
    "virtio_scsi",
    "virtio_console",
    "sr_mod",
    "sd_mod",
    "ahci",
    "vfat",
    "nls_ascii",
    "nls_cp437",
    "bochs",
    "nvme",
    "snd_hda_intel",
    "ext4",
    "crc32c_generic",
    "tpm_tis",
    "tpm_crb",
    "i6300esb",
]
_ETC = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/shadow": "root:*:19000:0:99999:7:::\n",
    "etc/group": "root:x:0:\n",
    "etc/shells": "/bin/sh\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/profile": "export PATH=/usr/sbin:/usr/bin:/sbin:/bin PS1='\\h:\\w# '\n",
}
_SCRIPTS = {
    "init": "init.sh",
    "etc/inittab": "inittab",
    "sbin/busway-boot": "boot.sh",
    "sbin/busway-dhcp": "dhcp.sh",
    "etc/acpi/PWRF/00000080": "power.sh",
}


def pack(kernel: Kernel, programs: Path, modules: Sequence[str] = ()) -> bytes:
    """Write the initramfs as the kernel's LZ4 takes it; `programs` is the tree of PACKAGES, `modules` are more of them."""
    archive = Archive()
    for folder in ("proc", "sys", "dev", "run", "tmp", "mnt", "var/log", "root/.ssh", "etc/dropbear"):
        archive.folder(folder)
    for place, source in _PROGRAMS.items():
        archive.copy(place, programs / source)
    for name in _LIBRARIES:
        archive.copy(f"lib/{name}", _library(programs, name))
    for place, text in _ETC.items():
        archive.file(place, text.encode(), 0o600 if place == "etc/shadow" else 0o644)
    for place, name in _SCRIPTS.items():
        archive.file(place, files("busway.lab.image").joinpath("inside", name).read_bytes(), 0o755)
    _add_modules(archive, kernel, modules)
    # "Legacy" is the form of LZ4 that the kernel knows; a firmware reads half the bytes.
    return subprocess.run(["lz4", "-l", "-9", "-c"], input=archive.pack(), capture_output=True, check=True).stdout


def _library(programs: Path, name: str) -> Path:
    for folder in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"):
        if (found := programs / folder / name).exists():
            return found
    raise FileNotFoundError(f"{name} is in none of the guest's packages")


def _add_modules(archive: Archive, kernel: Kernel, more: Sequence[str]) -> None:
    """Add the modules where `modprobe` looks for them, and the names of those that the boot loads."""
    base = kernel.modules / kernel.release
    at_hand = [name for name in (*_AT_HAND, *more) if _has(base, name)]
    wanted = kernel.needed_for([*_AT_BOOT, *at_hand])
    for module in wanted:
        archive.copy(f"lib/modules/{kernel.release}/{module.relative_to(base)}", module)
    for index in ("modules.dep", "modules.alias", "modules.builtin"):
        archive.file(f"lib/modules/{kernel.release}/{index}", _only(base / index, base, wanted))
    archive.file("etc/modules-at-boot", " ".join(_AT_BOOT).encode())


def _has(base: Path, name: str) -> bool:
    names = {name, name.replace("_", "-")}
    return any(f"/{one}.ko:" in (base / "modules.dep").read_text() for one in names)


def _only(index: Path, base: Path, wanted: list[Path]) -> bytes:
    """Keep the lines of a module index that are about the wanted modules: a short file is quick to search."""
    text = index.read_text()
    if index.name == "modules.builtin":
        return text.encode()
    paths = {str(module.relative_to(base)) for module in wanted}
    names = {module.stem.replace("-", "_") for module in wanted}
    kept = [line for line in text.splitlines() if line.partition(":")[0] in paths or line.split()[-1] in names]
    return ("\n".join(kept) + "\n").encode()
