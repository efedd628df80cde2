from pathlib import Path

import pytest

from busway.testing.golden import Golden


@pytest.fixture
def golden() -> Golden:
    return Golden(Path(__file__).parent / "golden")
