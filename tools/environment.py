"""Python environments made from a hashed lock, and remade only when the lock changes."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools.command import ROOT, run

_STAMP = "busway-stamp"
# What builds the packages that come as source; installed from the lock first, so nothing is fetched without a hash.
_BUILD_TOOLS = ("setuptools", "packaging", "wheel")


@dataclass(frozen=True, slots=True)
class Environment:
    """One virtual environment: its folder, its lock, and whether Busway itself goes in (editable)."""

    folder: Path
    lock: Path
    editable: bool

    @property
    def python(self) -> Path:
        """The interpreter inside."""
        return self.folder / "bin" / "python"

    def is_current(self) -> bool:
        """Tell whether the environment was made from today's lock by this interpreter, at this path."""
        stamp = self.folder / _STAMP
        return self.python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == self._content_key()

    def make(self) -> None:
        """Make the environment anew from its lock."""
        shutil.rmtree(self.folder, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(self.folder)])
        self._install_build_tools()
        self._pip("--require-hashes", "--no-build-isolation", "--requirement", str(self.lock))
        if self.editable:
            self._pip("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
        self.record()

    def record(self) -> None:
        """Write down what the environment was made from."""
        (self.folder / _STAMP).write_text(self._content_key(), encoding="utf-8")

    def _install_build_tools(self) -> None:
        stanzas = lock_stanzas(self.lock.read_text(encoding="utf-8"))
        chosen = self.folder / "build-tools.txt"
        chosen.write_text("".join(stanzas[name] for name in _BUILD_TOOLS if name in stanzas), encoding="utf-8")
        self._pip("--require-hashes", "--requirement", str(chosen))

    def _pip(self, *arguments: str) -> None:
        run([str(self.python), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", *arguments])

    def _content_key(self) -> str:
        parts = [
            self.lock.read_bytes(),
            sys.version.encode(),
            sys.base_prefix.encode(),
            str(self.folder.resolve()).encode(),
        ]
        if self.editable:
            parts.append(_build_facts((ROOT / "pyproject.toml").read_text(encoding="utf-8")).encode())
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _build_facts(pyproject: str) -> str:
    """Return what of pyproject.toml an editable install depends on; settings of linters are no part of it."""
    document = tomllib.loads(pyproject)
    return json.dumps([document["build-system"], document["project"], document["tool"]["hatch"]], sort_keys=True)


def lock_stanzas(lock: str) -> dict[str, str]:
    """Split a lock into one stanza (requirement line and its hashes) per package name."""
    stanzas: dict[str, str] = {}
    for stanza in re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE):
        if match := re.match(r"[A-Za-z0-9._-]+", stanza):
            stanzas[match.group()] = stanza
    return stanzas


DEV = Environment(ROOT / ".venv", ROOT / "requirements" / "dev.txt", editable=True)
CLIENTS = Environment(ROOT / ".venv-clients", ROOT / "requirements" / "clients.txt", editable=False)
