"""Needs the lab: the hardware library and the doctor on a real kernel, by the tests of `tests/lab/inside`."""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

import busway
from busway.lab import LabHost, mdev_samples
from busway.lab.cache import Cache, default_cache

ROOT = Path(__file__).parents[2]
INSIDE = Path(__file__).with_name("inside")
MODULES = sorted(path.stem for path in INSIDE.glob("test_*.py") if path.stem != "test_mdev")

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Outcome:
    """A test that ran inside; `words` is what it said, "" when it passed."""

    module: str
    name: str
    words: str


def run_inside(host: LabHost, *modules: str, **environment: str) -> list[Outcome]:
    """Runs test modules in the lab host, all in one process."""
    env = {
        "PYTHONPATH": os.pathsep.join([str(Path(busway.__file__).parents[1]), str(ROOT)]),
        "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "BUSWAY_INSIDE_LAB": "1", **environment,
    }  # fmt: skip
    files = [str(INSIDE / f"{module}.py") for module in modules]
    options = [
        "-q",
        "--durations=15",
        "-c",
        "/dev/null",
        f"--rootdir={INSIDE}",
        f"--confcutdir={INSIDE}",
        "-p",
        "no:cacheprovider",
    ]
    report = "--junitxml=/mnt/lab/inside.xml"
    done = host.exec([sys.executable, "-m", "pytest", *options, report, *files], timeout=400, env=env, cwd=str(ROOT))
    print(done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
    assert done.returncode in (0, 1), "pytest itself failed inside"
    cases = ElementTree.parse(host.share / "inside.xml").iter("testcase")
    return [
        Outcome(case.attrib["classname"], case.attrib["name"], "\n".join(part.text or part.tag for part in case))
        for case in cases
    ]


def check(outcomes: list[Outcome]) -> None:
    """Fails with the words of those that did not pass; one that was left out did not pass either."""
    words = [f"{outcome.module} {outcome.name}:\n{outcome.words}" for outcome in outcomes if outcome.words]
    if words:
        pytest.fail("\n\n".join(words), pytrace=False)


@pytest.fixture(scope="module")
def outcomes(lab_host: LabHost) -> list[Outcome]:
    return run_inside(lab_host, *MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_inside(outcomes: list[Outcome], module: str) -> None:
    mine = [outcome for outcome in outcomes if f".{module}." in f".{outcome.module}."]

    assert mine
    check(mine)


@pytest.mark.skipif(
    not os.environ.get("BUSWAY_SLOW_LAB"), reason="downloads 150 MB and builds modules; `make test-slow` runs it"
)
def test_inside_with_mediated_devices(lab_host: LabHost) -> None:
    modules = mdev_samples.build(Cache(default_cache()))

    outcomes = run_inside(lab_host, "test_mdev", BUSWAY_MDEV_SAMPLES=str(modules))

    assert len(outcomes) > 6
    check(outcomes)
