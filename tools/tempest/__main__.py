"""Runs Tempest service by service and writes docs/reference/conformance.md; exit code 0 only when nothing failed."""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tools.command import ROOT, SetupError
from tools.environment import lock_stanzas
from tools.lock import locked_versions
from tools.tempest.cloud import TempestCloud
from tools.tempest.conf import RANDOM_DATA, write_conf, write_conf_of_random_data
from tools.tempest.left_out import left_out
from tools.tempest.outcomes import by_why, count, short
from tools.tempest.page import Part, write_page
from tools.tempest.run import TEMPEST, list_tests, run_tests

PAGE = ROOT / "docs" / "reference" / "conformance.md"
KEPT = ROOT / ".cache" / "tempest"
SERVICES = {
    "identity": r"^tempest\.api\.identity",
    "image": r"^tempest\.api\.image",
    "network": r"^tempest\.api\.network",
    "compute": r"^tempest\.api\.compute",
    "scenario": r"^tempest\.scenario",
    "serial": r"^tempest\.serial_tests",
}


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="tempest", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="services with commas between, or a pattern of test names")
    parser.add_argument("--minutes", type=float, default=60, help="how long one service may take (default 60)")
    chosen = parser.parse_args(arguments)
    services = chosen.only.split(",") if chosen.only else list(SERVICES)
    known = set(services) <= set(SERVICES)
    wanted = {name: SERVICES[name] for name in services} if known else {"some": chosen.only}
    try:
        return _run(wanted, chosen.minutes * 60, write=known)
    except SetupError as error:
        print(f"tempest: {error}", file=sys.stderr)
        return 1


def _run(wanted: dict[str, str], seconds: float, *, write: bool) -> int:
    _make_environment()
    failed = 0
    KEPT.mkdir(parents=True, exist_ok=True)
    for service, pattern in wanted.items():
        with tempfile.TemporaryDirectory(prefix="busway-tempest-") as folder:
            part = _part(Path(folder), service, pattern, seconds)
        _tell(part)
        failed += count(part.outcomes)["failed"]
        if write:
            old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
            PAGE.write_text(write_page(old, _tempest_version(), [part], list(SERVICES)), encoding="utf-8")
    return 1 if failed else 0


def _part(folder: Path, service: str, pattern: str, seconds: float) -> Part:
    """Run one service's tests against a cloud of its own; what is needed to look into a failure stays in .cache/tempest."""
    cloud = TempestCloud(folder)
    try:
        cloud.start()
        conf = write_conf(cloud, folder)
        tests = list_tests(conf, pattern)
        random = [test for test in tests if RANDOM_DATA.search(test)]
        usual = [test for test in tests if test not in random]
        outcomes = run_tests(conf, service, usual, left_out(map(short, usual)), seconds) if usual else []
        if random:
            other = write_conf_of_random_data(conf)
            outcomes += run_tests(other, f"{service}-random", random, left_out(map(short, random)), seconds)
    finally:
        cloud.down()
        for name in (
            f"{service}.jsonl",
            f"{service}-random.jsonl",
            "tempest.conf",
            "tempest.err",
            "control.log",
            "host1.log",
            "host2.log",
        ):
            if (folder / name).exists():
                (KEPT / name).write_bytes((folder / name).read_bytes())
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    return Part(service, outcomes, version("busway"), today)


def _tell(part: Part) -> None:
    for why, names in by_why(part.outcomes, "failed"):
        print(f"\n{len(names):4} {why}")
        for name in names:
            print(f"       {name}")
    told = ", ".join(f"{number} {status}" for status, number in count(part.outcomes).items())
    print(f"\ntempest: {part.service}: {told}", flush=True)


def _make_environment() -> None:
    if not TEMPEST.is_current():
        packages = len(lock_stanzas(TEMPEST.lock.read_text(encoding="utf-8")))
        print(f"tempest: making .venv-tempest of {packages} packages (about a minute, 140 MB)", flush=True)
        TEMPEST.make()


def _tempest_version() -> str:
    return locked_versions(TEMPEST.lock.read_text(encoding="utf-8"))["tempest"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
