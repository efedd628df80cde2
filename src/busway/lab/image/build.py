"""Make the guest image, or answer the one made before of the same parts."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from busway.lab import kernel, package
from busway.lab.cache import Cache, digest
from busway.lab.image import disk, rootfs
from busway.lab.report import Report

_KERNELS = {"cloud": kernel.cloud, "generic": kernel.generic}


def build_guest_image(cache: Path, report: Report | None = None, flavour: str = "cloud") -> Path:
    """Answer the guest image (qcow2); `flavour` is the kernel's: `cloud`, or `generic` with all of Debian's drivers."""
    report = report or Report()
    kept = Cache(cache)
    with report.step(f"Make the guest image ({flavour} kernel)"):
        linux = _KERNELS[flavour](kept)
        programs = package.unpacked(kept, "guest", rootfs.PACKAGES)
        loader = package.unpacked(kept, "loader", disk.PACKAGES)
        recipe = [path.read_bytes() for path in _recipe()]
        key = digest(linux.tree.name, programs.name, loader.name, *recipe)

        def make(new: Path) -> None:
            disk.write(new, loader, linux.image, rootfs.pack(linux, programs))

        return kept.entry(f"image/busway-guest-{flavour}-{key}.qcow2", make)


def _recipe() -> list[Path]:
    """All that decides what the image holds, beside the packages: the scripts and the modules that place them."""
    here = Path(str(files("busway.lab.image")))
    return [here / "disk.py", here / "rootfs.py", *sorted((here / "inside").iterdir())]
