"""`make lock`: compiles pyproject.toml and requirements/*.in into hashed locks that name no package index."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from tools.command import ROOT, SetupError, run
from tools.environment import CLIENTS, DEV, lock_stanzas
from tools.mutation import MUTATION
from tools.oracle.lock_check import check_lock

_FOLDER = ROOT / ".venv-lock"
_OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-annotate",
    "--no-header",
    "--quiet",
    "--upgrade",
)


def main() -> int:
    """Compile all locks; uv comes from an environment of its own."""
    try:
        uv = _uv()
        _compile(uv, DEV.lock, "pyproject.toml", "--group", "dev")
        _compile(uv, CLIENTS.lock, "--group", "clients")
        _compile(uv, MUTATION.lock, "pyproject.toml", "--group", "mutation")
        for source in sorted((ROOT / "requirements").glob("*.in")):
            lock = source.with_suffix(".txt")
            _compile(uv, lock, f"requirements/{source.name}")
            check_lock(lock.read_text(encoding="utf-8"))
    except SetupError as error:
        print(f"lock: {error}", file=sys.stderr)
        return 1
    return 0


def _uv() -> Path:
    uv = _FOLDER / "bin" / "uv"
    if not uv.exists():
        shutil.rmtree(_FOLDER, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(_FOLDER)])
        run([str(_FOLDER / "bin" / "pip"), "install", "--no-input", "uv"])
    return uv


def _compile(uv: Path, lock: Path, *sources: str) -> None:
    print(f"compiling {lock.relative_to(ROOT)}", flush=True)
    before = locked_versions(lock.read_text(encoding="utf-8")) if lock.exists() else {}
    run([str(uv), "pip", "compile", *sources, *_OPTIONS, "--output-file", str(lock)])
    for line in moved(before, locked_versions(lock.read_text(encoding="utf-8"))):
        print(f"  {line}", flush=True)


def locked_versions(lock: str) -> dict[str, str]:
    """Return the version of each package of a lock."""
    found = {name: re.search(r"==([^\s;\\]+)", stanza) for name, stanza in lock_stanzas(lock).items()}
    return {name: version.group(1) for name, version in found.items() if version}


def moved(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return a line for each package that came, went or changed its version."""
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return [f"{name}: {before.get(name, 'not there')} -> {after.get(name, 'not there')}" for name in names]


if __name__ == "__main__":
    sys.exit(main())
