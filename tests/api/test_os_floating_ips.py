"""The compute API's floating addresses: what old clients ask of them is done to those of the network API."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from busway.control.identity.bearer import authenticate
from busway.control.networks.server_floating_ip import delete_pooled_ip, lead_to_server, take_from_server
from busway.domain.errors import Forbidden
from busway.policy import Policy
from tests.api.serving import ApiServer
from tests.api.test_routers import Project, routed
from tests.api.test_servers import create

ROOT, POOLS = "/compute/v2.1/os-floating-ips", "/compute/v2.1/os-floating-ip-pools"


@dataclass
class Old:
    """An old client of one project, with a network whose router has its gateway on the external network `public`."""

    new: Project
    public: dict[str, Any]
    net: dict[str, Any]
    image: str

    @property
    def http(self) -> httpx.Client:
        return self.new.http

    def server(self) -> str:
        answer = create(self.http, self.image, networks=[{"uuid": self.net["id"]}])
        return str(answer.json()["server"]["id"])

    def take(self, **body: Any) -> dict[str, Any]:
        answer = self.http.post(ROOT, json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["floating_ip"]
        return found

    def act(self, server: str, what: str, address: str, **more: str) -> httpx.Response:
        body = {f"{what}FloatingIp": {"address": address, **more}}
        return self.http.post(f"/compute/v2.1/servers/{server}/action", json=body)

    def shown(self, floating: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get(f"{ROOT}/{floating['id']}").json()["floating_ip"]
        return found


def external(admin: Project, name: str = "public", cidr: str = "203.0.113.0/24") -> dict[str, Any]:
    net = admin.made("network", {"name": name, "router:external": True, "provider:network_type": "geneve"})
    pool = {"start": cidr.replace(".0/24", ".10"), "end": cidr.replace(".0/24", ".15")}
    admin.made("subnet", {"network_id": net["id"], "ip_version": 4, "cidr": cidr, "allocation_pools": [pool]})
    return net


@pytest.fixture
def admin(routed_server: ApiServer) -> Project:
    return Project(routed_server.client())


@pytest.fixture
def old(routed_server: ApiServer, admin: Project) -> Old:
    public = external(admin)
    project = Project(routed_server.client(routed_server.user("ann")))
    _router, net, _subnet = routed(project, public)
    return Old(project, public, net, routed_server.image())


def test_an_address_is_taken_from_a_pool_and_given_back(old: Old) -> None:
    pools = old.http.get(POOLS).json()["floating_ip_pools"]
    taken = old.take(pool="public")
    others = [old.take(), old.take(pool=None), old.take(pool=old.public["id"])]
    listed = old.http.get(ROOT).json()["floating_ips"]

    [of_networks] = old.new.rows("floatingips", id=taken["id"])
    assert pools == [{"name": "public"}]
    assert of_networks["floating_ip_address"] == taken["ip"]
    assert {**taken, "id": "", "ip": ""} == {
        "id": "",
        "ip": "",
        "pool": "public",
        "fixed_ip": None,
        "instance_id": None,
    }
    assert listed == [taken, *others] and old.shown(taken) == taken
    assert old.http.delete(f"{ROOT}/{taken['id']}").status_code == 202
    assert old.http.get(f"{ROOT}/{taken['id']}").status_code == 404
    assert old.http.delete(f"{ROOT}/{taken['id']}").status_code == 404


def test_a_pool_that_is_unknown_empty_or_not_named_is_refused(old: Old, admin: Project) -> None:
    external(admin, "second", "198.51.100.0/24")
    for _ in range(5):
        old.take(pool="public")  # the sixth is the router's

    unknown, empty, unnamed = (old.http.post(ROOT, json=body) for body in ({"pool": "no"}, {"pool": "public"}, {}))

    assert (unknown.status_code, "pool no not found" in unknown.text) == (404, True)
    assert (empty.status_code, "no free address" in empty.text) == (404, True)
    assert (unnamed.status_code, "several pools" in unnamed.text) == (409, True)
    assert old.take(pool="second")["pool"] == "second"
    [second] = admin.rows("networks", name="second")
    admin.put("network", second, is_default=True).raise_for_status()
    assert old.take()["pool"] == "second"


def test_an_address_leads_to_a_server_and_then_to_another(old: Old) -> None:
    first, second, floating = old.server(), old.server(), old.take()

    led = old.act(first, "add", floating["ip"])
    told = old.http.get(f"/compute/v2.1/servers/{first}").json()["server"]["addresses"]["mine"]
    at_first = old.shown(floating)
    moved = old.act(second, "add", floating["ip"])
    late, taken = (old.act(each, "remove", floating["ip"]) for each in (first, second))

    assert [each.status_code for each in (led, moved, taken)] == [202, 202, 202]
    assert (at_first["instance_id"], at_first["fixed_ip"]) == (first, told[0]["addr"])
    assert floating["ip"] in {each["addr"] for each in told}
    assert (late.status_code, "is not associated with instance" in late.text) == (409, True)
    assert old.shown(floating) == floating


def test_what_does_not_lead_to_a_server_is_refused_with_the_reason(old: Old) -> None:
    server, floating, other = old.server(), old.take(), old.take()
    fixed = old.http.get(f"/compute/v2.1/servers/{server}").json()["server"]["addresses"]["mine"][0]["addr"]
    alone, _its = old.new.network("10.7.0.0/24", name="alone")
    beside = create(old.http, old.image, networks=[{"uuid": alone["id"]}]).json()["server"]["id"]
    bare = create(old.http, old.image).json()["server"]["id"]  # has a card on the cloud's own network
    assert old.act(server, "add", floating["ip"], fixed_address=fixed).status_code == 202

    answers = {
        "already has a floating IP": (old.act(server, "add", other["ip"]), 400),
        "not assigned to instance": (old.act(server, "add", other["ip"], fixed_address="10.1.0.99"), 400),
        "is not reachable from subnet": (old.act(beside, "add", other["ip"]), 404),
        "Floating ip 0.0.0.0 could not be found": (old.act(server, "add", "0.0.0.0"), 404),
        "could not be found": (old.act(server, "remove", "0.0.0.0"), 404),
        "is not associated": (old.act(bare, "remove", floating["ip"]), 409),
        "address": (old.act(server, "add", ""), 400),
        "Instance": (old.act("nothing", "add", other["ip"]), 404),
    }

    for words, (answer, status) in answers.items():
        assert (answer.status_code, words in answer.text) == (status, True), (words, answer.text)


def test_addresses_of_another_project_are_not_there(old: Old, admin: Project, routed_server: ApiServer) -> None:
    bob = routed_server.client(routed_server.user("bob"))
    floating, server = old.take(), old.server()

    assert bob.get(ROOT).json() == {"floating_ips": []} and admin.http.get(ROOT).json() == {"floating_ips": []}
    assert bob.get(f"{ROOT}/{floating['id']}").status_code == 404
    assert bob.delete(f"{ROOT}/{floating['id']}").status_code == 404
    assert Old(Project(bob), {}, {}, "").act(server, "add", floating["ip"]).status_code == 404
    assert Old(admin, {}, {}, "").act(server, "add", floating["ip"]).status_code == 202  # an admin of all projects


def test_newer_microversions_name_the_network_api(old: Old) -> None:
    server, floating = old.server(), old.take()

    def at(version: str) -> dict[str, str]:
        return {"OpenStack-API-Version": f"compute {version}"}

    action = {"addFloatingIp": {"address": floating["ip"]}}
    path = f"/compute/v2.1/servers/{server}/action"

    assert [old.http.get(ROOT, headers=at(each)).status_code for each in ("2.35", "2.36")] == [200, 404]
    assert [old.http.get(POOLS, headers=at(each)).status_code for each in ("2.35", "2.36")] == [200, 404]
    assert [old.http.post(path, json=action, headers=at(each)).status_code for each in ("2.44", "2.43")] == [404, 202]


def test_a_cloud_without_routers_refuses_them_as_the_network_api_does(api_server: ApiServer) -> None:
    client = api_server.client()
    action = {"addFloatingIp": {"address": "203.0.113.9"}}

    refused = [
        client.get(ROOT),
        client.get(POOLS),
        client.post(ROOT, json={}),
        client.get(f"{ROOT}/1"),
        client.delete(f"{ROOT}/1"),
        client.post("/compute/v2.1/servers/1/action", json=action),
    ]

    assert [each.status_code for each in refused] == [404] * 6
    assert all("the extension router is not loaded" in each.text for each in refused)


def test_the_network_apis_rules_hold_too(old: Old, routed_server: ApiServer, tmp_path: Path) -> None:
    server, floating = old.server(), old.take()
    file = tmp_path / "policy.yaml"
    file.write_text("update_floatingip: role:admin\ndelete_floatingip: role:admin\n")
    control, token = routed_server.control, old.http.headers["X-Auth-Token"]
    caller = replace(authenticate(control, token), policy=Policy(file))

    with pytest.raises(Forbidden, match="update_floatingip"):
        lead_to_server(control, caller, server, floating["ip"], None)
    with pytest.raises(Forbidden, match="update_floatingip"):
        take_from_server(control, caller, server, floating["ip"])
    with pytest.raises(Forbidden, match="delete_floatingip"):
        delete_pooled_ip(control, caller, floating["id"])
