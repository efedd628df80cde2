"""Lays the package out as it will lie on a machine, and has dpkg-deb pack it."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from click.shell_completion import get_completion_class

import busway
from busway.cli.main import main as command
from tools.command import ROOT, SetupError
from tools.deb.libraries import closure, copy, require_locked
from tools.deb.manual import pages

SOURCE = ROOT / "packaging" / "debian"
UNITS = ("busway.service", "busway-agent.service", "busway-up.service")
SCRIPTS = ("postinst", "prerm", "postrm")
CONFFILES = {"etc/busway/busway.conf": "busway.conf", "etc/default/busway-agent": "busway-agent.default"}
_LIBRARIES = "usr/lib/busway/lib"
_LAUNCHER = """#!/usr/lib/busway/bin/python3 -sP
import sys

from busway.cli.main import main

sys.argv[0] = "busway"
sys.exit(main())
"""


@dataclass(frozen=True, slots=True)
class Package:
    """What the package is: its version, and how hard it is packed (0 to 9)."""

    version: str = busway.__version__
    level: int = 6

    def build(self, folder: Path) -> Path:
        """Build the package into a folder; returns its path."""
        major, minor = sys.version_info[:2]
        architecture = _output("dpkg", "--print-architecture")
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"busway_{self.version}_{architecture}.deb"
        with tempfile.TemporaryDirectory(prefix="busway-deb-") as name:
            root = Path(name) / "root"
            root.mkdir(mode=0o755)
            _environment(root, f"{major}.{minor}")
            _surroundings(root, self.version)
            _control(root, self.version, architecture, (major, minor))
            for path in root.rglob("*"):
                if not path.is_symlink():
                    path.chmod(0o755 if path.is_dir() or _is_program(root, path) else 0o644)
            options = ("--root-owner-group", "-Zgzip", f"-z{self.level}")
            _output("dpkg-deb", *options, "--build", str(root), str(target))
        return target


def _environment(root: Path, python: str) -> None:
    """Make a virtual environment of the system's Python by hand: pip is no part of it."""
    libraries = root / _LIBRARIES / f"python{python}" / "site-packages"
    libraries.mkdir(parents=True)
    programs = root / "usr/lib/busway/bin"
    programs.mkdir(parents=True)
    (programs / "python3").symlink_to(f"/usr/bin/python{python}")
    _write(root / "usr/lib/busway/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = closure(project["dependencies"])
    require_locked(found, (ROOT / "requirements/dev.txt").read_text(encoding="utf-8"))
    copy(found, libraries)
    with tempfile.TemporaryDirectory(prefix="busway-wheel-") as name:
        _output(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", name)
        [wheel] = Path(name).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(libraries)
    _write(root / "usr/bin/busway", _LAUNCHER)


def _surroundings(root: Path, version: str) -> None:
    """Units, configuration, man pages, completion and licence."""
    for name in UNITS:
        _write(root / "lib/systemd/system" / name, (SOURCE / name).read_text(encoding="utf-8"))
    for place, name in CONFFILES.items():
        _write(root / place, (SOURCE / name).read_text(encoding="utf-8"))
    for name, text in pages(command, version).items():
        _pack(root / "usr/share/man/man1" / f"{name}.gz", text)
    places = {"bash": "bash-completion/completions/busway", "zsh": "zsh/vendor-completions/_busway"}
    for shell, place in places.items():
        _write(root / "usr/share" / place, completion(shell))
    _write(root / "usr/share/doc/busway/copyright", (SOURCE / "copyright").read_text(encoding="utf-8"))
    _pack(root / "usr/share/doc/busway/changelog.gz", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))


def completion(shell: str) -> str:
    """Return the script with which a shell completes `busway`."""
    kind = get_completion_class(shell)
    assert kind is not None
    return kind(command, {}, "busway", "_BUSWAY_COMPLETE").source()


def _control(root: Path, version: str, architecture: str, python: tuple[int, int]) -> None:
    folder = root / "DEBIAN"
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    sums = "".join(
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(root)}\n"
        for path in files
        if str(path.relative_to(root)) not in CONFFILES
    )
    kib = sum(path.stat().st_size for path in files) // 1024
    major, minor = python
    text = (SOURCE / "control").read_text(encoding="utf-8")
    words = {"version": version, "architecture": architecture, "size": str(kib)}
    words |= {"python": f"{major}.{minor}", "python_next": f"{major}.{minor + 1}"}
    _write(folder / "control", text.format(**words))
    _write(folder / "conffiles", "".join(f"/{place}\n" for place in CONFFILES))
    _write(folder / "md5sums", sums)
    for name in SCRIPTS:
        _write(folder / name, (SOURCE / name).read_text(encoding="utf-8"))


def _is_program(root: Path, path: Path) -> bool:
    return str(path.relative_to(root)) in {"usr/bin/busway", *(f"DEBIAN/{name}" for name in SCRIPTS)}


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _pack(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def _output(*arguments: str) -> str:
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode != 0:
        raise SetupError(f"{' '.join(arguments[:3])} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()
