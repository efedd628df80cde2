from pathlib import Path

import pytest

from busway.testing.kernel import FakeKernel
from busway.testing.machines import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def kernel(machine: Machine) -> FakeKernel:
    return FakeKernel(machine.root)
