"""PostgreSQL 15 programs for tests: the installed ones, or a private copy that starts no service."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from tools.cache import cache_folder
from tools.command import SetupError, run
from tools.packages import refresh_lists

_PACKAGE = "postgresql-15"
_BIN = Path("usr/lib/postgresql/15/bin")
_PROGRAMS = ("initdb", "postgres", "pg_ctl")


def find_bin() -> Path | None:
    """Return the folder of initdb and postgres: $BUSWAY_POSTGRES_BIN, the system's, or the private copy's."""
    candidates = [Path("/") / _BIN, _private_root() / _BIN]
    if chosen := os.environ.get("BUSWAY_POSTGRES_BIN"):
        candidates.insert(0, Path(chosen))
    return next((folder for folder in candidates if all((folder / name).exists() for name in _PROGRAMS)), None)


def unpack() -> Path:
    """Download Debian's package and unpack it in the cache; nothing is installed and no cluster is made."""
    refresh_lists()
    root = _private_root()
    root.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root.parent) as scratch:
        run(["apt-get", "download", "--quiet", "-o", "APT::Sandbox::User=root", _PACKAGE], cwd=Path(scratch))
        package = next(Path(scratch).glob("*.deb"))
        tree = Path(scratch) / "tree"
        run(["dpkg", "--extract", str(package), str(tree)])
        run([str(tree / _BIN / "postgres"), "--version"])
        run([str(tree / _BIN / "initdb"), "--version"])
        shutil.rmtree(root, ignore_errors=True)
        tree.chmod(0o755)
        tree.rename(root)
    return root / _BIN


def _private_root() -> Path:
    return cache_folder() / _PACKAGE


def main() -> int:
    """Print the folder of the PostgreSQL 15 programs, or say how to get them."""
    folder = find_bin()
    if folder is None:
        print("no PostgreSQL 15 programs found; `make setup` unpacks them", file=sys.stderr)
        return 1
    print(folder)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SetupError as error:
        sys.exit(str(error))
