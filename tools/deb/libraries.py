"""Copies Busway's run-time dependencies out of this environment, which was made from the hashed lock, and nothing else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.command import SetupError
from tools.lock import locked_versions


def closure(requirements: Iterable[str]) -> dict[str, Distribution]:
    """Return what requirements need of this environment at run time, themselves included, by canonical name."""
    found: dict[str, Distribution] = {}
    waiting = [(Requirement(text), "") for text in requirements]
    seen: set[tuple[str, str]] = set()
    while waiting:
        wanted, extra = waiting.pop()
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(wanted.name)
        found[name] = distribution(name)
        for asked in {"", *wanted.extras}:
            if (name, asked) not in seen:
                seen.add((name, asked))
                waiting += [(Requirement(text), asked) for text in found[name].requires or []]
    return found


def require_locked(found: dict[str, Distribution], lock: str) -> None:
    """Raise where this environment has another version than the lock says."""
    locked: dict[str, str] = {canonicalize_name(name): version for name, version in locked_versions(lock).items()}
    other = [f"{name} {each.version}" for name, each in found.items() if locked.get(name) != each.version]
    if other:
        raise SetupError(f"not as requirements/dev.txt has it: {', '.join(sorted(other))}; run `make setup`")


def copy(found: dict[str, Distribution], target: Path) -> None:
    """Copy the files of distributions, without programs, bytecode and tests of their own."""
    for each in found.values():
        for file in each.files or []:
            name = str(file)
            if name.startswith("..") or "__pycache__" in name or re.search(r"(^|/)tests?/", name):
                continue
            place = target / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(each.locate_file(file)), place)
