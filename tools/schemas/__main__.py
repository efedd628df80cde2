"""Runs the tests of the API, records each answer of the compute API, and asks Nova's own schemas about all of them.

Exit code 0 only when no answer breaks the schema that Nova has for its operation and microversion.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.api.recorded import BOUNDARIES, VARIABLE
from tools.command import ROOT, SetupError
from tools.environment import DEV
from tools.oracle.__main__ import ORACLE, make_environment

_SECONDS = 1800
_WIDTH = 900
_EXAMPLES = 2
_COUNTING = ("tests/api/test_list_costs.py",)  # they count the statements of their requests, and recording asks more


def main() -> int:
    """Make the environment, record, ask, report."""
    try:
        make_environment()
        with tempfile.TemporaryDirectory(prefix="busway-answers-") as folder:
            return _run(Path(folder))
    except SetupError as error:
        print(f"schemas: {error}", file=sys.stderr)
        return 1


def _run(folder: Path) -> int:
    boundaries = _peer("boundaries")
    (folder / BOUNDARIES).write_text(boundaries, encoding="utf-8")
    chosen = ["-n", str(os.cpu_count() or 1), "-m", "not postgres", "tests/api", *(f"--ignore={each}" for each in _COUNTING)]
    tests = [str(DEV.python), "-m", "pytest", "-q", *chosen]
    print("schemas: running the tests of the API", flush=True)
    code = subprocess.run(tests, cwd=ROOT, env={**os.environ, VARIABLE: str(folder)}, check=False).returncode
    if code:
        raise SetupError(f"the tests of the API failed ({code}): their answers prove nothing")
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    told = [json.loads(line) for line in _peer("check", "".join(f"{line}\n" for line in lines)).splitlines()]
    return _report([json.loads(line) for line in lines], told, set(json.loads(boundaries)))


def _peer(word: str, text: str = "") -> str:
    command = [str(ORACLE.python), "-W", "ignore", "-m", "tools.schemas.peer", word]
    done = subprocess.run(
        command, cwd=ROOT, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-5:])
        raise SetupError(f"Nova's process ended with {done.returncode}:\n{last}")
    return done.stdout


def _report(recorded: list[dict[str, Any]], told: list[dict[str, str]], known: set[str]) -> int:
    breaches: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()
    versions = {each["version"] for each in recorded}
    for each, answer in zip(recorded, told, strict=True):
        seen[answer["operation"]] += 1
        if answer["breach"]:
            shown = f"2.{each['version']} {each['path']}: {answer['breach']}\n{json.dumps(each['body'])}"
            breaches.setdefault(answer["operation"], []).append(shown[:_WIDTH])
    for operation, shown in sorted(breaches.items()):
        print(f"\n{operation}: {len(shown)} answers")
        print("\n".join(f"  {each}" for each in shown[:_EXAMPLES]))
    own = seen.pop("", 0)
    print(
        f"\nschemas: {sum(seen.values())} different answers of {len(seen)} of Nova's {len(known)} operations at "
        f"{len(versions)} microversions; {sum(map(len, breaches.values()))} break their schemas; {own} of paths that Nova has not"
    )
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
