"""Render nodes: the device files by which programs draw with a GPU, without a screen and without rights over the card.

Linux gives each DRM driver with rendering one (`/dev/dri/renderD128` and on). `vgem` has one without any GPU: Mesa draws in
software for it.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from busway.domain.address import PciAddress
from busway.domain.errors import BadInput, HostError
from busway.domain.render import SOFTWARE_NODE
from busway.domain.units.render import node_path
from busway.hardware.tree import find_number, link_name, list_names

_CLASS = "sys/class/drm"
_NUMBERED = re.compile(r"renderD[0-9]+", re.ASCII)
_VGEM = "vgem"


@dataclass(frozen=True, slots=True)
class RenderNode:
    """A render node by udev's name of it; `card` is the address of its PCI function, "" for software."""

    name: str
    device: str  # /dev/dri/renderD128
    card: str = ""
    driver: str = ""
    numa_node: int | None = None


def read_render_nodes(root: Path) -> tuple[RenderNode, ...]:
    """The render nodes of PCI functions and of vgem, in the order of their numbers; others are left out."""
    names = (name for name in list_names(f"{root}/{_CLASS}") if _NUMBERED.fullmatch(name))
    found = (_read(root, name) for name in sorted(names, key=lambda name: (len(name), name)))
    return tuple(node for node in found if node is not None)


def find_render_node(root: Path, name: str) -> RenderNode | None:
    """The node that udev calls so, None when there is none."""
    return next((node for node in read_render_nodes(root) if node.name == name), None)


def check_render_node(root: Path, name: str) -> RenderNode:
    """The node that udev calls so; raises `HostError` when there is none, or when it can't be named to QEMU."""
    node = find_render_node(root, name)
    if node is None:
        software = name == SOFTWARE_NODE
        raise HostError(
            "There is no render node for software" if software else f"{name.removeprefix('pci-')} has no render node",
            detail="The module vgem, which makes one without a GPU, is not loaded."
            if software
            else "No driver of it is loaded that can render: /sys/class/drm has no renderD for it.",
            remedy="Load it now and at each start: modprobe vgem; echo vgem > /etc/modules-load.d/busway-vgem.conf"
            if software
            else "Load the GPU's own driver (a card on vfio-pci has none), or declare another node.",
            code="render-node-absent",
        )
    path = node_path(name)
    if not _is_device(f"{root}{path}"):
        raise HostError(
            f"{path} is not there",
            detail=f"The node is {node.device}, and udev has made no such link to it. Numbers may change at a restart.",
            remedy="Start udev (systemctl start systemd-udevd), then: udevadm trigger --subsystem-match=drm",
            code="render-node-unnamed",
        )
    return node


def has_render_node(root: Path, name: str) -> bool:
    """True when QEMU can be given the node that udev calls so."""
    try:
        check_render_node(root, name)
    except HostError:
        return False
    return True


def _read(root: Path, name: str) -> RenderNode | None:
    folder = f"{root}/{_CLASS}/{name}/device"
    device = Path(os.path.realpath(folder)).name
    driver = link_name(f"{folder}/driver") or ""
    if device == _VGEM:
        return RenderNode(SOFTWARE_NODE, f"/dev/dri/{name}", driver=_VGEM)
    try:
        card = PciAddress(device)
    except BadInput:
        return None
    node = find_number(f"{folder}/numa_node")
    return RenderNode(
        f"pci-{card}", f"/dev/dri/{name}", str(card), driver, node if node is not None and node >= 0 else None
    )


def _is_device(path: str) -> bool:
    """True for a link that ends at a device file; a tree of tests has plain files, which count too."""
    try:
        mode = Path(path).stat().st_mode
    except OSError:
        return False
    return stat.S_ISCHR(mode) or stat.S_ISREG(mode)
