"""The image files of Tempest's tests of formats, and the manifest that names them.

They are the formats that Busway stores as they come. Tempest creates a server from each, and simulated guests boot any.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from tools.command import run

_MIB = 1024**2


def write_images(folder: Path) -> Path:
    """Write the files into a new folder; return the path of the manifest."""
    folder.mkdir()
    (folder / "disk.raw").write_bytes(b"\0" * _MIB)
    run(["qemu-img", "create", "-q", "-f", "qcow2", str(folder / "disk.qcow2"), "1M"])
    images = [{"name": name, "filename": f"disk.{name}", "format": name, "usable": True} for name in ("raw", "qcow2")]
    manifest = folder / "manifest.yaml"
    manifest.write_text(yaml.safe_dump({"images": images}), encoding="utf-8")
    return manifest
