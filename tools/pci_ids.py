"""Puts a newer list of PCI names into the package: `make pci-ids`, or `make pci-ids FILE=pci.ids` (or a .deb that has it).

Without FILE Debian's package pci.ids is fetched by apt-get, from whatever suite this machine is set up for. An older list than
the one that is there is refused.
"""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.command import ROOT

TARGET = ROOT / "src" / "busway" / "hardware" / "pci.ids.gz"
_INSIDE = Path("usr/share/misc/pci.ids")


def update(source: Path | None = None) -> str:
    """Writes the list and returns its date."""
    with tempfile.TemporaryDirectory() as folder:
        found = source or _download(Path(folder))
        if found.suffix == ".deb":
            subprocess.run(["dpkg-deb", "-x", str(found), folder], check=True, timeout=60)
            found = Path(folder) / _INSIDE
        data = found.read_bytes()
    date, before = date_of(data), date_of(gzip.decompress(TARGET.read_bytes())) if TARGET.exists() else ""
    if date < before:
        sys.exit(f"{found} is of {date}, older than the list of {before} that is there")
    TARGET.write_bytes(gzip.compress(data, 9, mtime=0))
    return date


def date_of(data: bytes) -> str:
    """The day that a list names in its head, such as 2026-10-24."""
    match = re.search(rb"(?m)^#\s+Date:\s+([0-9-]{10})", data[:2000])
    if match is None:
        sys.exit("This is no pci.ids: its head has no Date")
    return match[1].decode()


def _download(folder: Path) -> Path:
    subprocess.run(["apt-get", "download", "pci.ids"], cwd=folder, check=True, timeout=300)
    return next(folder.glob("pci.ids_*.deb"))


if __name__ == "__main__":
    print(f"{TARGET.relative_to(ROOT)} is the list of {update(Path(sys.argv[1]) if len(sys.argv) > 1 else None)}")
