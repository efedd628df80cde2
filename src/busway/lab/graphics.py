"""What lets a lab host render for guests: QEMU's and virglrenderer's libraries, a render node, and udev's names of it.

The machine that the lab runs on needs none of them installed: they are unpacked, and copied into the running host.
"""

from __future__ import annotations

from busway.lab import package
from busway.lab.cache import Cache
from busway.lab.host import LabHost

# Beside Mesa (libegl1, libgbm1, libgl1-mesa-dri), which QEMU itself depends on.
PACKAGES = ["qemu-system-gui", "libvirglrenderer1", "libvulkan1", "libva2", "libva-drm2", "libepoxy0"]
_NEEDED = {
    "/usr/lib/x86_64-linux-gnu/qemu/ui-egl-headless.so": "qemu-system-common",
    "/usr/lib/x86_64-linux-gnu/libEGL_mesa.so.0": "libegl-mesa0",
    "/usr/lib/x86_64-linux-gnu/dri/swrast_dri.so": "libgl1-mesa-dri",
}
_LIBRARIES = "/usr/lib/x86_64-linux-gnu"
# No udev runs in a lab host. Its rule: /dev/dri/by-path/ID-render, where ID is the device's bus and name.
_SCRIPT = """\
cp -a "$1"/lib*.so* {libraries}/ && cp -a "$1"/qemu/hw-display-virtio-gpu-gl.so {libraries}/qemu/ && modprobe vgem || exit 1
mkdir -p /dev/dri/by-path
for node in /sys/class/drm/renderD*; do
    device=$(readlink -f "$node/device") bus=$(basename "$(readlink -f "$node/device/subsystem")")
    ln -sfn "../${{node##*/}}" "/dev/dri/by-path/$bus-${{device##*/}}-render"
done
"""


def prepare(host: LabHost, cache: Cache) -> None:
    """Make a running lab host able to render for guests, in software; its next boot has forgotten all of it."""
    package.check_installed(_NEEDED)
    tree = package.unpacked(cache, "render", PACKAGES)
    host.refresh()
    script = _SCRIPT.format(libraries=_LIBRARIES)
    host.exec(["sh", "-c", script, "sh", f"{tree}{_LIBRARIES}"], timeout=120).text()
