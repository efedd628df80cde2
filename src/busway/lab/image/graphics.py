"""The guest's graphics: Mesa with its driver for virtio GPUs, and a small GL client, on a partition of their own.

They are not in the initramfs, because the compiler that Mesa's drivers are linked with takes 200 MB.
"""

from __future__ import annotations

import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

from busway.lab import package
from busway.lab.cache import Cache, digest

# What libEGL, libGLESv2 and Mesa's driver are linked with, and what these are.
PACKAGES = [
    "libegl1", "libgles2", "libglvnd0", "libegl-mesa0", "libgl1-mesa-dri", "libgbm1", "libglapi-mesa",
    "libdrm2", "libdrm-amdgpu1", "libdrm-intel1", "libdrm-nouveau2", "libdrm-radeon1", "libpciaccess0",
    "libllvm15", "libz3-4", "libxml2", "libicu72", "libedit2", "libbsd0", "libmd0", "libtinfo6", "libffi8",
    "libelf1", "libexpat1", "libsensors5", "libstdc++6", "libgcc-s1", "libzstd1", "liblzma5", "zlib1g", "libc6",
    "libx11-6", "libx11-xcb1", "libxcb1", "libxcb-dri2-0", "libxcb-dri3-0", "libxcb-present0", "libxcb-randr0",
    "libxcb-sync1", "libxcb-xfixes0", "libxshmfence1", "libxau6", "libxdmcp6", "libwayland-client0",
    "libwayland-server0",
]  # fmt: skip
MODULES = ("virtio_gpu", "ext4", "crc32c_generic")
_NEEDED = {"gcc-12": "gcc-12"}
_DRIVER = "dri/virtio_gpu_dri.so"
_VENDORS = "usr/share/glvnd/egl_vendor.d"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"


def tree(cache: Cache) -> Path:
    """Answer the folder that becomes the partition: `lib` with all libraries, `dri`, `egl.json` and the client `gl`."""
    package.check_installed(_NEEDED)
    unpacked = package.unpacked(cache, "graphics", PACKAGES)
    source = files("busway.lab.image").joinpath("inside", "gl.c").read_bytes()
    key = digest(unpacked.name, source, Path(__file__).read_bytes())

    def make(new: Path) -> None:
        (new / "lib").mkdir(parents=True)
        (new / "dri").mkdir()
        for folder in ("lib/x86_64-linux-gnu", _LIBRARIES):
            for library in (unpacked / folder).glob("lib*.so*"):
                if not library.is_symlink():
                    shutil.copy(library, new / "lib")
                elif (unpacked / folder / library.readlink()).exists():
                    (new / "lib" / library.name).symlink_to(library.readlink().name)
        shutil.copy(unpacked / _LIBRARIES / _DRIVER, new / _DRIVER)
        shutil.copy(unpacked / _VENDORS / "50_mesa.json", new / "egl.json")
        _compile(source, new)

    return cache.entry(f"graphics/{key}", make)


def _compile(source: bytes, new: Path) -> None:
    """Link the client with the libraries of the tree itself; nothing of the machine but its compiler is used."""
    library = new / "lib"
    subprocess.run(
        ["gcc-12", "-O1", "-x", "c", "-", "-o", str(new / "gl"), f"-L{library}", "-l:libEGL.so.1", "-l:libGLESv2.so.2",
         f"-Wl,-rpath-link,{library}"],
        input=source, check=True, timeout=60, capture_output=True,
    )  # fmt: skip
