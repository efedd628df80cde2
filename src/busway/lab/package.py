"""Debian packages the lab needs: installed ones are checked for, others are downloaded and only unpacked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from busway.lab.cache import Cache, digest
from busway.lab.errors import LabUnprepared

_DAY_SECONDS = 86400
_DOWNLOAD_SECONDS = 600
_RUN_SECONDS = 120

# A program or a file, and the Debian package that brings it.
NEEDED = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "libvirtd": "libvirt-daemon",
    "/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so": "libvirt-daemon-driver-qemu",
    "virsh": "libvirt-clients",
    "/bin/busybox": "busybox-static",
    "modprobe": "kmod",
    "depmod": "kmod",
    "lspci": "pciutils",
    "ip": "iproute2",
    "nft": "nftables",
    "dnsmasq": "dnsmasq-base",
    "mkfs.ext4": "e2fsprogs",
    "lz4": "lz4",
    "setsid": "util-linux",
    "dpkg-deb": "dpkg",
    "apt-get": "apt",
}


def check_installed(needed: dict[str, str] | None = None) -> None:
    """Refuse, naming every missing program at once and the command that installs them."""
    missing = {what: package for what, package in (needed or NEEDED).items() if not _is_there(what)}
    if missing:
        packages = " ".join(sorted(set(missing.values())))
        raise LabUnprepared(
            f"The lab needs {len(missing)} programs that this machine does not have",
            detail="Missing: " + ", ".join(f"{what} ({package})" for what, package in missing.items()),
            remedy=f"apt-get install --no-install-recommends {packages}",
        )


def _is_there(what: str) -> bool:
    if what.startswith("/"):
        return Path(what).exists()
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return shutil.which(what, path=path) is not None


def dependency(cache: Cache, package: str, pattern: str) -> str:
    """Name the package that the meta-package `package` stands for, such as the kernel of today."""
    return _remembered(cache, f"dependency-{package}", lambda: _dependency(package, pattern))


def _dependency(package: str, pattern: str) -> str:
    shown = _run("apt-cache", "depends", package)
    found = re.search(rf"Depends: ({pattern})$", shown, re.MULTILINE)
    if found is None:
        raise LabUnprepared(
            f"apt knows no package {package} that depends on {pattern}", detail=shown.strip(), remedy="apt-get update"
        )
    return found[1]


def unpacked(cache: Cache, name: str, packages: list[str]) -> Path:
    """Answer a folder with the files of the packages, at the versions apt would install now.

    The key is the list of versions, so an update of Debian makes a new entry.
    """
    found = versions(cache, packages)
    return cache.entry(f"tree/{name}-{digest(*packages, *found)}", lambda new: _unpack(cache, packages, found, new))


def versions(cache: Cache, packages: list[str]) -> list[str]:
    """List the versions that apt would install now."""
    return _remembered(cache, f"versions-{digest(*packages)}", lambda: " ".join(map(_candidate, packages))).split()


def download(packages: list[str], versions: list[str], folder: Path) -> None:
    """Fetch the packages, at these versions, into a new folder."""
    folder.mkdir()
    exact = [f"{package}={version}" for package, version in zip(packages, versions, strict=True)]
    _run("apt-get", "-q", "download", *exact, cwd=folder, seconds=_DOWNLOAD_SECONDS)


def _remembered(cache: Cache, name: str, ask: Callable[[], str]) -> str:
    """Answer what apt said within the last day; an older answer counts when apt has none (no index, no network)."""
    kept = cache.root / "apt" / name
    age = time.time() - kept.stat().st_mtime if kept.exists() else float("inf")
    if 0 <= age < _DAY_SECONDS:
        return kept.read_text()
    try:
        answer = ask()
    except LabUnprepared:
        if not kept.exists():
            raise
        return kept.read_text()
    kept.parent.mkdir(parents=True, exist_ok=True)
    new = kept.with_name(f".{name}.{os.getpid()}")
    new.write_text(answer)
    new.replace(kept)
    return answer


def _unpack(cache: Cache, packages: list[str], versions: list[str], new: Path) -> None:
    new.mkdir()
    debs = cache.entry(f"debs/{digest(*packages, *versions)}", lambda folder: download(packages, versions, folder))
    for deb in sorted(debs.glob("*.deb")):
        _run("dpkg-deb", "-x", str(deb), str(new))


def _candidate(package: str) -> str:
    found = re.search(r"Candidate: (\S+)", _run("apt-cache", "policy", package))
    if found is None or found[1] == "(none)":
        raise LabUnprepared(f"apt has no package {package} to offer", remedy="Run apt-get update, then try again")
    return found[1]


def _run(*argv: str, cwd: Path | None = None, seconds: float = _RUN_SECONDS) -> str:
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=seconds, check=True, env=env)
    except subprocess.TimeoutExpired as error:
        raise LabUnprepared(f"{argv[0]} {argv[1]} took more than {seconds:.0f} s", detail=" ".join(argv)) from error
    except subprocess.CalledProcessError as error:
        raise LabUnprepared(
            f"{argv[0]} {argv[1]} failed", detail=str(error.stderr).strip(), remedy="Run apt-get update, then try again"
        ) from error
    return done.stdout
