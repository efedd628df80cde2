"""`make mutation`: changes pure modules at many places, one at a time, and counts the changes that no test notices."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tools.command import ROOT, SetupError
from tools.environment import Environment

MUTATION = Environment(ROOT / ".venv-mutation", ROOT / "requirements" / "mutation.txt", editable=True)
FOLDER = ROOT / ".cache" / "mutation"
# Some of each package: what decides (NUMA, room, partitions), what waits, what ends guests, and a parser.
DEFAULT = (
    "busway.scheduler.numa",
    "busway.scheduler.partition_fit",
    "busway.scheduler.filters.capacity",
    "busway.reconciler.waits",
    "busway.reconciler.phases.power",
    "busway.domain.address",
)
_SECONDS = float(os.environ.get("BUSWAY_MUTATION_SECONDS", "1200"))
_CHILDREN = 2


def main(modules: Sequence[str]) -> int:
    """Run mutmut on the modules or packages with these dotted names; stop after BUSWAY_MUTATION_SECONDS, 20 minutes."""
    try:
        if not MUTATION.is_current():
            print("mutation: making .venv-mutation (about a minute, once)", flush=True)
            MUTATION.make()
        files = [file for name in modules or DEFAULT for file in source_files(name)]
        _lay_out(files)
    except SetupError as error:
        print(f"mutation: {error}", file=sys.stderr)
        return 1
    began = time.monotonic()
    ended = _run("run", "--max-children", str(_CHILDREN))
    _run("export-cicd-stats")
    _run("results")
    stats = FOLDER / "mutants" / "mutmut-cicd-stats.json"
    if not stats.exists():
        print("mutation: nothing was tried; the lines above say why", file=sys.stderr)
        return 1
    print(summary(json.loads(stats.read_text(encoding="utf-8")), time.monotonic() - began, ended=ended))
    return 0


def source_files(name: str) -> list[str]:
    """Return the files of a module or package by its dotted name; raise SetupError for a name that is none."""
    path = ROOT / "src" / Path(*name.split("."))
    found = [path.with_suffix(".py")] if path.with_suffix(".py").is_file() else sorted(path.rglob("*.py"))
    if not found:
        raise SetupError(f"there is no module {name}; give names such as busway.scheduler.numa")
    return [str(file.relative_to(ROOT)) for file in found]


def configuration(files: Sequence[str], text: str) -> str:
    """Return the text of a pyproject.toml for these files: mutmut has no option for what it changes."""
    known = tomllib.loads(text)["tool"]["mutmut"]
    tests = sorted({f"tests/{Path(file).parts[2]}" for file in files})
    wanted = {**known, "only_mutate": list(files), "pytest_add_cli_args_test_selection": tests}
    lines = [f"{key} = {json.dumps(value)}" for key, value in wanted.items()]
    return text[: text.index("[tool.mutmut]")] + "[tool.mutmut]\n" + "\n".join(lines) + "\n"


def summary(stats: dict[str, int], seconds: float, *, ended: bool) -> str:
    """Return one line with the figures of a run."""
    tried = stats["killed"] + stats["survived"] + stats["timeout"] + stats["suspicious"] + stats["segfault"]
    noticed = tried - stats["survived"]
    share = 100.0 * noticed / tried if tried else 0.0
    rest = "" if ended else f"; the time was over, {stats['total'] - tried - stats['no_tests']} more were not tried"
    return (
        f"mutation: {noticed} of {tried} changes were noticed ({share:.1f} %), {stats['no_tests']} more are run by no test, "
        f"in {seconds:.0f} s{rest}"
    )


def _lay_out(files: Sequence[str]) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in tomllib.loads(text)["tool"]["mutmut"]["also_copy"]:
        (FOLDER / name).symlink_to(ROOT / name)
    (FOLDER / "pyproject.toml").write_text(configuration(files, text), encoding="utf-8")


def _run(*arguments: str) -> bool:
    """Run mutmut in the folder; return False when it had to be ended."""
    mutmut = str(MUTATION.folder / "bin" / "mutmut")
    with subprocess.Popen([mutmut, *arguments], cwd=FOLDER, start_new_session=True) as process:
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT)
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
