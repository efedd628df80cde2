"""The kernel's sample drivers of mediated devices (mtty, mdpy, mbochs), built from Debian's packages.

Nothing is installed: the headers are unpacked, and of the kernel's source only the samples. 150 MB are downloaded once.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from busway.lab import kernel, package
from busway.lab.cache import Cache, digest
from busway.lab.errors import LabUnprepared

MODULES = ("mtty", "mdpy", "mbochs")
_NEEDED = {"gcc-12": "gcc-12", "make": "make", "xz": "xz-utils", "tar": "tar"}
_UNPACK = 'dpkg-deb --fsys-tarfile "$1" | tar -xO "./usr/src/$2.tar.xz" | tar -xJ -C "$3" "$2/samples/vfio-mdev"'
_SECONDS = 300


def build(cache: Cache) -> Path:
    """Answer the folder that holds the modules for the lab host's kernel, as NAME.ko."""
    package.check_installed(_NEEDED)
    release = kernel.generic(cache).release
    source = f"linux-source-{'.'.join(release.split('.')[:2])}"
    headers = package.unpacked(cache, f"linux-headers-{release}", _headers(release)) / "usr/src"
    key = digest(headers.parts[-3], *package.versions(cache, [source]))

    def make(new: Path) -> None:
        new.mkdir()
        with TemporaryDirectory(prefix="busway-mdev-") as folder:
            samples = _samples(cache, source, Path(folder))
            _compile(headers, release, samples)
            for name in MODULES:
                shutil.move(samples / f"{name}.ko", new / f"{name}.ko")  # they may be on two file systems

    return cache.entry(f"mdev/{release}-{key}", make)


def _headers(release: str) -> list[str]:
    common = release.rpartition("-")[0]
    return [
        f"linux-headers-{release}",
        f"linux-headers-{common}-common",
        f"linux-kbuild-{'.'.join(release.split('.')[:2])}",
    ]


def _samples(cache: Cache, source: str, folder: Path) -> Path:
    """Unpack the samples alone: the whole source would take 1.4 GB."""
    package.download([source], package.versions(cache, [source]), folder / "deb")
    (deb,) = (folder / "deb").glob("*.deb")
    _run(["sh", "-c", _UNPACK, "sh", str(deb), source, str(folder)])
    found = folder / source / "samples/vfio-mdev"
    (found / "Makefile").write_text(f"obj-m := {' '.join(f'{name}.o' for name in MODULES)}\n")
    return found


def _compile(headers: Path, release: str, samples: Path) -> None:
    """The headers' own Makefile names /usr/src; the one that it includes is called instead."""
    makefile = headers / f"linux-headers-{release.rpartition('-')[0]}-common" / "Makefile"
    _run(["make", "-C", str(headers / f"linux-headers-{release}"), "-f", str(makefile), f"M={samples}", "modules"])


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except subprocess.CalledProcessError as error:
        raise LabUnprepared(
            f"The sample drivers could not be built: {command[0]} failed", detail=str(error.stderr).strip()[-2000:]
        ) from error
    except subprocess.TimeoutExpired as error:
        raise LabUnprepared(f"The sample drivers were not built in {_SECONDS} s", detail=" ".join(command)) from error
