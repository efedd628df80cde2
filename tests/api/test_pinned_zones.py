"""`pinned_availability_zone`: a server that is unpinned may move to any zone, and is pinned to the zone in which it is."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from busway.control.placement.place import place_round
from busway.domain.documents import HostResources
from busway.domain.host_facts import GuestAct
from tests.api.serving import ApiServer
from tests.api.test_aggregates import act as act_on
from tests.api.test_aggregates import make
from tests.api.test_servers import SERVERS, create

PINNED, ZONE, HOST = "pinned_availability_zone", "OS-EXT-AZ:availability_zone", "OS-EXT-SRV-ATTR:host"


class Zones:
    """A server that was asked for in zone east; host1 is there, and host2 in west."""

    def __init__(self, api_server: ApiServer, **fields: Any) -> None:
        self.api, self.client = api_server, api_server.client(version="2.104")
        # No more fits on host1 than the server as it is.
        sizes = {"host1": HostResources(16, 900, 1000), "host2": HostResources(16, 65536, 1000)}
        self.hosts = {
            name: replace(api_server.host(name), resources=replace(size, acts=tuple(GuestAct)))
            for name, size in sizes.items()
        }
        for name, zone in (("host1", "east"), ("host2", "west")):
            self.hosts[name].report()
            act_on(self.client, make(self.client, zone, availability_zone=zone)["id"], "add_host", host=name)
        wanted = {"networks": "none", "availability_zone": "east", **fields}
        self.id = create(self.client, api_server.image(), **wanted).raise_for_status().json()["server"]["id"]
        place_round(api_server.control)
        self.settle()

    def settle(self) -> None:
        for _ in range(3):
            for host in self.hosts.values():
                host.obey()

    def pin(self, zone: object, **more: Any) -> httpx.Response:
        return self.client.put(f"{SERVERS}/{self.id}", json={"server": {PINNED: zone, **more}})

    def act(self, name: str, given: object = None) -> httpx.Response:
        return self.client.post(f"{SERVERS}/{self.id}/action", json={name: given})

    def server(self) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"{SERVERS}/{self.id}").json()["server"]
        return found

    def target(self) -> str:
        moves = self.client.get("/compute/v2.1/os-migrations", params={"instance_uuid": self.id}).json()["migrations"]
        return str(moves[0]["dest_compute"])

    def refuses(self, zone: str, why: str) -> bool:
        """True if the server can't be pinned to a zone for this reason; nothing of it has changed then."""
        before = self.server()
        answer = self.pin(zone, name="other")
        told = answer.json()["conflictingRequest"]["message"]
        assert (answer.status_code, answer.headers["x-busway-error-code"]) == (409, "zone-pin"), told
        assert f"can't be pinned to availability zone {zone}" in told and "What to do: " in told
        assert self.server() == before
        return why in told


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("migrate", None),
        ("os-migrateLive", {"host": None, "block_migration": "auto"}),
        ("resize", {"flavorRef": "3"}),
        ("evacuate", {}),
        ("unshelve", None),
    ],
)
def test_where_a_server_may_move_follows_from_its_pin(api_server: ApiServer, name: str, given: object) -> None:
    zones = Zones(api_server)
    if name == "unshelve":
        zones.act("shelve").raise_for_status()
        zones.settle()
        assert zones.server()["status"] == "SHELVED_OFFLOADED"
    if name == "evacuate":
        api_server.clock.ahead += timedelta(minutes=5)
        zones.hosts["host2"].report()
    else:
        service = next(
            each for each in zones.client.get("/compute/v2.1/os-services").json()["services"] if each["host"] == "host1"
        )
        zones.client.put(f"/compute/v2.1/os-services/{service['id']}", json={"status": "disabled"}).raise_for_status()

    refused = zones.act(name, given)
    assert (refused.status_code, "it is in zone west, and east was asked for" in refused.text) == (400, True)
    unpinned = zones.pin(None)
    assert (unpinned.status_code, unpinned.json()["server"][PINNED]) == (200, None)
    accepted = zones.act(name, given)

    assert accepted.is_success, accepted.text
    assert (zones.server()[HOST] if name == "unshelve" else zones.target()) == "host2"


def test_a_server_that_is_pinned_again_stays_in_its_zone(api_server: ApiServer) -> None:
    zones = Zones(api_server)
    zones.pin(None).raise_for_status()
    zones.act("migrate").raise_for_status()
    zones.settle()
    zones.act("confirmResize").raise_for_status()
    zones.settle()
    assert (zones.server()[ZONE], zones.server()[PINNED]) == ("west", None)

    pinned = zones.pin("west")

    assert (pinned.status_code, pinned.json()["server"][PINNED]) == (200, "west")
    refused = zones.act("migrate")
    assert (refused.status_code, "it is in zone east, and west was asked for" in refused.text) == (400, True)


def test_what_is_so_already_is_no_change(api_server: ApiServer) -> None:
    zones = Zones(api_server)

    for zone in ("east", None, None, "east", "east"):
        assert (zones.pin(zone).status_code, zones.server()[PINNED]) == (200, zone)
    named = zones.client.put(f"{SERVERS}/{zones.id}", json={"server": {"name": "n"}}).json()["server"]
    assert (named["name"], named[PINNED]) == ("n", "east")


def test_a_server_is_pinned_to_the_zone_where_it_is_and_to_no_other(api_server: ApiServer) -> None:
    zones = Zones(api_server)

    assert zones.refuses("west", "pinned to zone east")
    zones.pin(None).raise_for_status()
    assert zones.refuses("west", "It is in zone east")
    assert zones.refuses("mars", "It is in zone east")
    zones.act("migrate").raise_for_status()
    assert zones.refuses("east", "It is moving")
    zones.settle()
    assert zones.server()["status"] == "VERIFY_RESIZE"
    assert zones.refuses("west", "It is moving")
    zones.act("revertResize").raise_for_status()
    zones.settle()
    assert zones.pin("east").status_code == 200
    zones.pin(None).raise_for_status()
    zones.act("shelve").raise_for_status()
    zones.settle()
    assert zones.refuses("east", "It is on no host")


def test_a_host_without_a_zone_is_in_nova(api_server: ApiServer) -> None:
    host, client = api_server.host(), api_server.client(version="2.104")
    server = create(client, api_server.image(), networks="none").json()["server"]["id"]
    place_round(api_server.control)
    host.obey()

    answer = client.put(f"{SERVERS}/{server}", json={"server": {PINNED: "nova"}})

    assert (answer.status_code, answer.json()["server"][PINNED]) == (200, "nova")


def test_the_zone_is_changed_from_its_microversion_on_and_by_its_project(api_server: ApiServer) -> None:
    zones = Zones(api_server)
    body = {"server": {PINNED: None}}

    early = api_server.client(version="2.103").put(f"{SERVERS}/{zones.id}", json=body)
    assert (early.status_code, PINNED in early.text) == (400, True)
    stranger = api_server.client(api_server.user("ann"), "2.104")
    assert stranger.put(f"{SERVERS}/{zones.id}", json=body).status_code == 404
    for wrong in ("", 7, "z" * 256):
        assert zones.pin(wrong).status_code == 400
    assert zones.server()[PINNED] == "east"


def test_a_guest_reads_the_zone_of_its_host(api_server: ApiServer) -> None:
    zones = Zones(api_server)

    def told() -> str:
        [server] = zones.hosts["host1"].desired().servers
        return str(json.loads(server.config_drive.meta_data)["availability_zone"])

    assert told() == "east"
    zones.pin(None).raise_for_status()
    zones.hosts["host1"].report()
    assert told() == "east"
