"""The wheel is whole: what it installs works without the checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import busway
from tests.project.checkout import ROOT, pyproject, tracked_files

_PACKAGE = ROOT / "src" / "busway"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel as `make wheel` builds it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=100)
    [found] = folder.glob("busway-*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the `bin` of a clean environment with the wheel; what Busway depends on is borrowed from this one."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=False)
    [packages] = (folder / "lib").glob("python*/site-packages")
    # A folder named in a .pth is looked into, and its own .pth files (the checkout's) are not.
    (packages / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--no-deps"]
    offline = ["--no-index", "--no-compile", "--disable-pip-version-check", "--quiet", str(wheel)]
    subprocess.run([*pip, *offline], check=True, capture_output=True, timeout=100, env=_environment())
    yield folder / "bin"
    shutil.rmtree(folder)


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())

    ours = [path.relative_to(_PACKAGE.parent).as_posix() for path in tracked_files() if path.is_relative_to(_PACKAGE)]

    assert [name for name in ours if name not in inside] == []
    assert len(ours) > 300
    assert [name for name in inside if not name.startswith(("busway/", "busway-"))] == []


def test_the_wheel_runs_in_a_clean_environment(installed: Path) -> None:
    version = _run(installed, "--version")
    where = _run(installed, "-c", "import busway; print(busway.__file__)", program="python")

    assert version.split()[-1] == busway.__version__
    assert Path(where).is_relative_to(installed.parent)
    assert "Run a whole cloud on this machine." in _run(installed, "up", "--help")


@pytest.mark.thorough
def test_the_wheel_makes_a_database_with_its_own_migrations(installed: Path, tmp_path: Path) -> None:
    told = _run(installed, "admin", "recover", "--state", str(tmp_path / "state"))

    assert "clouds.yaml" in told
    assert (tmp_path / "state" / "busway.db").stat().st_size > 100_000


def test_the_package_and_its_metadata_say_one_version() -> None:
    assert pyproject()["project"]["version"] == busway.__version__


def _run(folder: Path, *arguments: str, program: str = "busway") -> str:
    command = [str(folder / program), *arguments]
    done = subprocess.run(
        command, cwd="/", env=_environment(), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _environment() -> dict[str, str]:
    """Return this process's environment without what leads to the checkout."""
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
