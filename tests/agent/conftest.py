from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.testing.stage import Stage
from tests.agent.agent_peer import ControlPlane, serving


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def plane() -> Iterator[ControlPlane]:
    with serving(ControlPlane()) as plane:
        yield plane
