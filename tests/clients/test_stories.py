"""Tools that can't run here are played: each file of `stories` has what one sends, and what it reads of the answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from busway.domain.host_facts import Chassis
from tests.api.serving import PASSWORD, ApiServer
from tests.api.test_keypairs import PUBLIC
from tests.api.test_os_floating_ips import external
from tests.api.test_routers import Project
from tests.clients.player import FOLDER, Player, read_story
from tests.clients.told import unread

STORIES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


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


@pytest.mark.parametrize("name", STORIES)
def test_what_a_tool_sends_is_answered_with_what_it_reads(player: Player, name: str) -> None:
    story = read_story(name)
    if story.get("as") == "admin":
        player.known |= {"user": "admin", "password": PASSWORD, "project": "admin"}

    player.play(story)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("int", "1"),
        ("int", 1.5),
        ("int", True),
        ("string!", None),
        ("time", "2026-01-01T00:00:00"),
        ("time", "2026-01-01"),
        ("time without zone", "2026-01-01T00:00:00Z"),
        ("time of a token", "2026-01-01T00:00:00"),
        ("texts", {"a": 1}),
        ("objects", ["a"]),
        ("float", "1.0"),
    ],
)
def test_an_answer_that_go_would_not_decode_is_found(kind: str, value: Any) -> None:
    assert unread({"field": value}, {"field": kind})
    assert unread({}, {"field": kind})
