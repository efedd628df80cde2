"""Debian's kernels, unpacked beside each other: which modules there are and what each of them needs."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from busway.lab import package
from busway.lab.cache import Cache


@dataclass(frozen=True, slots=True)
class Kernel:
    """One unpacked kernel package: `tree` holds `boot` and `lib/modules`."""

    tree: Path
    release: str

    @property
    def image(self) -> Path:
        """The compressed kernel that a boot loader starts."""
        return self.tree / "boot" / f"vmlinuz-{self.release}"

    @property
    def modules(self) -> Path:
        """What belongs at /lib/modules."""
        return self.tree / "lib" / "modules"

    def needed_for(self, names: list[str]) -> list[Path]:
        """List the module files of `names` and all they need, in the order to load them; built-in ones have none."""
        files: dict[str, None] = {}
        for name in names:
            shown = subprocess.run(
                ["/sbin/modprobe", "-d", str(self.tree), "-S", self.release, "--show-depends", name],
                capture_output=True, text=True, timeout=60, check=True,
            ).stdout  # fmt: skip
            words = [line.split() for line in shown.splitlines()]
            files |= dict.fromkeys(word[1] for word in words if word[0] == "insmod")
        return [Path(file) for file in files]


def generic(cache: Cache) -> Kernel:
    """Answer the kernel of an ordinary Debian machine."""
    return _kernel(cache, "linux-image-amd64", r"linux-image-[\d.-]+-amd64")


def cloud(cache: Cache) -> Kernel:
    """Answer the kernel that Debian makes for virtual machines: few drivers, quick to boot, no DRM."""
    return _kernel(cache, "linux-image-cloud-amd64", r"linux-image-[\d.-]+-cloud-amd64")


def _kernel(cache: Cache, meta: str, pattern: str) -> Kernel:
    name = package.dependency(cache, meta, pattern)
    release = name.removeprefix("linux-image-")
    tree = package.unpacked(cache, name, [name])

    def index(new: Path) -> None:
        subprocess.run(["/sbin/depmod", "-b", str(tree), release], timeout=120, check=True)
        new.write_text("")

    cache.entry(f"tree/{tree.name}.indexed", index)
    return Kernel(tree, release)
