from pathlib import Path

import pytest

from busway.store.database import Database
from tests.control.clouds import Cloud


@pytest.fixture
def cloud(database: Database, tmp_path: Path) -> Cloud:
    return Cloud(database, tmp_path)
