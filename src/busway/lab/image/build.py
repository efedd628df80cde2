"""Make the guest image, or answer the one made before of the same parts."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from busway.lab import kernel, package
from busway.lab.cache import Cache, digest
from busway.lab.image import disk, graphics, rootfs
from busway.lab.report import Report

_KERNELS = {"cloud": kernel.cloud, "generic": kernel.generic, "graphics": kernel.generic}


def build_guest_image(cache: Path, report: Report | None = None, flavour: str = "cloud", extra_words: str = "") -> Path:
    """Answer the guest image (qcow2); `flavour` is the kernel's: `cloud`, or `generic` with all of Debian's drivers.

    `graphics` is `generic` with Mesa and a GL client, which tells on the console who renders for the guest.
    The kernel's command line ends with `extra_words`.
    """
    report = report or Report()
    kept = Cache(cache)
    with report.step(f"Make the guest image ({flavour} kernel)"):
        linux = _KERNELS[flavour](kept)
        programs = package.unpacked(kept, "guest", rootfs.PACKAGES)
        loader = package.unpacked(kept, "loader", disk.PACKAGES)
        partition = graphics.tree(kept) if flavour == "graphics" else None
        recipe = [path.read_bytes() for path in _recipe()]
        parts = [tree.name for tree in (linux.tree, programs, loader, partition) if tree is not None]
        key = digest(*parts, *recipe, *filter(None, [extra_words]))

        def make(new: Path) -> None:
            extra = graphics.MODULES if partition is not None else ()
            disk.write(new, loader, linux.image, rootfs.pack(linux, programs, extra), partition, extra_words)

        return kept.entry(f"image/busway-guest-{flavour}-{key}.qcow2", make)


def _recipe() -> list[Path]:
    """All that decides what the image holds, beside the packages: the scripts and the modules that place them."""
    here = Path(str(files("busway.lab.image")))
    return [here / "disk.py", here / "rootfs.py", *sorted((here / "inside").iterdir())]
