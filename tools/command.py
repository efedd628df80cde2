"""Runs programs with their output in one log, and shows the end of it when one fails."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / ".cache" / "setup.log"
_TAIL_LINES = 25


class SetupError(Exception):
    """Says what failed and what to do about it."""


def run(
    command: Sequence[str], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None, timeout: float = 1800
) -> None:
    """Run `command` with its output appended to the log; `timeout` is in seconds."""
    LOG.parent.mkdir(parents=True, exist_ok=True)
    with LOG.open("a", encoding="utf-8") as log:
        log.write(f"\n$ {' '.join(command)}\n")
        log.flush()
        try:
            done = subprocess.run(
                command,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise SetupError(f"{command[0]} is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise SetupError(f"{' '.join(command[:3])} did not finish in {timeout:.0f} s; see {LOG}") from error
    if done.returncode != 0:
        raise SetupError(f"{' '.join(command)} ended with {done.returncode}; the end of {LOG}:\n{_tail()}")


def _tail() -> str:
    lines = LOG.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-_TAIL_LINES:])
