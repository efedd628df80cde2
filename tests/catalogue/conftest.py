"""Fixtures of the tests of catalogues."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalogue.mirror import Mirror


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Mirror]:
    """A mirror on loopback with one image."""
    made = Mirror(tmp_path / "mirror")
    made.folder.mkdir()
    made.write()
    made.start()
    yield made
    made.stop()
