"""Runs the tests of the API, records each answer of the compute API, and asks Nova's own schemas about all of them.

Exit code 0 only when no answer breaks the schema that Nova has for its operation and microversion.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.api.recorded import BOUNDARIES, VARIABLE

from busway.api.microversion import MAXIMUM
from tools.command import ROOT, SetupError
from tools.environment import DEV
from tools.oracle.__main__ import ORACLE, make_environment

_SECONDS = 1800
_WIDTH = 900
_EXAMPLES = 2
# Their schemas take the names of hosts, with which Nova's own code answers, for UUIDs.
_NAMING_HOSTS = ("GET /os-instance_usage_audit_log", "GET /os-instance_usage_audit_log/{id}")
Json = dict[str, Any]
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
    ranges: dict[str, list[int]] = json.loads(_peer("ranges"))
    asked = {
        name: sorted({each for first in since for each in (first, max(first - 1, 1))}) for name, since in ranges.items()
    }
    (folder / BOUNDARIES).write_text(json.dumps(asked), encoding="utf-8")
    chosen = [
        "-n",
        str(os.cpu_count() or 1),
        "-m",
        "not postgres",
        "tests/api",
        *(f"--ignore={each}" for each in _COUNTING),
    ]
    tests = [str(DEV.python), "-m", "pytest", "-q", *chosen]
    print("schemas: running the tests of the API", flush=True)
    code = subprocess.run(tests, cwd=ROOT, env={**os.environ, VARIABLE: str(folder)}, check=False).returncode
    if code:
        raise SetupError(f"the tests of the API failed ({code}): their answers prove nothing")
    lines = [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text(encoding="utf-8").splitlines()]
    told = [json.loads(line) for line in _peer("check", "".join(f"{line}\n" for line in lines)).splitlines()]
    return _report([json.loads(line) for line in lines], told, ranges)


def _peer(word: str, text: str = "") -> str:
    command = [str(ORACLE.python), "-W", "ignore", "-m", "tools.schemas.peer", word]
    done = subprocess.run(command, cwd=ROOT, input=text, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-5:])
        raise SetupError(f"Nova's process ended with {done.returncode}:\n{last}")
    return done.stdout


def _report(recorded: list[Json], told: list[Json], ranges: Mapping[str, list[int]]) -> int:
    breaches: dict[str, list[str]] = {}
    seen: dict[str, set[int]] = {}
    for each, answer in zip(recorded, told, strict=True):
        name = answer["operation"]
        seen.setdefault(name, set()).add(answer["since"])
        of_nova = name in _NAMING_HOSTS and answer["breach"].endswith("is not a 'uuid'")
        if answer["breach"] and not of_nova:
            shown = f"2.{each['version']} {each['path']}: {answer['breach']}\n{json.dumps(each['body'])}"
            breaches.setdefault(name, []).append(shown[:_WIDTH])
    for name, examples in sorted(breaches.items()):
        print(f"\n{name}: {len(examples)} answers")
        print("\n".join(f"  {each}" for each in examples[:_EXAMPLES]))
    seen.pop("", None)
    print("\nNot asked:")
    for name in seen:
        if left := [f"2.{since}" for since in ranges[name] if since not in seen[name] and since <= MAXIMUM]:
            print(f"  {name} from {', '.join(left)}")
    asked = sum(len(since - {0}) for since in seen.values())
    print(
        f"\nschemas: {len(recorded)} different answers of {len(seen)} of Nova's {len(ranges)} operations; {asked} of these "
        f"operations' {sum(len(ranges[name]) for name in seen)} schemas; {sum(map(len, breaches.values()))} answers break theirs"
    )
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
