"""An archive of Debian packages on this machine's network: the packages' names are real, and their contents stand in."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path


def make_package(folder: Path, name: str, needs: str = "", files: Mapping[str, str] | None = None) -> None:
    """Adds a package, with programs by their path."""
    tree = folder / f"{name}.tree"
    fields = {"Package": name, "Version": "1", "Architecture": "all", "Maintainer": "tests", "Description": "stands in"}
    fields |= {"Depends": needs} if needs else {}
    control = "".join(f"{field}: {value}\n" for field, value in fields.items())
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(control)
    for place, text in (files or {}).items():
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        (tree / place).write_text(text)
        (tree / place).chmod(0o755)
    deb = folder / f"{name}.deb"
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", str(tree), str(deb)], check=True, capture_output=True, timeout=60
    )
    digest = hashlib.sha256(deb.read_bytes()).hexdigest()
    with (folder / "Packages").open("a") as index:
        index.write(f"{control}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {digest}\n\n")


def serve(folder: Path, address: str) -> int:
    """Serves the folder until this process ends; answers the port."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer((address, 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])
