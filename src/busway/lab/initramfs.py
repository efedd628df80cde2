"""The lab host's initramfs: busybox, the modules that reach the outer machine's files, and one script."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from busway.lab.cache import Cache, digest
from busway.lab.cpio import Archive
from busway.lab.kernel import Kernel

_MODULES = ["virtio_pci", "virtio_blk", "9pnet_virtio", "9p", "overlay", "virtio_rng"]
_BUSYBOX = Path("/bin/busybox")


def build(cache: Cache, kernel: Kernel) -> Path:
    """Answer the initramfs for `kernel`, rebuilt if its script, the busybox or the kernel changed."""
    script = files("busway.lab.inside").joinpath("init.sh").read_bytes()
    key = digest(script, _BUSYBOX.read_bytes(), kernel.tree.name, *_MODULES)
    return cache.entry(f"initramfs/host-{key}", lambda new: _write(new, kernel, script))


def _write(new: Path, kernel: Kernel, script: bytes) -> None:
    archive = Archive()
    for folder in ("proc", "sys", "dev", "lower", "layer", "root"):
        archive.folder(folder)
    archive.copy("bin/busybox", _BUSYBOX)
    archive.file("init", script, 0o755)
    modules = kernel.needed_for(_MODULES)
    for module in modules:
        archive.copy(f"modules/{module.name}", module)
    archive.file("modules/order", "".join(f"{module.name}\n" for module in modules).encode())
    new.write_bytes(archive.pack())
