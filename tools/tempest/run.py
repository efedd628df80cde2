"""Runs Tempest's tests by their names, with progress, and within a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from tools.command import ROOT, SetupError, run
from tools.environment import Environment
from tools.tempest.outcomes import Outcome, idempotent_id, read_outcomes, short

TEMPEST = Environment(ROOT / ".venv-tempest", ROOT / "requirements" / "tempest.txt", editable=False)
# Tests of networks choose the same first addresses, whoever has them, and local networks never overlap: one test at a time.
# Scenarios of networks wait for their guests most of the time.
_WORKERS = {"network-local": 1, "compute-isolated": 1, "floating-floating": 3}
_USUAL_WORKERS = 2
_LIST_SECONDS = 300
TEST_SECONDS = 300
_TELL_SECONDS = 20
_READER = Path(__file__).with_name("reader.py")


def list_tests(conf: Path, pattern: str) -> list[str]:
    """Return the ids of the tests whose names match."""
    _prepare(conf.parent)
    command = [
        str(TEMPEST.folder / "bin" / "tempest"),
        "run",
        "--config-file",
        str(conf),
        "--list-tests",
        "-r",
        pattern,
    ]
    done = subprocess.run(
        command,
        cwd=conf.parent,
        env=_env(TEST_SECONDS),
        capture_output=True,
        text=True,
        timeout=_LIST_SECONDS,
        check=False,
    )
    found = [line.strip() for line in done.stdout.splitlines() if line.startswith("tempest.")]
    if not found:
        raise SetupError(f"no test matches {pattern}: {(done.stdout + done.stderr)[-600:]}")
    return found


def run_tests(
    conf: Path, name: str, tests: Sequence[str], left_out: dict[str, str], seconds: float, each: int = TEST_SECONDS
) -> list[Outcome]:
    """Run the tests but those that are left out; return one outcome for each. The raw lines stay beside the configuration.

    All together may take `seconds`, and one of them `each`.
    """
    _prepare(conf.parent)
    chosen = [test for test in tests if short(test) not in left_out]
    wanted = conf.parent / f"{name}.tests"
    wanted.write_text("\n".join(chosen) + "\n", encoding="utf-8")
    lines: list[dict[str, Any]] = []
    began = time.monotonic()
    with (
        _stream(conf, wanted, seconds, each, _WORKERS.get(name, _USUAL_WORKERS)) as stream,
        (conf.parent / f"{name}.jsonl").open("w", encoding="utf-8") as kept,
    ):
        reported = began
        for text in stream:
            lines.append(json.loads(text))
            kept.write(text)
            if time.monotonic() - reported > _TELL_SECONDS:
                reported = time.monotonic()
                print(_progress(name, lines, len(chosen), reported - began), flush=True)
    print(_progress(name, lines, len(chosen), time.monotonic() - began), flush=True)
    skipped = [Outcome(short(test), "skipped", left_out[short(test)]) for test in tests if short(test) in left_out]
    ids = {short(test): idempotent_id(test) for test in tests}
    found = [replace(each, id=ids[each.name]) for each in [*read_outcomes(chosen, lines), *skipped]]
    return sorted(found, key=lambda outcome: outcome.name)


def _prepare(folder: Path) -> None:
    """Tempest runs where stestr has its results."""
    if not (folder / ".stestr").exists():
        run([str(TEMPEST.folder / "bin" / "stestr"), "init"], cwd=folder)


def _progress(name: str, lines: Sequence[dict[str, Any]], total: int, seconds: float) -> str:
    states = [line["status"] for line in lines]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("passed", "failed", "skipped"))
    return f"{name:<10}{counts} (of {total} tests; {seconds:.0f} s)"


@contextmanager
def _stream(conf: Path, wanted: Path, seconds: float, each: int, workers: int) -> Iterator[Iterator[str]]:
    """The reader's lines; Tempest and its workers are ended when the time is over or the caller leaves."""
    command = [str(TEMPEST.folder / "bin" / "tempest"), "run", "--config-file", str(conf), "--subunit"]
    command += ["--concurrency", str(workers), "--load-list", str(wanted)]
    with (conf.parent / "tempest.err").open("ab") as errors:
        tempest = subprocess.Popen(
            command, cwd=conf.parent, env=_env(each), stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        reader = subprocess.Popen(
            [str(TEMPEST.python), str(_READER)], stdin=tempest.stdout, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    alarm = threading.Timer(seconds, _end, [tempest])
    alarm.start()
    try:
        assert reader.stdout is not None
        yield iter(reader.stdout)
    finally:
        alarm.cancel()
        _end(tempest)
        tempest.wait(30)
        reader.wait(30)


def _end(tempest: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(tempest.pid, signal.SIGKILL)


def _env(each: int) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTHON"))}
    return {**clean, "OS_TEST_TIMEOUT": str(each), "PYTHONWARNINGS": "ignore"}
