"""What the targets for releases, locks and coverage decide."""

import pytest
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
