"""Where a GPU could draw for guests, QEMU has what that needs, and may open the render node."""

from __future__ import annotations

import re
from collections.abc import Iterator

from busway.doctor.check import Check
from busway.doctor.finding import Evidence, Finding, Severity, Stage
from busway.doctor.host import Host
from busway.doctor.libvirt import QEMU_CONF, find_setting, value_of

_NODES = "/dev/dri/by-path"
# Where distributions put QEMU's modules; the first is there wherever QEMU has a virtio GPU, the others draw for guests.
_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu/qemu",
    "/usr/lib/aarch64-linux-gnu/qemu",
    "/usr/lib64/qemu-kvm",
    "/usr/lib64/qemu",
)
_PLAIN, _DRAWING = "hw-display-virtio-gpu.so", ("hw-display-virtio-gpu-gl.so", "ui-egl-headless.so")
_ROOT = ("root", "+0", "0")


def _find(host: Host) -> Iterator[Finding]:
    nodes = [name for name in host.names(_NODES) if re.fullmatch(r"(?:pci-.*|platform-vgem)-render", name)]
    if not nodes:
        return
    folder = next((each for each in _FOLDERS if host.exists(f"{each}/{_PLAIN}")), None)
    absent = [f"{folder}/{name}" for name in _DRAWING if folder and not host.exists(f"{folder}/{name}")]
    if absent:
        yield CHECK.found(
            "QEMU can't draw for guests (virgl) on this host",
            cause=f"The render node {_NODES}/{nodes[0]} could be shared, but QEMU's OpenGL modules are not installed.",
            remedy="If guests are to have shares: install qemu-system-gui on Debian 12, qemu-system-modules-opengl on later ones "
            "and on Ubuntu, qemu-device-display-virtio-gpu-gl elsewhere.",
            evidence=tuple(Evidence(name, "absent") for name in absent),
        )
    user, spaces = value_of(find_setting(host, "user")), find_setting(host, "namespaces")
    if spaces is not None and value_of(spaces).replace(" ", "") == "[]" and user not in _ROOT:
        yield CHECK.found(
            "libvirt gives QEMU no rights on render nodes",
            cause="Without mount namespaces libvirt leaves /dev as it is, and QEMU's user can't open a node of the group render.",
            remedy=f"Remove namespaces from {QEMU_CONF} and restart libvirt; or add QEMU's user to the group render.",
            evidence=(spaces,),
        )


CHECK = Check("render-node", Stage.GUEST, Severity.INFORMS, "QEMU can use render nodes", host=_find)
