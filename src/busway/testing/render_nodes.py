"""Render nodes in a tree of tests: what the kernel shows in /sys, and what udev makes of it in /dev."""

from __future__ import annotations

import os
from pathlib import Path

from busway.domain.render import SOFTWARE_NODE


def add_render_node(root: Path, address: str = "", number: int = 128, *, named: bool = True) -> None:
    """Adds the node of a PCI function that is there, or vgem's; without `named` udev has made no link to it."""
    device = root / (f"sys/bus/pci/devices/{address}" if address else "sys/devices/platform/vgem")
    device.mkdir(parents=True, exist_ok=True)
    shown = root / f"sys/class/drm/renderD{number}"
    shown.mkdir(parents=True)
    (shown / "device").symlink_to(Path(os.path.relpath(device.resolve(), shown.resolve())))
    node = root / f"dev/dri/renderD{number}"
    links = root / "dev/dri/by-path"
    links.mkdir(parents=True, exist_ok=True)
    node.touch()
    if named:
        name = f"pci-{address}" if address else SOFTWARE_NODE
        (links / f"{name}-render").symlink_to(f"../{node.name}")


def remove_render_node(root: Path) -> None:
    """Takes a node away, as the end of its driver does; udev's link goes with it."""
    (root / "sys/class/drm/renderD128/device").unlink()
    (root / "sys/class/drm/renderD128").rmdir()
    node = root / "dev/dri/renderD128"
    for link in (root / "dev/dri/by-path").iterdir():
        if link.resolve() == node:
            link.unlink()
    node.unlink()
