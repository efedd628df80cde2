"""Runs the stages of `make check` and `make test` in order, each with its time, and stops at the first that fails."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tools.command import ROOT
from tools.environment import DEV
from tools.postgres import find_bin

_NO_TESTS = 5  # pytest's exit code when nothing was selected
_PARALLEL = ("--numprocesses=auto", "--maxprocesses=4")  # a lab host fills a core by itself: its stages go one by one


@dataclass(frozen=True, slots=True)
class Stage:
    """One named command."""

    name: str
    command: tuple[str, ...]


def check_stages(*, with_postgres: bool) -> list[Stage]:
    """Return what must pass before every commit; the tests that need PostgreSQL run where its programs are."""
    marks = ["not lab", "not clients", "not processes", "not browser"] + ([] if with_postgres else ["not postgres"])
    return [
        Stage("format", _tool("ruff", "format", "--check", ".")),
        Stage("lint", _tool("ruff", "check", ".")),
        Stage("types", _tool("mypy")),
        Stage("types of tools and tests", _tool("mypy", "tools", "benchmarks", "tests")),
        Stage("imports", _tool("lint-imports")),
        Stage("tests", _pytest(" and ".join(marks), *_PARALLEL)),
    ]


def test_stages() -> list[Stage]:
    """Return everything: the checks with PostgreSQL, then the stock clients, then the lab."""
    return [
        *check_stages(with_postgres=True),
        Stage("processes", _pytest("processes and not fuzz", *_PARALLEL)),
        Stage("fuzz", _pytest("fuzz", "tests/fuzz", *_PARALLEL)),
        Stage("browser", _pytest("browser", "tests/browser")),
        Stage("clients", _pytest("clients", *_PARALLEL)),
        # A lab of its own for each: the lab's tests cut its power and hang it.
        Stage("lab", _pytest("lab", "tests/lab")),
        Stage("cloud", _pytest("lab", "tests/cloud")),
    ]


def run_stages(stages: Sequence[Stage]) -> int:
    """Run the stages; return the exit code of the first that fails, or 0."""
    began = time.monotonic()
    took: list[str] = []
    for number, stage in enumerate(stages, start=1):
        print(f"\n== {number}/{len(stages)} {stage.name}: {' '.join(stage.command)}", flush=True)
        start = time.monotonic()
        code = subprocess.run(stage.command, cwd=ROOT, check=False).returncode
        took.append(f"{stage.name} {time.monotonic() - start:.1f} s")
        print(f"== {stage.name}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - start:.1f} s", flush=True)
        if code == _NO_TESTS and stage.name in {"tests", "processes", "browser", "clients", "fuzz", "lab", "cloud"}:
            print(f"== no test is in the stage {stage.name}: a stage that runs nothing proves nothing", flush=True)
        if code != 0:
            return code
    print(f"\n== all {len(stages)} stages passed in {time.monotonic() - began:.1f} s: {', '.join(took)}", flush=True)
    return 0


def _tool(name: str, *arguments: str) -> tuple[str, ...]:
    return (str(DEV.folder / "bin" / name), *arguments)


def _pytest(marks: str, *arguments: str) -> tuple[str, ...]:
    return (str(DEV.python), "-m", "pytest", "-m", marks, *arguments)


def main(arguments: Sequence[str]) -> int:
    """Run `check` or `test`."""
    if list(arguments) == ["check"]:
        return run_stages(check_stages(with_postgres=find_bin() is not None))
    if list(arguments) == ["test"]:
        if os.geteuid() != 0:
            print("== not root: the lab stage needs root, or membership of the kvm group where KVM works", flush=True)
        return run_stages(test_stages())
    print("usage: python3 -m tools.stages check|test", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
