"""Runs the stages of `make check` and `make test` in order, each with its time, and stops at the first that fails."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from tools.command import ROOT
from tools.environment import DEV

# Compiled modules are kept: the stages start thousands of processes that import the same ones.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_NO_TESTS = 5  # pytest's exit code when nothing was selected
_CORES = len(os.sched_getaffinity(0))
_PARALLEL = (f"--numprocesses={min(4, _CORES)}",)  # a lab host fills a core by itself: its stages go one by one
_STARTING = (f"--numprocesses={min(6, _CORES + _CORES // 2)}",)  # a fifth of a process's time is spent waiting
_WAITING = (f"--numprocesses={min(8, 2 * _CORES)}",)  # half of a fast test's time is spent waiting


@dataclass(frozen=True, slots=True)
class Stage:
    """One named command. Stages in a row that have lanes run lane beside lane, and within a lane one after the other."""

    name: str
    command: tuple[str, ...]
    lane: str = ""


def check_stages(*, whole: bool = False) -> list[Stage]:
    """Return what must pass before every commit, in 4 minutes; `whole` adds PostgreSQL and the tests that take long."""
    marks = ["not lab", "not clients", "not processes", "not browser"]
    marks += ["not again"] if whole else ["not postgres", "not thorough"]
    return [
        Stage("format", _tool("ruff", "format", "--check", ".")),
        Stage("lint", _tool("ruff", "check", ".")),
        Stage("types", _tool("mypy")),
        Stage("types of tools and tests", _tool("mypy", "tools", "benchmarks", "tests")),
        Stage("imports", _tool("lint-imports")),
        Stage("tests", _pytest(" and ".join(marks), *_WAITING)),
    ]


def test_stages() -> list[Stage]:
    """Return everything: the checks with PostgreSQL and all that takes long, then the stock clients, then the lab."""
    return [
        *check_stages(whole=True),
        Stage("processes", _pytest("processes and not fuzz and not again", *_STARTING)),
        Stage("browser", _pytest("browser", "tests/browser")),
        Stage("clients", _pytest("clients and not tools", *_PARALLEL)),
        # A lab of its own for each: the lab's tests cut its power and hang it. Without KVM each fills one core.
        Stage("cloud", _pytest("lab", "tests/cloud", "-v"), lane="one lab"),
        Stage("lab", _pytest("lab", "tests/lab", "-v"), lane="the other"),
        Stage("fuzz", _pytest("fuzz", "tests/fuzz"), lane="the other"),
    ]


def clients_stages() -> list[Stage]:
    """Return the tests of the stock clients, some of them with Debian's, then those of the other tools, on one cloud."""
    of_debian = ("env", f"BUSWAY_CLIENTS_BIN={ROOT / '.venv-client-debian' / 'bin'}")
    return [
        Stage("clients", _pytest("clients and not tools", *_PARALLEL)),
        Stage("clients of Debian 12", (*of_debian, *_pytest("clients", "tests/api/test_clients.py", *_PARALLEL))),
        Stage("tools", _pytest("tools", "-v", "tests/clients")),
    ]


def run_stages(stages: Sequence[Stage]) -> int:
    """Run the stages in order; return the exit code of the first that fails, or 0. Each lane goes on to its own end first."""
    began = time.monotonic()
    took: list[str] = []
    numbers = {stage.name: f"{number}/{len(stages)}" for number, stage in enumerate(stages, start=1)}
    for lanes in _side_by_side(stages):
        with ThreadPoolExecutor(len(lanes)) as together:
            codes = list(together.map(partial(_run_lane, numbers, took, alone=len(lanes) == 1), lanes))
        if any(codes):
            return next(code for code in codes if code)
    print(f"\n== all {len(stages)} stages passed in {time.monotonic() - began:.1f} s: {', '.join(took)}", flush=True)
    return 0


def _side_by_side(stages: Sequence[Stage]) -> list[list[list[Stage]]]:
    """The stages in order, in groups of lanes; a stage without a lane is a group by itself."""
    groups: list[list[list[Stage]]] = []
    for has_lane, row in itertools.groupby(stages, key=lambda stage: stage.lane != ""):
        lanes: dict[str, list[Stage]] = {}
        for stage in row:
            lanes.setdefault(stage.lane if has_lane else stage.name, []).append(stage)
        groups += [list(lanes.values())] if has_lane else [[lane] for lane in lanes.values()]
    return groups


def _run_lane(numbers: Mapping[str, str], took: list[str], lane: Sequence[Stage], *, alone: bool) -> int:
    """Runs stages one after the other up to the first that fails; returns its exit code, or 0."""
    for stage in lane:
        print(f"\n== {numbers[stage.name]} {stage.name}: {' '.join(stage.command)}", flush=True)
        code = _run(took, stage, alone=alone)
        if code:
            return code
    return 0


def _run(took: list[str], stage: Stage, *, alone: bool) -> int:
    """Runs one stage to its end; beside another its name is before each line of it."""
    start = time.monotonic()
    if alone:
        code = subprocess.run(stage.command, cwd=ROOT, env=_ENVIRONMENT, check=False).returncode
    else:
        with subprocess.Popen(
            stage.command,
            cwd=ROOT,
            env=_ENVIRONMENT,
            text=True,
            errors="replace",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as running:
            assert running.stdout is not None
            for line in running.stdout:
                print(f"[{stage.name}] {line}", end="", flush=True)
        code = running.returncode
    seconds = time.monotonic() - start
    took.append(f"{stage.name} {seconds:.1f} s")
    print(f"== {stage.name}: {'passed' if code == 0 else 'FAILED'} in {seconds:.1f} s", flush=True)
    if code == _NO_TESTS and stage.name in {"tests", "processes", "browser", "clients", "fuzz", "lab", "cloud"}:
        print(f"== no test is in the stage {stage.name}: a stage that runs nothing proves nothing", flush=True)
    return code


def _tool(name: str, *arguments: str) -> tuple[str, ...]:
    return (str(DEV.folder / "bin" / name), *arguments)


def _pytest(marks: str, *arguments: str) -> tuple[str, ...]:
    return (str(DEV.python), "-m", "pytest", "-m", marks, *arguments)


def main(arguments: Sequence[str]) -> int:
    """Run `check` or `test`."""
    if list(arguments) == ["check"]:
        return run_stages(check_stages())
    if list(arguments) == ["test"]:
        if os.geteuid() != 0:
            print("== not root: the lab stage needs root, or membership of the kvm group where KVM works", flush=True)
        return run_stages(test_stages())
    print("usage: python3 -m tools.stages check|test", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
