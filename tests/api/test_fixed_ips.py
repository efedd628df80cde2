"""Ports with several addresses of a subnet: how they come and go, and who is told of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.api.serving import ApiServer
from tests.api.test_change_effects import guest, running
from tests.api.test_routers import ROOT, Project, routed
from tests.api.test_servers import SERVERS, create
from tests.control.clouds import Host

FOUR = [{"ip_address": f"10.67.1.{n}"} for n in (9, 7, 8, 6)]


@dataclass
class Cloud:
    """An admin's network `mine` with the addresses 10.67.1.2 to 10.67.1.9, and whatever is made on it."""

    server: ApiServer
    admin: Project
    net: dict[str, Any]
    sub: dict[str, Any]

    def port(self, *fixed_ips: dict[str, str]) -> dict[str, Any]:
        wish = {"fixed_ips": list(fixed_ips)} if fixed_ips else {}
        return self.admin.made("port", {"network_id": self.net["id"], **wish})

    def change(self, port: dict[str, Any], *fixed_ips: dict[str, str]) -> list[str]:
        return of(self.admin.put("port", port, fixed_ips=list(fixed_ips)).raise_for_status().json()["port"])

    def booted(self, port: dict[str, Any]) -> tuple[Host, str]:
        return running(self.server, networks=[{"port": port["id"]}])

    def act(self, server: str, what: str, version: str = "2.43", **body: str) -> httpx.Response:
        asked = {f"{what}FixedIp": body}
        return self.server.client(version=version).post(f"{SERVERS}/{server}/action", json=asked)


def of(port: dict[str, Any]) -> list[str]:
    return [each["ip_address"] for each in port["fixed_ips"]]


@pytest.fixture
def cloud(api_server: ApiServer) -> Cloud:
    admin = Project(api_server.client())
    net = admin.made("network", {"name": "mine"})
    pool = {"start": "10.67.1.2", "end": "10.67.1.9"}
    wanted = {"network_id": net["id"], "ip_version": 4, "cidr": "10.67.1.0/24", "allocation_pools": [pool]}
    return Cloud(api_server, admin, net, admin.made("subnet", wanted))


def test_a_port_has_the_addresses_that_are_asked_for_and_keeps_what_a_change_names(cloud: Cloud) -> None:
    any_one = {"subnet_id": cloud.sub["id"]}

    port = cloud.port({"ip_address": "10.67.1.9"}, any_one, any_one)
    added = cloud.change(port, *({"ip_address": each} for each in of(port)), {**any_one, "ip_address": "10.67.1.77"})
    fewer = cloud.change(port, any_one, {"ip_address": "10.67.1.77"})
    other = cloud.port()
    moved = cloud.change(port, {"ip_address": "10.67.1.5"})

    assert (of(port), added) == (["10.67.1.9", "10.67.1.2", "10.67.1.3"], [*of(port), "10.67.1.77"])
    assert (fewer, of(other), moved) == (["10.67.1.9", "10.67.1.77"], ["10.67.1.2"], ["10.67.1.5"])
    assert of(cloud.admin.rows("ports", id=port["id"])[0]) == moved


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ([{"ip_address": "10.67.1.8"}] * 2, 400),
        ([{"ip_address": "10.67.1.9"}], 409),
        ([{"ip_address": "10.67.1.4"}], 409),
        ([{"ip_address": "10.67.1.3"}, {"ip_address": "10.67.2.3"}], 400),
        ([{"ip_address": f"10.67.1.{n}"} for n in range(20, 26)], 400),
        ([{}], 400),
        ([{"ip_address": "fd00::7"}], 501),
    ],
)
def test_addresses_that_a_port_can_not_have_are_refused(cloud: Cloud, wanted: list[Any], status: int) -> None:
    cloud.port({"ip_address": "10.67.1.9"}, {"ip_address": "10.67.1.4"})
    port = cloud.port()

    new = cloud.admin.http.post(f"{ROOT}/ports", json={"port": {"network_id": cloud.net["id"], "fixed_ips": wanted}})
    changed = cloud.admin.put("port", port, fixed_ips=wanted)

    assert (new.status_code, changed.status_code) == (status, status), new.text
    assert of(cloud.admin.rows("ports", id=port["id"])[0]) == of(port)


def test_hosts_and_guests_are_told_all_addresses_and_dhcp_gives_the_first(cloud: Cloud) -> None:
    port = cloud.port(*FOUR[:2])
    host, _server = cloud.booted(port)
    before = host.desired().generation

    [nic] = guest(host).nics
    cloud.change(port, *FOUR[1:3])
    [changed] = guest(host).nics
    [group] = host.desired().groups

    assert (nic.address, nic.further) == ("10.67.1.9", ("10.67.1.7",))
    assert (changed.address, changed.further) == ("10.67.1.7", ("10.67.1.8",))
    assert set(group.members) == {"10.67.1.7", "10.67.1.8"} and host.desired().generation > before
    nets = json.loads(guest(host).config_drive.network_data)["networks"]
    ways = [[route["gateway"] for route in each["routes"]] for each in nets]
    assert ([each["ip_address"] for each in nets], ways) == (["10.67.1.7", "10.67.1.8"], [["10.67.1.1"], []])


def test_lists_find_a_port_and_its_server_by_each_address(cloud: Cloud) -> None:
    port = cloud.port(*FOUR[:3])
    _host, server = cloud.booted(port)

    def servers(pattern: str) -> list[str]:
        return [each["id"] for each in cloud.admin.http.get(SERVERS, params={"ip": pattern}).json()["servers"]]

    for wanted in ("ip_address=10.67.1.7", "ip_address_substr=67.1.8", f"subnet_id={cloud.sub['id']}"):
        assert [each["id"] for each in cloud.admin.rows("ports", fixed_ips=wanted)] == [port["id"]], wanted
    assert [servers(pattern) for pattern in ("10.67.1.7", "^10.67.1.8$", "1.6")] == [[server], [server], []]
    shown = cloud.admin.http.get(f"{SERVERS}/{server}").json()["server"]["addresses"]["mine"]
    assert [each["addr"] for each in shown] == of(port)
    path = f"{ROOT}/network-ip-availabilities/{cloud.net['id']}"
    assert cloud.admin.http.get(path).json()["network_ip_availability"]["used_ips"] == 3


def test_a_server_is_given_one_more_address_and_loses_one(cloud: Cloud) -> None:
    host, server = cloud.booted(cloud.port({"ip_address": "10.67.1.9"}))

    added = cloud.act(server, "add", networkId=cloud.net["id"])
    both = guest(host).nics[0].addresses
    removed = cloud.act(server, "remove", address="10.67.1.9")

    assert (added.status_code, removed.status_code) == (202, 202)
    assert (both, guest(host).nics[0].addresses) == (("10.67.1.9", "10.67.1.2"), ("10.67.1.2",))
    acts = cloud.admin.http.get(f"{SERVERS}/{server}/os-instance-actions").json()["instanceActions"]
    assert [each["action"] for each in acts][:2] == ["removeFixedIp", "addFixedIp"]


def test_what_a_server_can_not_be_given_or_lose_is_refused(cloud: Cloud) -> None:
    other = cloud.admin.made("network", {"name": "other"})
    _host, server = cloud.booted(cloud.port({"ip_address": "10.67.1.9"}))

    refused = [
        cloud.act(server, "add", networkId=other["id"]),
        cloud.act(server, "remove", address="10.67.1.8"),
        cloud.act(server, "remove", address="10.67.1.9"),
        cloud.act(server, "add", version="2.44", networkId=cloud.net["id"]),
        cloud.act(server, "remove", version="2.44", address="10.67.1.9"),
    ]
    for _n in range(7):
        cloud.port()
    full = cloud.act(server, "add", networkId=cloud.net["id"])

    assert [each.status_code for each in (*refused, full)] == [404, 400, 409, 404, 404, 400]


def test_a_port_has_five_addresses_at_most(cloud: Cloud) -> None:
    _host, server = cloud.booted(cloud.port(*FOUR))

    answers = [cloud.act(server, "add", networkId=cloud.net["id"]).status_code for _n in range(2)]

    assert answers == [202, 404]


def test_a_floating_address_leads_to_the_address_that_is_chosen_which_then_stays(routed_server: ApiServer) -> None:
    admin = Project(routed_server.client(version="2.43"))
    public = admin.made("network", {"name": "public", "router:external": True, "provider:network_type": "geneve"})
    admin.made("subnet", {"network_id": public["id"], "ip_version": 4, "cidr": "203.0.113.0/24"})
    _router, net, _sub = routed(admin, public)
    port = admin.made(
        "port", {"network_id": net["id"], "fixed_ips": [{"ip_address": f"10.1.0.{n}"} for n in (7, 8, 9)]}
    )
    server = create(admin.http, routed_server.image(), networks=[{"port": port["id"]}]).json()["server"]["id"]

    body = {"floating_network_id": public["id"], "port_id": port["id"], "fixed_ip_address": "10.1.0.8"}
    floating = admin.made("floatingip", body)
    kept = admin.put("port", port, fixed_ips=[{"ip_address": "10.1.0.7"}])
    fewer = admin.put("port", port, fixed_ips=[{"ip_address": f"10.1.0.{n}"} for n in (8, 9)])
    moved = admin.put("floatingip", floating, port_id=port["id"], fixed_ip_address="10.1.0.9").json()["floatingip"]
    action = {"addFloatingIp": {"address": floating["floating_ip_address"], "fixed_address": "10.1.0.8"}}
    admin.http.post(f"{SERVERS}/{server}/action", json=action).raise_for_status()

    assert floating["fixed_ip_address"] == "10.1.0.8"
    assert (kept.status_code, fewer.status_code, of(fewer.json()["port"])) == (409, 200, ["10.1.0.8", "10.1.0.9"])
    assert moved["fixed_ip_address"] == "10.1.0.9"
    assert admin.rows("floatingips")[0]["fixed_ip_address"] == "10.1.0.8"
