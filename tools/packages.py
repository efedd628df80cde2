"""Debian packages: reads the list, finds what is missing, installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.command import ROOT, SetupError, run

PACKAGE_LIST = ROOT / "packaging" / "debian-packages.txt"
_APT_LISTS = Path("/var/lib/apt/lists")
_STALE_AFTER_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class DebianPackage:
    """One package and the reason for it."""

    name: str
    why: str


def parse_packages(text: str) -> list[DebianPackage]:
    """Read lines of `name  # why`; skip blank lines and comments; a package needs a reason."""
    packages = []
    for number, line in enumerate(text.splitlines(), start=1):
        name, _, why = (part.strip() for part in line.partition("#"))
        if not name:
            continue
        if not why or len(name.split()) != 1:
            raise SetupError(f"line {number} of the package list must be `name  # why`, and is: {line!r}")
        packages.append(DebianPackage(name, why))
    return packages


def list_packages() -> list[DebianPackage]:
    """Return the packages that the project needs on Debian 12."""
    return parse_packages(PACKAGE_LIST.read_text(encoding="utf-8"))


def missing_packages(names: Sequence[str]) -> list[str]:
    """Return those of `names` that dpkg does not report as installed."""
    query = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package}\n", *names]
    answer = subprocess.run(query, capture_output=True, text=True, check=False, timeout=60).stdout
    installed = {line.split()[1] for line in answer.splitlines() if line.startswith("installed ")}
    return [name for name in names if name not in installed]


def is_debian_12(os_release: str) -> bool:
    """Tell from the text of /etc/os-release whether this is the distribution that the package list is written for."""
    lines = [line.strip().replace('"', "") for line in os_release.splitlines()]
    return "ID=debian" in lines and "VERSION_ID=12" in lines


def require_debian_12(packages: Iterable[DebianPackage]) -> None:
    """Raise, with what is needed, where the package list does not apply."""
    path = Path("/etc/os-release")
    if path.exists() and is_debian_12(path.read_text(encoding="utf-8")):
        return
    needed = "\n".join(f"    {package.name:<28}{package.why}" for package in packages)
    raise SetupError(
        "set-up installs packages on Debian 12 only. Install what these Debian packages give,\n"
        f"then run `make setup BUSWAY_SKIP_PACKAGES=1`:\n{needed}"
    )


def refresh_lists() -> None:
    """Run `apt-get update` when the lists of packages are missing or older than a day."""
    if not _lists_are_fresh():
        _apt("update", "--quiet")


def install(names: Sequence[str]) -> None:
    """Install packages without their recommended ones; once more after `apt-get update` if the lists were behind."""
    refresh_lists()
    command = ("install", "--yes", "--quiet", "--no-install-recommends", *names)
    try:
        _apt(*command)
    except SetupError:
        _apt("update", "--quiet")
        _apt(*command)


def _lists_are_fresh() -> bool:
    if not any(_APT_LISTS.glob("*_Packages*")):
        return False
    return time.time() - (_APT_LISTS / "partial").stat().st_mtime < _STALE_AFTER_S


def _apt(*arguments: str) -> None:
    run([*_as_root(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", *arguments])


def _as_root() -> list[str]:
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo"):
        return ["sudo"]
    raise SetupError("installing packages needs root, and sudo is not installed: run `make setup` as root")
