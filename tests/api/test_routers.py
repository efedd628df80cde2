"""Routers, external networks and floating addresses over HTTP, with Neutron's words and refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.api.serving import ApiServer
from tests.api.test_servers import create

ROOT = "/network/v2.0"


@dataclass
class Project:
    """A project's member, and what it makes."""

    http: httpx.Client

    def made(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.http.post(f"{ROOT}/{kind}s", json={kind: body})
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()[kind]
        return found

    def network(self, cidr: str = "10.1.0.0/24", **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        net = self.made("network", {"name": "mine", **more})
        return net, self.made("subnet", {"network_id": net["id"], "ip_version": 6 if ":" in cidr else 4, "cidr": cidr})

    def act(self, router: dict[str, Any], what: str, **body: Any) -> httpx.Response:
        return self.http.put(f"{ROOT}/routers/{router['id']}/{what}_router_interface", json=body)

    def put(self, kind: str, thing: dict[str, Any], **body: Any) -> httpx.Response:
        return self.http.put(f"{ROOT}/{kind}s/{thing['id']}", json={kind: body})

    def rows(self, kind: str, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.http.get(f"{ROOT}/{kind}", params=query).json()[kind]
        return found


@pytest.fixture
def admin(routed_server: ApiServer) -> Project:
    return Project(routed_server.client())


@pytest.fixture
def ann(routed_server: ApiServer) -> Project:
    return Project(routed_server.client(routed_server.user("ann")))


@pytest.fixture
def public(admin: Project) -> dict[str, Any]:
    flat = {"provider:network_type": "flat", "provider:physical_network": "outside"}
    net = admin.made("network", {"name": "public", "router:external": True, **flat})
    admin.made("subnet", {"network_id": net["id"], "ip_version": 4, "cidr": "203.0.113.0/24", "enable_dhcp": False})
    return net


def routed(ann: Project, public: dict[str, Any], **more: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A router with a gateway that joins a subnet: itself, the network and the subnet."""
    net, sub = ann.network(**more)
    router = ann.made("router", {"name": "r", "external_gateway_info": {"network_id": public["id"]}})
    assert ann.act(router, "add", subnet_id=sub["id"]).status_code == 200
    return router, net, sub


def test_what_ovn_serves_is_announced_with_it_only(routed_server: ApiServer, ann: Project) -> None:
    announced = {each["alias"] for each in ann.http.get(f"{ROOT}/extensions").json()["extensions"]}

    assert {"router", "external-net", "ext-gw-mode", "extraroute"} <= announced


def test_a_router_has_a_port_on_each_subnet_and_on_the_external_network(
    admin: Project, ann: Project, public: dict[str, Any]
) -> None:
    router, net, sub = routed(ann, public)

    shown = ann.http.get(f"{ROOT}/routers/{router['id']}").json()["router"]
    [inner] = ann.rows("ports", device_id=router["id"])
    [outer] = admin.rows("ports", device_id=router["id"], device_owner="network:router_gateway")
    [services] = admin.rows("ports", network_id=net["id"], device_owner="network:distributed")

    assert (shown["status"], shown["external_gateway_info"]["enable_snat"]) == ("ACTIVE", True)
    assert shown["external_gateway_info"]["external_fixed_ips"] == outer["fixed_ips"]
    assert outer["project_id"] == "" and outer["fixed_ips"][0]["ip_address"] == "203.0.113.2"
    assert (inner["device_owner"], inner["status"]) == ("network:router_interface", "ACTIVE")
    assert inner["fixed_ips"] == [{"subnet_id": sub["id"], "ip_address": "10.1.0.1"}]
    assert services["fixed_ips"][0]["ip_address"] == "10.1.0.2"


def test_an_interface_comes_by_subnet_or_port_and_goes(ann: Project) -> None:
    net, sub = ann.network()
    router = ann.made("router", {"name": "r"})
    port = ann.made("port", {"network_id": net["id"], "fixed_ips": [{"ip_address": "10.1.0.77"}]})

    added = ann.act(router, "add", port_id=port["id"])
    again = ann.act(router, "add", subnet_id=sub["id"])
    removed = ann.act(router, "remove", subnet_id=sub["id"])

    assert (added.status_code, added.json()["port_id"], added.json()["subnet_id"]) == (200, port["id"], sub["id"])
    assert (again.status_code, "already has a port on subnet" in again.text) == (400, True)
    assert (removed.status_code, removed.json()["port_id"]) == (200, port["id"])
    assert ann.http.get(f"{ROOT}/ports/{port['id']}").status_code == 404
    assert ann.act(router, "remove", subnet_id=sub["id"]).status_code == 404
    assert ann.act(router, "add").status_code == 400


def test_an_interface_may_be_told_the_subnet_that_it_is_on_and_no_other(ann: Project) -> None:
    _, sub = ann.network()
    router = ann.made("router", {"name": "r"})
    interface = {"id": ann.act(router, "add", subnet_id=sub["id"]).json()["port_id"]}

    same = ann.put("port", interface, fixed_ips=[{"subnet_id": sub["id"]}])
    moved = ann.put("port", interface, fixed_ips=[{"subnet_id": sub["id"], "ip_address": "10.1.0.9"}])

    assert (same.status_code, same.json()["port"]["fixed_ips"][0]["subnet_id"]) == (200, sub["id"])
    assert moved.status_code == 409


def test_a_router_joins_ipv6_at_its_gateways_address(ann: Project) -> None:
    _net, sub = ann.network("fd00:1::/64", name="six")
    router = ann.made("router", {"name": "r"})

    ann.act(router, "add", subnet_id=sub["id"])

    [port] = ann.rows("ports", device_id=router["id"])
    assert port["fixed_ips"] == [{"subnet_id": sub["id"], "ip_address": "fd00:1::1"}]
    assert [each["id"] for each in ann.rows("ports", fixed_ips="ip_address=fd00:1::1")] == [port["id"]]
    assert [each["id"] for each in ann.rows("ports", fixed_ips=f"subnet_id={sub['id']}")] == [port["id"]]


def test_what_a_router_can_not_join_is_refused_with_the_reason(
    admin: Project, ann: Project, public: dict[str, Any]
) -> None:
    router = ann.made("router", {"name": "r"})
    _local, sub = ann.network("10.67.9.0/24", **{"provider:network_type": "local"})
    _one, first = ann.network("10.1.0.0/24")
    _two, second = ann.network("10.1.0.0/16")
    none = ann.made("network", {"name": "none"})
    closed = ann.made("subnet", {"network_id": none["id"], "ip_version": 4, "cidr": "10.3.0.0/24", "gateway_ip": None})
    [outer] = public["subnets"] or [each["id"] for each in admin.rows("subnets", network_id=public["id"])]
    ann.act(router, "add", subnet_id=first["id"])
    theirs = ann.made("router", {"name": "second"})

    answers = {
        "only networks of type geneve": ann.act(router, "add", subnet_id=sub["id"]),
        "overlaps with cidr": ann.act(router, "add", subnet_id=second["id"]),
        "must have a gateway": ann.act(router, "add", subnet_id=closed["id"]),
    }
    taken = ann.act(theirs, "add", subnet_id=first["id"])

    for words, answer in answers.items():
        assert (answer.status_code, words in answer.text.lower()) == (400, True), answer.text
    assert (taken.status_code, "already allocated" in taken.text) == (409, True)
    assert admin.act(router, "add", subnet_id=outer).status_code == 400


def test_what_is_in_use_stays(admin: Project, ann: Project, public: dict[str, Any]) -> None:
    router, net, sub = routed(ann, public)
    port = ann.made("port", {"network_id": net["id"]})
    floating = ann.made("floatingip", {"floating_network_id": public["id"], "port_id": port["id"]})
    [inner] = ann.rows("ports", device_id=router["id"])

    refused = [
        ann.http.delete(f"{ROOT}/routers/{router['id']}"),
        ann.act(router, "remove", subnet_id=sub["id"]),
        ann.put("router", router, external_gateway_info={}),
        ann.http.delete(f"{ROOT}/ports/{inner['id']}"),
        ann.put("port", inner, admin_state_up=False),
        ann.http.delete(f"{ROOT}/networks/{net['id']}"),
        ann.http.delete(f"{ROOT}/subnets/{sub['id']}"),
        admin.http.delete(f"{ROOT}/networks/{public['id']}"),
        admin.put("network", public, **{"router:external": False}),
    ]

    assert [each.status_code for each in refused] == [409] * len(refused), [each.text for each in refused]
    assert ann.put("floatingip", floating, port_id=None).json()["floatingip"]["status"] == "DOWN"
    assert ann.put("router", router, external_gateway_info={}).json()["router"]["external_gateway_info"] is None
    assert ann.act(router, "remove", port_id=inner["id"]).status_code == 200
    assert ann.http.delete(f"{ROOT}/routers/{router['id']}").status_code == 204
    assert admin.rows("ports", network_id=net["id"], device_owner="network:distributed") == []
    assert admin.http.delete(f"{ROOT}/networks/{public['id']}").status_code == 204
    assert ann.rows("floatingips") == []


def test_a_floating_address_leads_to_a_port_and_is_one_of_its_servers_addresses(
    routed_server: ApiServer, admin: Project, public: dict[str, Any]
) -> None:
    router, net, _sub = routed(admin, public)
    image = routed_server.image()
    server = create(admin.http, image, networks=[{"uuid": net["id"]}]).json()["server"]["id"]
    [port] = admin.rows("ports", device_id=server)

    floating = admin.made("floatingip", {"floating_network_id": public["id"]})
    free = dict(floating)
    led = admin.put("floatingip", floating, port_id=port["id"]).json()["floatingip"]
    told = admin.http.get(f"/compute/v2.1/servers/{server}").json()["server"]["addresses"]["mine"]

    assert (free["status"], free["port_id"], free["router_id"]) == ("DOWN", None, None)
    assert (led["status"], led["router_id"], led["fixed_ip_address"]) == ("ACTIVE", router["id"], "10.1.0.3")
    assert [(each["addr"], each["OS-EXT-IPS:type"]) for each in told] == [
        ("10.1.0.3", "fixed"),
        (floating["floating_ip_address"], "floating"),
    ]
    [own] = admin.rows("ports", device_owner="network:floatingip")
    assert (own["device_id"], own["status"], own["project_id"]) == (floating["id"], "N/A", "")


def test_a_floating_address_is_refused_where_no_router_leads(ann: Project, public: dict[str, Any]) -> None:
    _router, net, _sub = routed(ann, public)
    alone, _its = ann.network("10.7.0.0/24")
    reached, other = (ann.made("port", {"network_id": each["id"]}) for each in (net, alone))
    ann.made("floatingip", {"floating_network_id": public["id"], "port_id": reached["id"]})

    def ask(**body: Any) -> httpx.Response:
        return ann.http.post(f"{ROOT}/floatingips", json={"floatingip": {"floating_network_id": public["id"], **body}})

    unreachable, twice = ask(port_id=other["id"]), ask(port_id=reached["id"])

    assert (unreachable.status_code, "is not reachable from subnet" in unreachable.text) == (404, True)
    assert (twice.status_code, "already has a floating IP" in twice.text) == (409, True)
    assert ask(port_id=reached["id"], fixed_ip_address="10.1.0.99").status_code == 400
    assert ask(fixed_ip_address="10.1.0.99").status_code == 400
    assert ask(floating_network_id=net["id"]).status_code == 400
    assert ask(floating_ip_address="203.0.113.50").status_code == 403
    assert len(ann.rows("floatingips")) == 1


def test_a_port_that_goes_leaves_its_floating_address(ann: Project, public: dict[str, Any]) -> None:
    _router, net, _sub = routed(ann, public)
    port = ann.made("port", {"network_id": net["id"]})
    floating = ann.made("floatingip", {"floating_network_id": public["id"], "port_id": port["id"]})

    assert ann.http.delete(f"{ROOT}/ports/{port['id']}").status_code == 204

    [kept] = ann.rows("floatingips", floating_ip_address=floating["floating_ip_address"])
    assert (kept["status"], kept["port_id"], kept["fixed_ip_address"]) == ("DOWN", None, None)


def test_others_see_neither_routers_nor_floating_addresses_and_everybody_sees_external_networks(
    routed_server: ApiServer, ann: Project, public: dict[str, Any]
) -> None:
    bob = Project(routed_server.client(routed_server.user("bob")))
    router, net, _sub = routed(ann, public)
    floating = ann.made("floatingip", {"floating_network_id": public["id"]})

    assert bob.rows("routers") == bob.rows("floatingips") == []
    assert [each["id"] for each in bob.rows("networks", **{"router:external": "true"})] == [public["id"]]
    assert bob.rows("subnets", network_id=public["id"]) == []
    for path in (f"routers/{router['id']}", f"floatingips/{floating['id']}", f"networks/{net['id']}"):
        assert bob.http.get(f"{ROOT}/{path}").status_code == 404
        assert bob.http.delete(f"{ROOT}/{path}").status_code == 404
    assert bob.put("floatingip", floating, port_id=None).status_code == 404
    assert bob.act(router, "remove", subnet_id="x" * 36).status_code in (400, 404)


def test_what_admins_alone_may_is_forbidden_to_members(ann: Project, admin: Project, public: dict[str, Any]) -> None:
    chosen = {"network_id": public["id"], "external_fixed_ips": [{"ip_address": "203.0.113.9"}]}
    refused = [
        ann.http.post(f"{ROOT}/networks", json={"network": {"name": "n", "router:external": True}}),
        ann.http.post(f"{ROOT}/ports", json={"port": {"network_id": public["id"]}}),
        ann.http.post(f"{ROOT}/routers", json={"router": {"external_gateway_info": chosen}}),
        ann.http.post(
            f"{ROOT}/routers",
            json={"router": {"external_gateway_info": {"network_id": public["id"], "enable_snat": False}}},
        ),
    ]

    router = admin.made("router", {"name": "r", "external_gateway_info": {**chosen, "enable_snat": False}})

    assert [each.status_code for each in refused] == [403] * 4
    gateway = router["external_gateway_info"]
    assert (gateway["enable_snat"], gateway["external_fixed_ips"][0]["ip_address"]) == (False, "203.0.113.9")
    assert admin.http.post(f"{ROOT}/ports", json={"port": {"network_id": public["id"]}}).status_code == 201


def test_routes_lead_to_what_the_router_reaches(ann: Project) -> None:
    _net, sub = ann.network()
    router = ann.made("router", {"name": "r"})
    ann.act(router, "add", subnet_id=sub["id"])
    route = {"destination": "10.99.0.0/16", "nexthop": "10.1.0.9"}

    changed = ann.put("router", router, routes=[route])
    bad = [
        ann.put("router", router, routes=[each])
        for each in ({**route, "nexthop": "10.5.0.9"}, {**route, "nexthop": "10.1.0.1"}, {**route, "destination": "?"})
    ]

    assert changed.json()["router"]["routes"] == [route]
    assert [each.status_code for each in bad] == [400, 400, 400]
    assert ann.act(router, "remove", subnet_id=sub["id"]).status_code == 409
    assert ann.put("router", router, routes=[]).json()["router"]["routes"] == []


def test_routers_and_floating_addresses_have_quotas(admin: Project, ann: Project, public: dict[str, Any]) -> None:
    project = ann.made("router", {"name": "one"})["project_id"]
    limits = {"quota": {"router": 1, "floatingip": 1}}
    assert admin.http.put(f"{ROOT}/quotas/{project}", json=limits).status_code == 200
    ann.made("floatingip", {"floating_network_id": public["id"]})

    refused = [
        ann.http.post(f"{ROOT}/routers", json={"router": {"name": "two"}}),
        ann.http.post(f"{ROOT}/floatingips", json={"floatingip": {"floating_network_id": public["id"]}}),
    ]

    assert [each.status_code for each in refused] == [409, 409], [each.text for each in refused]
    used = admin.http.get(f"{ROOT}/quotas/{project}/details").json()["quota"]
    assert (used["router"]["used"], used["floatingip"]["used"]) == (1, 1)


def test_lists_are_filtered_sorted_and_paged(ann: Project, public: dict[str, Any]) -> None:
    for name in ("c", "a", "b"):
        ann.made("router", {"name": name, "admin_state_up": name != "a"})
        ann.made("floatingip", {"floating_network_id": public["id"]})
    addresses = [each["floating_ip_address"] for each in ann.rows("floatingips")]

    assert [each["name"] for each in ann.rows("routers", sort_key="name", limit="2")] == ["a", "b"]
    assert [each["name"] for each in ann.rows("routers", admin_state_up="false")] == ["a"]
    assert ann.rows("floatingips", status="ACTIVE") == []
    assert len(ann.rows("floatingips", floating_network_id=public["id"], port_id="")) == 3
    backwards = ann.rows("floatingips", sort_key="floating_ip_address", sort_dir="desc")
    assert [each["floating_ip_address"] for each in backwards] == sorted(addresses, reverse=True)
    assert ann.http.get(f"{ROOT}/routers?colour=red").status_code == 400


def test_routers_and_floating_addresses_have_tags(ann: Project, public: dict[str, Any]) -> None:
    router = ann.made("router", {"name": "r"})
    floating = ann.made("floatingip", {"floating_network_id": public["id"]})

    for path in (f"routers/{router['id']}", f"floatingips/{floating['id']}"):
        assert ann.http.put(f"{ROOT}/{path}/tags", json={"tags": ["red"]}).status_code == 200

    assert ann.rows("routers", tags="red")[0]["tags"] == ["red"] == ann.rows("floatingips", tags="red")[0]["tags"]
    assert ann.rows("routers", tags="blue") == []


def test_a_shared_network_with_a_router_of_its_own_project_can_be_unshared(
    admin: Project, public: dict[str, Any]
) -> None:
    _router, net, _sub = routed(admin, public, shared=True)

    assert admin.put("network", net, shared=False).status_code == 200


def test_a_port_with_a_floating_address_does_not_become_a_routers(ann: Project, public: dict[str, Any]) -> None:
    _router, net, _sub = routed(ann, public)
    port = ann.made("port", {"network_id": net["id"]})
    floating = ann.made("floatingip", {"floating_network_id": public["id"], "port_id": port["id"]})
    second = ann.made("router", {"name": "second"})

    refused = ann.act(second, "add", port_id=port["id"])

    assert (refused.status_code, floating["floating_ip_address"] in refused.text) == (409, True)
    assert ann.rows("ports", device_id=second["id"]) == []


def test_a_gateway_stays_while_a_route_leads_by_it(ann: Project, public: dict[str, Any]) -> None:
    router, _net, _sub = routed(ann, public)
    route = {"destination": "198.51.100.0/24", "nexthop": "203.0.113.77"}
    ann.put("router", router, routes=[route])

    refused = ann.put("router", router, external_gateway_info={})
    together = ann.put("router", router, external_gateway_info={}, routes=[])

    assert (refused.status_code, "by one or more routes" in refused.text) == (409, True)
    assert together.json()["router"]["external_gateway_info"] is None


def test_another_address_of_a_gateway_leaves_translation_as_it_is(admin: Project, public: dict[str, Any]) -> None:
    gateway = {"network_id": public["id"], "enable_snat": False}
    router = admin.made("router", {"name": "r", "external_gateway_info": gateway})

    chosen = {"network_id": public["id"], "external_fixed_ips": [{"ip_address": "203.0.113.99"}]}
    changed = admin.put("router", router, external_gateway_info=chosen).json()["router"]["external_gateway_info"]

    assert (changed["enable_snat"], changed["external_fixed_ips"][0]["ip_address"]) == (False, "203.0.113.99")


def test_addresses_with_a_zone_and_texts_that_are_none_are_refused(
    admin: Project, ann: Project, public: dict[str, Any]
) -> None:
    net, six = ann.network("fd00:1::/64")
    router = ann.made("router", {"name": "r"})
    ann.act(router, "add", subnet_id=six["id"])
    asked = {"floating_network_id": public["id"]}

    answers = [
        ann.put("router", router, routes=[{"destination": "fd00:7::/64", "nexthop": "fd00:1::9%eth0"}]),
        ann.put("router", router, routes=[{"destination": "fd00:7::%eth0/64", "nexthop": "fd00:1::9"}]),
        ann.put("subnet", six, dns_nameservers=["fd00::53%eth0"]),
        ann.put("subnet", six, host_routes=[{"destination": "fd00:8::/64", "nexthop": "fd00:1::1%eth0"}]),
        ann.http.post(
            f"{ROOT}/ports",
            json={"port": {"network_id": net["id"], "allowed_address_pairs": [{"ip_address": "fd00::1%eth0"}]}},
        ),
        *(
            admin.http.post(f"{ROOT}/floatingips", json={"floatingip": {**asked, "floating_ip_address": text}})
            for text in ("banana", "fd00::1", "203.0.113.256", "203.0.113.0", "192.0.2.1")
        ),
    ]

    assert [each.status_code for each in answers] == [400] * len(answers), [each.text for each in answers]


def test_what_others_have_is_not_found_in_any_field_of_a_request(
    routed_server: ApiServer, ann: Project, public: dict[str, Any]
) -> None:
    bob = Project(routed_server.client(routed_server.user("bob")))
    _router, net, sub = routed(ann, public)
    port = ann.made("port", {"network_id": net["id"]})
    own = bob.made("router", {"name": "r", "external_gateway_info": {"network_id": public["id"]}})
    floating = bob.made("floatingip", {"floating_network_id": public["id"]})
    outer = {"floating_network_id": public["id"]}

    hidden = [
        bob.act(own, "add", subnet_id=sub["id"]),
        bob.act(own, "add", port_id=port["id"]),
        bob.act(own, "remove", subnet_id=sub["id"]),
        bob.act(own, "remove", port_id=port["id"]),
        bob.put("router", own, external_gateway_info={"network_id": net["id"]}),
        bob.http.post(f"{ROOT}/routers", json={"router": {"external_gateway_info": {"network_id": net["id"]}}}),
        bob.put("floatingip", floating, port_id=port["id"]),
        bob.http.post(f"{ROOT}/floatingips", json={"floatingip": {**outer, "port_id": port["id"]}}),
        bob.http.post(f"{ROOT}/floatingips", json={"floatingip": {"floating_network_id": net["id"]}}),
    ]
    forbidden = [
        bob.http.post(f"{ROOT}/{kind}s", json={kind: {**body, "project_id": net["project_id"]}})
        for kind, body in (("router", {}), ("floatingip", outer))
    ]

    assert [each.status_code for each in hidden] == [404] * len(hidden), [each.text for each in hidden]
    assert [each.status_code for each in forbidden] == [403, 403], [each.text for each in forbidden]


def test_an_external_network_that_is_full_or_has_no_subnet_gives_nothing(admin: Project, ann: Project) -> None:
    empty = admin.made("network", {"name": "empty", "router:external": True})
    small = admin.made("network", {"name": "small", "router:external": True})
    admin.made("subnet", {"network_id": small["id"], "ip_version": 4, "cidr": "198.51.100.0/30"})
    six = admin.made("network", {"name": "six", "router:external": True})
    admin.made("subnet", {"network_id": six["id"], "ip_version": 6, "cidr": "fd00:9::/64"})
    held = ann.made("router", {"external_gateway_info": {"network_id": small["id"]}})

    def ask(net: dict[str, Any]) -> tuple[int, int]:
        gateway = {"router": {"external_gateway_info": {"network_id": net["id"]}}}
        router = ann.http.post(f"{ROOT}/routers", json=gateway)
        floating = ann.http.post(f"{ROOT}/floatingips", json={"floatingip": {"floating_network_id": net["id"]}})
        return router.status_code, floating.status_code

    assert (ask(empty), ask(small), ask(six)) == ((400, 400), (409, 409), (201, 400))
    assert len(ann.rows("routers")) == 2 and held["id"] in {each["id"] for each in ann.rows("routers")}


def test_routes_are_added_and_removed_each_for_itself(routed_server: ApiServer) -> None:
    admin = routed_server.client()
    network = admin.post("/network/v2.0/networks", json={"network": {"name": "n"}}).json()["network"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "cidr": "10.61.0.0/24"}
    made = admin.post("/network/v2.0/subnets", json={"subnet": subnet}).json()["subnet"]["id"]
    router = admin.post("/network/v2.0/routers", json={"router": {"name": "r"}}).json()["router"]["id"]
    path = f"/network/v2.0/routers/{router}"
    admin.put(f"{path}/add_router_interface", json={"subnet_id": made}).raise_for_status()
    first, second = ({"destination": f"10.{n}.0.0/16", "nexthop": "10.61.0.9"} for n in (8, 9))
    lost = {"destination": "10.7.0.0/16", "nexthop": "192.0.2.1"}

    def change(act: str, *routes: dict[str, str]) -> httpx.Response:
        return admin.put(f"{path}/{act}_extraroutes", json={"router": {"routes": list(routes)}})

    assert change("add", first).json()["router"]["routes"] == [first]
    assert change("add", first, second).json()["router"]["routes"] == [first, second]
    assert change("add", lost).status_code == 400
    assert change("remove", first, lost).json()["router"]["routes"] == [second]
    assert admin.get(path).json()["router"]["routes"] == [second]
    aliases = [each["alias"] for each in admin.get("/network/v2.0/extensions").json()["extensions"]]
    assert "extraroute-atomic" in aliases
