"""What the targets for releases, locks and coverage decide."""

import tomllib

import pytest
from tools import mutation
from tools.command import ROOT, SetupError
from tools.coverage import packages
from tools.lock import locked_versions, moved
from tools.release import dated, with_version

_CHANGELOG = "# Changelog\n\n## Unreleased\n\n### Added\n\n- a\n\n## 0.1.0 - 2026-01-01\n\n- old\n"


def test_a_release_dates_what_was_unreleased_and_returns_it_as_notes() -> None:
    changelog, notes = dated(_CHANGELOG, "0.2.0", "2026-02-03")

    assert "## Unreleased\n\n## 0.2.0 - 2026-02-03\n\n### Added\n\n- a\n\n## 0.1.0" in changelog
    assert notes == "### Added\n\n- a"


@pytest.mark.parametrize("version", ["0.1.0", "0.3.0"])
def test_a_release_with_nothing_new_or_of_an_old_version_is_refused(version: str) -> None:
    released, _ = dated(_CHANGELOG, "0.2.0", "2026-02-03")

    with pytest.raises(ValueError, match=r"CHANGELOG\.md"):
        dated(released, version, "2026-02-04")


def test_only_the_version_of_the_project_is_set() -> None:
    assert (
        with_version('version = "0.1.0"\n[tool]\nversion = "1"\n', "0.2.0")
        == 'version = "0.2.0"\n[tool]\nversion = "1"\n'
    )
    assert with_version('__version__ = "0.1.0"\n', "0.2.0") == '__version__ = "0.2.0"\n'


def test_a_new_lock_says_what_moved() -> None:
    before = locked_versions("a==1 \\\n  --hash=sha256:0\nb==2 \\\n  --hash=sha256:0\n")
    after = locked_versions("a==1.5 ; python_version < '3.12' \\\n  --hash=sha256:0\nc==3 \\\n  --hash=sha256:0\n")

    assert moved(before, after) == ["a: 1 -> 1.5", "b: 2 -> not there", "c: not there -> 3"]


def test_coverage_is_summed_by_package() -> None:
    def file(lines: int, branches: int) -> dict[str, dict[str, int]]:
        return {
            "summary": {"covered_lines": lines, "num_statements": 10, "covered_branches": branches, "num_branches": 4}
        }

    files = {
        "src/busway/domain/a.py": file(10, 4),
        "src/busway/domain/b.py": file(5, 2),
        "src/busway/cli/c.py": file(1, 0),
    }

    assert packages(files) == [("cli", 10.0, 0.0), ("domain", 75.0, 75.0)]


def test_a_package_to_mutate_is_all_of_its_modules() -> None:
    assert mutation.source_files("busway.reconciler.waits") == ["src/busway/reconciler/waits.py"]
    assert "src/busway/scheduler/filters/group.py" in mutation.source_files("busway.scheduler.filters")


def test_a_module_to_mutate_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SetupError, match=r"no module busway\.nothing"):
        mutation.source_files("busway.nothing")


def test_only_the_named_modules_are_mutated_and_only_the_tests_of_their_packages_run() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    made = tomllib.loads(mutation.configuration(["src/busway/reconciler/waits.py"], text))

    assert made["tool"]["mutmut"]["only_mutate"] == ["src/busway/reconciler/waits.py"]
    assert made["tool"]["mutmut"]["pytest_add_cli_args_test_selection"] == ["tests/reconciler"]
    assert made["tool"]["pytest"] == tomllib.loads(text)["tool"]["pytest"]


def test_changes_that_no_test_runs_are_not_counted_as_noticed() -> None:
    stats = {"killed": 8, "survived": 1, "timeout": 1, "suspicious": 0, "segfault": 0, "no_tests": 3, "total": 20}

    assert mutation.summary(stats, 61.2, ended=False) == (
        "mutation: 9 of 10 changes were noticed (90.0 %), 3 more are run by no test, in 61 s; "
        "the time was over, 7 more were not tried"
    )
