"""`make coverage`: which lines and branches the fast tests run; fails where a pure package falls below its floor."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.command import ROOT
from tools.environment import DEV

PURE = ("domain", "scheduler", "reconciler", "wire")
FLOOR = 95.0  # per cent of the branches of each pure package
_MARKS = "not lab and not clients and not processes and not browser and not postgres"


def main() -> int:
    """Run the fast tests under coverage and print one line per package."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        options = ("--cov", "--cov-report=", f"--cov-report=json:{report}")
        tests = (str(DEV.python), "-m", "pytest", "-q", "-m", _MARKS, "--numprocesses=auto", *options)
        code = subprocess.run(tests, cwd=ROOT, check=False).returncode
        if code != 0:
            return code
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    below = []
    print(f"\n{'package':<14}{'lines':>8}{'branches':>10}")
    for name, lines, branches in packages(files):
        print(f"{name:<14}{lines:>7.1f}%{branches:>9.1f}%")
        if name in PURE and branches < FLOOR:
            below.append(name)
    if below:
        print(f"coverage: branches below {FLOOR:.0f} %: {', '.join(below)}", file=sys.stderr)
    return 1 if below else 0


def packages(files: dict[str, dict[str, dict[str, int]]]) -> list[tuple[str, float, float]]:
    """Return (package, per cent of lines, per cent of branches), from coverage's own figures of each file."""
    sums: dict[str, list[int]] = {}
    for path, file in files.items():
        name = path.removeprefix("src/busway/").split("/")[0].removesuffix(".py")
        keys = ("covered_lines", "num_statements", "covered_branches", "num_branches")
        counted = [file["summary"][key] for key in keys]
        sums[name] = [a + b for a, b in zip(sums.get(name, [0, 0, 0, 0]), counted, strict=True)]
    return [(name, _share(*each[:2]), _share(*each[2:])) for name, each in sorted(sums.items())]


def _share(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 100.0


if __name__ == "__main__":
    sys.exit(main())
