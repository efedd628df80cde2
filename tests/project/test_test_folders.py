"""Tests leave nothing behind in the folder of temporary files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# They make a database of a template, and an agent with its folders.
ONES = (
    "tests/store/test_hosts.py::test_two_hosts_can_not_have_one_name[sqlite]",
    "tests/agent/test_boot_and_delete.py::test_a_server_with_a_gpu_boots_and_is_reported",
)


@pytest.mark.thorough
def test_a_run_leaves_no_folder_of_its_own(tmp_path: Path) -> None:
    of_pytest = tmp_path / "of-pytest"
    of_pytest.mkdir()
    here = {"TMPDIR": str(tmp_path), "PYTEST_DEBUG_TEMPROOT": str(of_pytest)}
    own = {name: value for name, value in os.environ.items() if name != "BUSWAY_TESTS_FOLDER"}

    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *ONES]
    done = subprocess.run(
        command, cwd=ROOT, env={**own, **here}, capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout
    assert list(tmp_path.iterdir()) == [of_pytest]
