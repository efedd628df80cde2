from collections.abc import Callable
from pathlib import Path

import pytest

from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine

Tree = dict[str, str]


@pytest.fixture
def verbs(machine: Machine) -> FakeKernel:
    (machine.root / "sys/bus/mdev/devices").mkdir(parents=True)
    return FakeKernel(machine.root)


@pytest.fixture
def tree(machine: Machine) -> Callable[[], Tree]:
    """Takes a picture of every file and link of the machine."""

    def take() -> Tree:
        found = {}
        for path in sorted(machine.root.rglob("*")):
            name = str(path.relative_to(machine.root))
            if path.is_symlink():
                found[name] = f"-> {Path(path).readlink()}"
            elif path.is_file():
                found[name] = path.read_bytes().hex()
            else:
                found[name] = "folder"
        return found

    return take
