"""The network that is made for a project that has none, and the default external network that it needs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.serving import ApiServer
from tests.api.test_quotas import project
from tests.api.test_routers import Project
from tests.api.test_servers import create

ROOT = "/network/v2.0"


@pytest.fixture
def admin(routed_server: ApiServer) -> Project:
    """An admin of a cloud whose networks are its projects' own."""
    admin = Project(routed_server.client())
    for each in admin.rows("networks"):
        admin.http.delete(f"{ROOT}/networks/{each['id']}").raise_for_status()
    return admin


@pytest.fixture
def outer(admin: Project) -> dict[str, Any]:
    net = admin.made(
        "network",
        {"name": "public", "router:external": True, "is_default": True, "provider:network_type": "geneve"},
    )
    admin.made("subnet", {"network_id": net["id"], "ip_version": 4, "cidr": "203.0.113.0/24"})
    return net


@pytest.fixture
def ann(routed_server: ApiServer) -> Project:
    return Project(routed_server.client(routed_server.user("ann"), version="2.37"))


def asked(of: Project, project_id: str, **query: str) -> httpx.Response:
    return of.http.get(f"{ROOT}/auto-allocated-topology/{project_id}", params=query)


def test_one_external_network_is_the_default(admin: Project, outer: dict[str, Any], ann: Project) -> None:
    geneve = {"provider:network_type": "geneve"}
    inner = admin.made("network", {"name": "inner", **geneve})
    second = {"name": "second", "router:external": True, "is_default": True, **geneve}
    put = admin.put

    assert outer["is_default"] and [each["id"] for each in admin.rows("networks", is_default="true")] == [outer["id"]]
    assert put("network", inner, is_default=True).status_code == 400
    assert admin.http.post(f"{ROOT}/networks", json={"network": {"name": "n", "is_default": True}}).status_code == 400
    refused = admin.http.post(f"{ROOT}/networks", json={"network": second})
    assert (refused.status_code, "already exists" in refused.text) == (409, True)
    assert put("network", outer, name="renamed").json()["network"]["is_default"]
    assert ann.put("network", outer, is_default=False).status_code == 403
    assert put("network", outer, is_default=False).json()["network"]["is_default"] is False
    other = admin.made("network", second)
    assert put("network", outer, is_default=True).status_code == 409
    assert put("network", other, **{"router:external": False}).json()["network"]["is_default"] is False
    assert put("network", outer, is_default=True).status_code == 200


def test_a_project_gets_a_network_with_a_router_once(
    routed_server: ApiServer, admin: Project, outer: dict[str, Any], ann: Project
) -> None:
    of_ann = project(admin.http, "ann")
    dry = asked(ann, of_ann, fields="dry-run")
    before = ann.rows("networks", name="auto_allocated_network")

    with ThreadPoolExecutor(6) as several:
        answers = list(several.map(lambda _: asked(ann, "None"), range(6)))

    assert dry.json() == {"auto_allocated_topology": {"id": "dry-run=pass", "tenant_id": of_ann}} and before == []
    assert {each.status_code for each in answers} == {200}
    [made] = {each.json()["auto_allocated_topology"]["id"] for each in answers}
    assert asked(ann, of_ann, fields="id").json() == {"auto_allocated_topology": {"id": made}}
    [net], [subnet], [router] = (ann.rows(kind, project_id=of_ann) for kind in ("networks", "subnets", "routers"))
    assert (net["id"], net["name"], subnet["cidr"]) == (made, "auto_allocated_network", "10.68.0.0/22")
    assert router["external_gateway_info"]["network_id"] == outer["id"]
    [inner] = ann.rows("ports", device_id=router["id"])
    assert inner["fixed_ips"] == [{"subnet_id": subnet["id"], "ip_address": "10.68.0.1"}]
    assert asked(ann, of_ann, fields="dry-run").status_code == 200
    records = admin.http.get("/busway/v1/audit").json()["records"]
    told = [each for each in records if each["operation"] == "get_auto_allocated_topology"]
    assert {(each["method"], each["result"]) for each in told} == {("GET", "success")}
    assert len(told) <= len(answers)  # whoever came too late to make it; who only sees it is not told


def test_the_network_that_is_the_default_now_has_the_gateways_of_new_routers(
    admin: Project, outer: dict[str, Any], ann: Project
) -> None:
    second = admin.made("network", {"name": "second", "router:external": True, "provider:network_type": "geneve"})
    admin.made("subnet", {"network_id": second["id"], "ip_version": 4, "cidr": "198.51.100.0/24"})
    for network, is_default in ((outer, False), (second, True)):
        admin.put("network", network, is_default=is_default).raise_for_status()

    asked(ann, "None").raise_for_status()

    [router] = ann.rows("routers")
    assert router["external_gateway_info"]["network_id"] == second["id"]


def test_a_server_with_networks_auto_has_one_made(
    admin: Project, outer: dict[str, Any], ann: Project, routed_server: ApiServer
) -> None:
    image = routed_server.image()
    bob = Project(routed_server.client(routed_server.user("bob"), version="2.36"))

    first, second = (create(ann.http, image, networks="auto") for _ in range(2))
    old = create(bob.http, image)

    assert (first.status_code, second.status_code) == (202, 202)
    [net] = ann.rows("networks", name="auto_allocated_network")
    servers = {each.json()["server"]["id"] for each in (first, second)}
    assert {each["device_id"] for each in ann.rows("ports", network_id=net["id"])} >= servers
    assert (old.status_code, "There is no network" in old.text) == (400, True) and bob.rows(
        "routers"
    ) == []  # before 2.37 nobody asks for one
    own, _its = bob.network("10.3.0.0/24")
    bob.http.headers["OpenStack-API-Version"] = "compute 2.37"
    assert create(bob.http, image, networks="auto").status_code == 202
    assert bob.rows("routers") == [] and len(bob.rows("ports", network_id=own["id"])) == 1


def test_without_a_default_external_network_nothing_is_made(
    admin: Project, ann: Project, routed_server: ApiServer
) -> None:
    of_ann = project(admin.http, "ann")

    asked_for = asked(ann, of_ann), asked(ann, of_ann, fields="dry-run")
    server = create(ann.http, routed_server.image(), networks="auto")

    assert [each.status_code for each in asked_for] == [409, 409]
    assert all("No default router:external network" in each.text for each in asked_for)
    assert (server.status_code, "Unable to automatically allocate a network" in server.text) == (400, True)
    assert ann.rows("networks") == ann.rows("routers") == []


def test_all_of_it_is_made_or_nothing(admin: Project, outer: dict[str, Any], ann: Project) -> None:
    of_ann = project(admin.http, "ann")
    admin.http.put(f"{ROOT}/quotas/{of_ann}", json={"quota": {"router": 0}}).raise_for_status()

    refused = asked(ann, of_ann)

    assert (refused.status_code, "Quota exceeded for router" in refused.text) == (409, True)
    assert ann.rows("networks", project_id=of_ann) == ann.rows("ports") == []


def test_it_is_deleted_when_nothing_uses_it_and_made_again(admin: Project, outer: dict[str, Any], ann: Project) -> None:
    of_ann = project(admin.http, "ann")
    path = f"{ROOT}/auto-allocated-topology/{of_ann}"
    made = asked(ann, of_ann).json()["auto_allocated_topology"]["id"]
    port = ann.made("port", {"network_id": made})

    used = ann.http.delete(path)
    whole = ann.rows("routers") and ann.rows("ports", device_owner="network:router_interface")
    ann.http.delete(f"{ROOT}/ports/{port['id']}").raise_for_status()
    gone = [ann.http.delete(path).status_code for _ in range(2)]

    assert (used.status_code, bool(whole)) == (409, True)
    assert gone == [204, 204]
    assert ann.rows("networks", project_id=of_ann) == ann.rows("routers") == ann.rows("ports") == []
    assert asked(ann, of_ann).json()["auto_allocated_topology"]["id"] == made
    assert len(ann.rows("routers")) == 1


def test_what_its_project_has_deleted_of_it_is_made_again_or_left_away(
    admin: Project, outer: dict[str, Any], ann: Project
) -> None:
    of_ann = project(admin.http, "ann")
    made = asked(ann, of_ann).json()["auto_allocated_topology"]["id"]
    [router], [subnet] = ann.rows("routers"), ann.rows("subnets", network_id=made)
    ann.act(router, "remove", subnet_id=subnet["id"]).raise_for_status()
    ann.http.delete(f"{ROOT}/networks/{made}").raise_for_status()

    again = asked(ann, of_ann)

    assert (again.status_code, [each["id"] for each in ann.rows("routers")]) == (200, [router["id"]])
    assert len(ann.rows("ports", device_owner="network:router_interface")) == 1
    [subnet] = ann.rows("subnets", network_id=made)
    ann.act(router, "remove", subnet_id=subnet["id"]).raise_for_status()
    ann.http.delete(f"{ROOT}/routers/{router['id']}").raise_for_status()
    assert ann.http.delete(f"{ROOT}/auto-allocated-topology/{of_ann}").status_code == 204
    assert ann.rows("networks", project_id=of_ann) == []


def test_that_of_another_project_is_for_admins_and_readers_make_none(
    admin: Project, outer: dict[str, Any], ann: Project, routed_server: ApiServer
) -> None:
    of_ann = project(admin.http, "ann")
    bob = Project(routed_server.client(routed_server.user("bob", "reader")))
    of_bob = project(admin.http, "bob")

    assert asked(bob, of_ann).status_code == 403
    assert bob.http.delete(f"{ROOT}/auto-allocated-topology/{of_ann}").status_code == 403
    assert (asked(bob, of_bob).status_code, asked(bob, of_bob, fields="dry-run").status_code) == (403, 200)
    assert asked(admin, of_ann).json()["auto_allocated_topology"]["tenant_id"] == of_ann
    assert asked(bob, of_bob).status_code == 403
    assert asked(admin, "no-project").status_code == 404
    assert asked(ann, of_ann).status_code == 200


def test_a_cloud_without_routers_has_none(api_server: ApiServer) -> None:
    client = api_server.client(version="2.37")
    refused = client.get(f"{ROOT}/auto-allocated-topology/None")

    assert (refused.status_code, "the extension router is not loaded" in refused.text) == (404, True)
    assert "auto-allocated-topology" not in client.get(f"{ROOT}/extensions").text
    assert create(client, api_server.image(), networks="auto").status_code == 202  # on the cloud's own network
