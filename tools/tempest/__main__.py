"""Runs Tempest service by service and writes docs/reference/conformance.md; exit code 0 only when nothing failed."""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from tests.networking.ovn import has_ovn

from tools.command import ROOT, SetupError
from tools.environment import lock_stanzas
from tools.lock import locked_versions
from tools.tempest.cloud import TempestCloud
from tools.tempest.conf import (
    ISOLATED,
    LOCAL,
    UNENFORCED,
    write_conf,
    write_conf_of_across,
    write_conf_of_floating,
    write_conf_of_reach,
    write_conf_of_unenforced,
    write_guest_conf,
)
from tools.tempest.guests import ACROSS, FLOATING, GUESTS, OWNING, REACHES, GuestCloud, run_apart
from tools.tempest.left_out import left_out
from tools.tempest.outcomes import Outcome, by_why, count, idempotent_id, short
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
    "guests": GUESTS.pattern,
    "floating": FLOATING.pattern,
}
_WITH_GUESTS = ("guests", "floating")
_GUEST_SECONDS = 1800


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="tempest", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="services with commas between, or a pattern of test names")
    parser.add_argument("--minutes", type=float, default=60, help="how long one service may take (default 60)")
    parser.add_argument("--guests", action="store_true", help="run a pattern with guests to log in to (needs root)")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    services = chosen.only.split(",") if chosen.only else list(SERVICES)
    known = set(services) <= set(SERVICES)
    wanted = {name: SERVICES[name] for name in services} if known else {"some": chosen.only}
    try:
        _make_environment()
        codes = [_run(name, pattern, chosen, write=known) for name, pattern in wanted.items()]
    except SetupError as error:
        print(f"tempest: {error}", file=sys.stderr)
        return 1
    return max(codes)


def _run(service: str, pattern: str, chosen: argparse.Namespace, *, write: bool) -> int:
    guests = service in _WITH_GUESTS or chosen.guests
    if guests and not chosen.inside:
        apart = service if write else pattern
        return run_apart([apart, f"--minutes={chosen.minutes}", *(["--guests"] if chosen.guests else [])])
    KEPT.mkdir(parents=True, exist_ok=True)
    # The folder has a short name: a host has Unix sockets in it, whose paths have at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="tempest-", ignore_cleanup_errors=True) as folder:
        run = _with_guests if guests else _simulated
        outcomes = run(Path(folder), service, pattern, chosen.minutes * 60)
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    part = Part(service, outcomes, version("busway"), today)
    _tell(part)
    if write:
        old = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        PAGE.write_text(write_page(old, _tempest_version(), [part], list(SERVICES)), encoding="utf-8")
    return 1 if count(outcomes)["failed"] else 0


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the clouds of simulated hosts that a service is tested on, and which of the tests are for it."""

    name: str
    wants: Callable[[str], bool]
    routers: bool = False
    isolated: bool = False


def _kinds(service: str, pattern: str) -> list[_Kind]:
    """The clouds of a service, or of a pattern of tests; whatever is no other cloud's is the first one's."""
    local = _Kind("local", lambda test: bool(LOCAL.search(test)))
    isolated = _Kind("isolated", lambda test: bool(ISOLATED.search(test)), routers=True, isolated=True)
    of_networks = service == "network" or "network" in pattern
    others = [local] if of_networks else [isolated] if service in ("compute", "some") else []
    return [_Kind("", lambda test: not any(each.wants(test) for each in others), routers=of_networks), *others]


def _simulated(folder: Path, service: str, pattern: str, seconds: float) -> list[Outcome]:
    """Run one service's tests against clouds of its own, but those that are run with guests."""
    kinds = _kinds(service, pattern)
    if any(kind.routers for kind in kinds) and not has_ovn():
        raise SetupError("tests of networks need ovn-central and openvswitch-switch, for OVN's northbound database")
    outcomes: list[Outcome] = []
    tests: list[str] | None = None
    for kind in kinds:
        own = folder / kind.name
        own.mkdir(exist_ok=True)
        cloud = TempestCloud(own, routers=kind.routers, isolated=kind.isolated)
        try:
            if tests is not None and not any(map(kind.wants, tests)):
                continue
            cloud.start()
            conf = write_conf(cloud, own)
            tests = list_tests(conf, pattern) if tests is None else tests
            name = f"{service}-{kind.name}" if kind.name else service
            outcomes += _of_cloud(conf, name, _own_tests(service, filter(kind.wants, tests)), seconds)
        finally:
            cloud.down()
            _keep(own)
    elsewhere = {idempotent_id(test) for test in tests or () if _is_of_guests(test)} if service in SERVICES else set()
    found = [replace(each, id="") if each.id in elsewhere else each for each in outcomes]
    return sorted(found, key=lambda outcome: outcome.name)


def _own_tests(service: str, tests: Iterable[str]) -> list[str]:
    return [test for test in tests if service not in SERVICES or not _is_of_guests(test)]


def _is_of_guests(test: str) -> bool:
    return bool(GUESTS.search(test) or FLOATING.search(test))


def _of_cloud(conf: Path, name: str, tests: Sequence[str], seconds: float) -> list[Outcome]:
    """Run tests, some of images with other configurations."""
    others = {kind: [test for test in tests if found.search(short(test))] for kind, (found, _) in UNENFORCED.items()}
    usual = [test for test in tests if not any(test in chosen for chosen in others.values())]
    outcomes = run_tests(conf, name, usual, left_out(map(short, usual)), seconds) if usual else []
    for kind, chosen in others.items():
        if chosen:
            other = write_conf_of_unenforced(conf, kind)
            outcomes += run_tests(other, f"{name}-{kind}", chosen, left_out(map(short, chosen)), seconds)
    return outcomes


def _with_guests(folder: Path, service: str, pattern: str, seconds: float) -> list[Outcome]:
    """Run tests against a cloud whose guests boot; each may take longer, because each guest's processor is emulated."""
    cloud = GuestCloud(folder)
    try:
        cloud.start()
        conf = write_guest_conf(cloud, folder)
        tests = list_tests(conf, pattern)
        reaching = [test for test in tests if REACHES.search(test)]
        floating = [test for test in tests if FLOATING.search(test) or OWNING.search(test)]
        usual = [test for test in tests if test not in reaching and test not in floating]
        outcomes = run_tests(conf, service, usual, {}, seconds, _GUEST_SECONDS) if usual else []
        if reaching:
            other = write_conf_of_reach(conf, cloud.network["id"])
            outcomes += run_tests(other, f"{service}-reaching", reaching, {}, seconds, _GUEST_SECONDS)
        if floating:
            other = write_conf_of_floating(cloud, conf)
            without = left_out(map(short, floating))
            across = [test for test in floating if ACROSS.search(test)]
            rest = [test for test in floating if test not in across]
            if rest:
                outcomes += run_tests(other, f"{service}-floating", rest, without, seconds, _GUEST_SECONDS)
            if across:
                other = write_conf_of_across(other)
                outcomes += run_tests(other, f"{service}-across", across, without, seconds, _GUEST_SECONDS)
    finally:
        cloud.down()
        _keep(folder)
    return outcomes


def _keep(folder: Path) -> None:
    """What is needed to look into a failure stays in .cache/tempest."""
    for pattern in ("*.jsonl", "tempest*.conf", "tempest.err", "*.log", "ovs-*/*.log"):
        for path in folder.glob(pattern):
            (KEPT / path.name).write_bytes(path.read_bytes())


def _tell(part: Part) -> None:
    for why, names in by_why(part.outcomes, "failed"):
        print(f"\n{len(names):4} {why}")
        for name in names:
            print(f"       {name}")
    counts = ", ".join(f"{number} {status}" for status, number in count(part.outcomes).items())
    print(f"\ntempest: {part.service}: {counts}", flush=True)


def _make_environment() -> None:
    if not TEMPEST.is_current():
        packages = len(lock_stanzas(TEMPEST.lock.read_text(encoding="utf-8")))
        print(f"tempest: making .venv-tempest of {packages} packages (about a minute, 140 MB)", flush=True)
        TEMPEST.make()


def _tempest_version() -> str:
    return locked_versions(TEMPEST.lock.read_text(encoding="utf-8"))["tempest"]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
