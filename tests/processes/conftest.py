from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes.cloud import ProcessCloud


@pytest.fixture
def cloud(database_url: str, tmp_path: Path) -> Iterator[ProcessCloud]:
    """A control plane that answers, with an image and a GPU flavor; no host yet."""
    made = ProcessCloud(tmp_path, database_url)
    try:
        made.start_control()
        made.prepare()
        yield made
    finally:
        made.down()


@pytest.fixture(scope="module")
def shared_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCloud]:
    """One control plane on SQLite for tests that bring their own host."""
    folder = tmp_path_factory.mktemp("shared")
    made = ProcessCloud(folder, f"sqlite:///{folder / 'busway.db'}")
    try:
        made.start_control()
        made.prepare()
        yield made
    finally:
        made.down()
