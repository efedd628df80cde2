"""The image files of Tempest's tests of formats, and the manifest that names them.

Two are of the formats that Busway stores as they come: Tempest creates a server from each, and simulated guests boot any. The others
are those that an import converts.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from tools.command import run

_MIB = 1024**2
STORED = ("raw", "qcow2")
# By Glance's word: qemu-img's.
_CONVERTED = {"vmdk": "vmdk", "vhd": "vpc", "vhdx": "vhdx", "vdi": "vdi"}
IMPORTED = (*_CONVERTED, "iso")


def write_images(folder: Path) -> Path:
    """Write the files into a new folder; return the path of the manifest."""
    folder.mkdir()
    (folder / "disk.raw").write_bytes(b"\0" * _MIB)
    (folder / "disk.iso").write_bytes(b"\0" * 32768 + b"\x01CD001\x01".ljust(32768, b"\0"))
    for name, kind in {"qcow2": "qcow2", **_CONVERTED}.items():
        run(["qemu-img", "create", "-q", "-f", kind, str(folder / f"disk.{name}"), "1M"])
    images = [
        {"name": name, "filename": f"disk.{name}", "format": name, "usable": True} for name in (*STORED, *IMPORTED)
    ]
    manifest = folder / "manifest.yaml"
    manifest.write_text(yaml.safe_dump({"images": images}), encoding="utf-8")
    return manifest
