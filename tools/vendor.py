"""`make vendor`: fetches the browser's libraries that `packages.toml` names from their npm packages, and checks them.

Each package is known by the integrity of its archive, as npm's own locks have it; of its files only those are kept that
are listed. `SHA256SUMS` beside them lets anyone check what is in the tree without npm: `sha256sum -c`. Needs npm.
"""

from __future__ import annotations

import base64
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tools.command import ROOT, SetupError

LISTS = (
    ROOT / "src/busway/web/vendor/packages.toml",  # what browsers are served
    ROOT / "tests/browser/vendor/packages.toml",  # what tests alone use
)
SUMS = "SHA256SUMS"
_TOP = "package/"


@dataclass(frozen=True, slots=True)
class Package:
    """One npm package; `files` are patterns of paths within it, `folder` is where they go."""

    name: str
    version: str
    licence: str
    why: str
    integrity: str
    files: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Its name as one word: "novnc" of "@novnc/novnc", "xterm-addon-fit" of "@xterm/addon-fit"."""
        scope, _, name = self.name.removeprefix("@").rpartition("/")
        return name if scope in name else f"{scope}-{name}"


def read_list(path: Path) -> list[Package]:
    """Return the packages of a list."""
    listed = tomllib.loads(path.read_text(encoding="utf-8"))["package"]
    return [Package(**{**each, "files": tuple(each["files"])}) for each in listed]


def unpack(archive: bytes, package: Package) -> dict[str, bytes]:
    """Check an archive and return the listed files of it by their paths; raise `SetupError` for another archive."""
    kind, _, wanted = package.integrity.partition("-")
    found = base64.b64encode(hashlib.new(kind, archive).digest()).decode()
    if found != wanted:
        raise SetupError(f"{package.name} {package.version} is {kind}-{found}, and the list says {package.integrity}")
    kept: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for member in tar.getmembers():
            path = member.name.removeprefix(_TOP)
            if member.isfile() and any(fnmatch(path, pattern) for pattern in package.files):
                content = tar.extractfile(member)
                assert content is not None
                kept[path] = content.read()
    missing = [pattern for pattern in package.files if not any(fnmatch(path, pattern) for path in kept)]
    if missing:
        raise SetupError(f"{package.name} {package.version} has no {', '.join(missing)}")
    return kept


def sums_of(folder: Path) -> str:
    """Return the lines of `SHA256SUMS` for all files in the folders of packages."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.parent != folder)
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}\n" for path in files
    )


def _fetch(package: Package) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", f"{package.name}@{package.version}"]
        try:
            subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
        except FileNotFoundError as error:
            raise SetupError("npm is not installed") from error
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise SetupError(f"{' '.join(command)}: {error}") from error
        return next(Path(folder).glob("*.tgz")).read_bytes()


def _renew(path: Path) -> None:
    packages = read_list(path)
    contents = {package.folder: unpack(_fetch(package), package) for package in packages}
    for child in path.parent.iterdir():
        if child.is_dir():
            shutil.rmtree(child)
    for folder, files in contents.items():
        for name, content in files.items():
            target = path.parent / folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    (path.parent / SUMS).write_text(sums_of(path.parent), encoding="utf-8")
    for package in packages:
        print(f"{package.name} {package.version} ({package.licence}): {len(contents[package.folder])} files")


def main() -> int:
    """Fetch all lists."""
    try:
        for path in LISTS:
            _renew(path)
    except SetupError as error:
        print(f"vendor: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
