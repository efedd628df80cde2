"""Fixtures of the API's tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.ovn.northbound import Northbound
from tests.api.mirror import Mirror
from tests.api.serving import ApiServer, make_template, start_api_server


@pytest.fixture(scope="session")
def api_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("api"))


@pytest.fixture
def routed_server(api_template: Path, tmp_path: Path) -> Iterator[ApiServer]:
    """The same with OVN, whose database no loop writes: networks are of type geneve, and there are routers."""
    server = start_api_server(tmp_path, api_template, northbound=Northbound(()), project_network_type="geneve")
    yield server
    server.stop()


@pytest.fixture
def api_server(api_template: Path, tmp_path: Path) -> Iterator[ApiServer]:
    """A control plane of its own over HTTP on a free loopback port."""
    server = start_api_server(tmp_path, api_template)
    yield server
    server.stop()


@pytest.fixture
def web_mirror() -> Iterator[Mirror]:
    server = Mirror()
    # Its end is noticed at once, and not at the next half second.
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
