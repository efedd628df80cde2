"""Runs the oracle: exit code 0 only when every difference is of a class that the reference gives a reason for."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence

from tools.command import ROOT, SetupError
from tools.environment import Environment
from tools.oracle import ours
from tools.oracle.cases import Cases
from tools.oracle.differences import CLASSES, UNEXPLAINED, Json, Point, classify, points
from tools.oracle.lock_check import check_lock

ORACLE = Environment(ROOT / ".venv-oracle", ROOT / "requirements" / "oracle.txt", editable=False)
REFERENCE = ROOT / "docs" / "reference" / "nova-differences.md"
_PEER_SECONDS = 1800
_WIDTH = 600


def main(arguments: Sequence[str]) -> int:
    """Generate, ask both, compare, report."""
    parser = argparse.ArgumentParser(prog="oracle", description=__doc__)
    parser.add_argument("--cases", type=int, default=5000, help="how many cases (default 5000)")
    parser.add_argument("--seed", type=int, default=34, help="the generator's seed (default 34)")
    chosen = parser.parse_args(arguments)
    try:
        make_environment()
        cases = list(Cases(chosen.seed).make(chosen.cases))
        began = time.monotonic()
        answers = ask_nova(cases)
    except SetupError as error:
        print(f"oracle: {error}", file=sys.stderr)
        return 1
    print(
        f"oracle: {len(cases)} cases, seed {chosen.seed}; Nova answered in {time.monotonic() - began:.0f} s", flush=True
    )
    found: dict[str, list[Point]] = {}
    for case, nova in zip(cases, answers, strict=True):
        for point in points(case, nova, ours.answer(case)):
            found.setdefault(classify(point), []).append(point)
    return _report(found)


def ask_nova(cases: Sequence[Json]) -> list[Json]:
    """Give all cases to Nova's process and return its answers in the same order."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    command = [str(ORACLE.python), "-W", "ignore", "-m", "tools.oracle.peer"]
    done = subprocess.run(
        command, cwd=ROOT, input=lines, capture_output=True, text=True, timeout=_PEER_SECONDS, check=False
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(cases):
        last = "\n".join(done.stderr.splitlines()[-5:])
        raise SetupError(f"Nova's process ended with {done.returncode} after {len(answers)} answers:\n{last}")
    return answers


def documented() -> set[str]:
    """Return the classes that the reference has a row for."""
    return set(re.findall(r"^\| `([a-z0-9-]+)` \|", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE))


def make_environment() -> None:
    """Make the environment of Nova if it is not there."""
    check_lock(ORACLE.lock.read_text(encoding="utf-8"))
    if not ORACLE.is_current():
        print("oracle: making .venv-oracle with nova 34.0.0 (about a minute, 400 MB)", flush=True)
        ORACLE.make()


def _report(found: dict[str, list[Point]]) -> int:
    for name, all_points in sorted(found.items(), key=lambda item: -len(item[1])):
        print(f"\n{name}: {len(all_points)}")
        for point in all_points[: 5 if name == UNEXPLAINED else 1]:
            print(_example(point))
    known = documented()
    missing = sorted(set(CLASSES) - known)
    stale = sorted(known - set(CLASSES))
    unexplained = len(found.get(UNEXPLAINED, []))
    total = sum(map(len, found.values()))
    print(f"\noracle: {total} differences in {len(found)} classes, {unexplained} unexplained")
    for names, fault in ((missing, "have no reason"), (stale, "are no classes")):
        if names:
            print(f"oracle: in {REFERENCE.relative_to(ROOT)} these {fault}: {', '.join(names)}")
    return 1 if unexplained or missing or stale else 0


def _example(point: Point) -> str:
    asked = {key: value for key, value in point.case.items() if key != "devices"}
    if point.device is not None:
        asked["device"] = point.device
    return "\n".join(
        f"  {who:<8}{json.dumps(what, ensure_ascii=False)[:_WIDTH]}"
        for who, what in (("case", asked), ("Nova", point.nova), ("Busway", point.ours))
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
