"""Fixtures of the tests of other people's tools."""

from collections.abc import Iterator

import pytest
from tools.tempest.cloud import TempestCloud

from tests.api.conftest import api_template, routed_server
from tests.networking.ovn import has_ovn

__all__ = ["api_template", "cloud", "routed_server"]


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TempestCloud]:
    """Two control processes and two simulated hosts of eight GPUs; with routers where OVN's database is."""
    made = TempestCloud(tmp_path_factory.mktemp("c"), routers=has_ovn())
    try:
        made.start()
        made.prepare()
        yield made
    finally:
        made.down()
