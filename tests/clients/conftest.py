"""Fixtures of the tests of other people's tools."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from tools.tempest.cloud import TempestCloud

from busway.domain.host_facts import Chassis
from tests.api.conftest import api_template, routed_server
from tests.api.serving import ApiServer
from tests.api.test_keypairs import PUBLIC
from tests.api.test_os_floating_ips import external
from tests.api.test_routers import Project
from tests.clients.player import Player
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


@pytest.fixture
def player(routed_server: ApiServer) -> Player:
    """A project with a network `sky` behind a router, the image `jammy`, and two hosts that obey."""
    admin, ann = Project(routed_server.client()), Project(routed_server.client(routed_server.user("ann")))
    public = external(admin)
    net = ann.made("network", {"name": "sky"})
    subnet = ann.made("subnet", {"network_id": net["id"], "ip_version": 4, "cidr": "10.1.0.0/24"})
    router = ann.made("router", {"name": "r", "external_gateway_info": {"network_id": public["id"]}})
    assert ann.act(router, "add", subnet_id=subnet["id"]).status_code == 200
    image = routed_server.image("jammy")
    routed_server.image("noble")
    hosts = [routed_server.host(name) for name in ("h1", "h2")]
    hosts = [replace(each, resources=replace(each.resources, chassis=Chassis(f"ovn-{each.name}"))) for each in hosts]
    for host in hosts:
        host.report()
    known = {"user": "ann", "password": "pw", "project": "ann", "public_key": PUBLIC, "boot_image": image, "token": ""}
    return Player(routed_server, hosts, {**known, "other_project": net["project_id"]})
