"""Trunks over HTTP, with Neutron's words and refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from busway.control.placement.place import place_round
from busway.domain.documents import HostResources
from busway.domain.host_facts import Chassis, GuestAct
from busway.domain.ids import PortId
from busway.domain.trunk import MAX_SUBPORTS
from busway.store import ports
from tests.api.serving import ApiServer
from tests.api.test_routers import ROOT, Project
from tests.api.test_servers import create

Thing = dict[str, Any]
RESOURCES = HostResources(16, 65536, 1000, acts=tuple(GuestAct))


class Trunks(Project):
    """A project with a network and what it makes of trunks."""

    def ports(self, count: int, network: Thing | None = None, **fields: Any) -> list[Thing]:
        net = network or self.network("10.7.0.0/24")[0]
        return [self.made("port", {"network_id": net["id"], **fields}) for _ in range(count)]

    def trunk(self, parent: Thing, **vlans: Thing) -> Thing:
        """A trunk that carries ports by their VLAN ids: `v42=port`."""
        return self.made("trunk", {"name": "t", "port_id": parent["id"], "sub_ports": carried(**vlans)})

    def change(self, trunk: Thing, what: str, *several: Thing) -> httpx.Response:
        return self.http.put(f"{ROOT}/trunks/{trunk['id']}/{what}_subports", json={"sub_ports": list(several)})

    def refusal(self, **body: Any) -> tuple[int, str]:
        answer = self.http.post(f"{ROOT}/trunks", json={"trunk": body})
        return answer.status_code, answer.json()["NeutronError"]["message"].partition(" What to do")[0].rstrip(".")

    def ids(self, **query: str) -> set[str]:
        """The ids of the ports that a filter lets through."""
        return {each["id"] for each in self.rows("ports", **query)}

    def port(self, port: Thing) -> Thing:
        found: Thing = self.http.get(f"{ROOT}/ports/{port['id']}").json()["port"]
        return found


def carried(**vlans: Thing) -> list[Thing]:
    return [
        {"port_id": port["id"], "segmentation_type": "vlan", "segmentation_id": int(vlan[1:])}
        for vlan, port in vlans.items()
    ]


@pytest.fixture
def mine(routed_server: ApiServer) -> Trunks:
    """The admin and their project."""
    return Trunks(routed_server.client())


@pytest.fixture
def ann(routed_server: ApiServer) -> Trunks:
    """A member of another project."""
    return Trunks(routed_server.client(routed_server.user("ann")))


def test_trunks_are_announced_where_ovn_carries_them(mine: Trunks) -> None:
    announced = {each["alias"] for each in mine.http.get(f"{ROOT}/extensions").json()["extensions"]}
    resources = {each["name"] for each in mine.http.get(ROOT).json()["resources"]}

    assert {"trunk", "trunk-details"} <= announced
    assert "trunk" in resources


def test_a_trunk_carries_ports_and_its_parent_tells_which(mine: Trunks) -> None:
    parent, one, two = mine.ports(3)

    trunk = mine.trunk(parent, v42=one)
    added = mine.change(trunk, "add", *carried(v7=two))
    shown = mine.http.get(f"{ROOT}/trunks/{trunk['id']}").json()["trunk"]
    several = mine.http.get(f"{ROOT}/trunks/{trunk['id']}/get_subports").json()["sub_ports"]

    assert (trunk["status"], trunk["revision_number"], trunk["sub_ports"]) == ("DOWN", 1, carried(v42=one))
    assert added.json() == shown and shown["revision_number"] == 2
    assert several == shown["sub_ports"] == carried(v7=two, v42=one)
    details = mine.port(parent)["trunk_details"]
    assert details["trunk_id"] == trunk["id"]
    assert details["sub_ports"][1] == {**carried(v42=one)[0], "mac_address": one["mac_address"]}
    assert "trunk_details" not in mine.port(one)
    assert (mine.port(one)["device_owner"], mine.port(one)["device_id"]) == ("trunk:subport", trunk["id"])


def test_sub_ports_that_are_removed_are_free(mine: Trunks) -> None:
    parent, one, two = mine.ports(3)
    trunk = mine.trunk(parent, v1=one, v2=two)

    other = mine.change(trunk, "remove", {"port_id": one["id"], "segmentation_id": 2})
    stranger = mine.change(trunk, "remove", {"port_id": one["id"]}, {"port_id": parent["id"]})
    removed = mine.change(trunk, "remove", {"port_id": one["id"]})

    assert (other.status_code, stranger.status_code, removed.status_code) == (404, 404, 200)
    assert f"SubPort on trunk {trunk['id']} with parent port {parent['id']} could not be found" in stranger.text
    assert removed.json()["sub_ports"] == carried(v2=two)
    assert (mine.port(one)["device_owner"], mine.port(one)["device_id"]) == ("", "")
    assert mine.http.delete(f"{ROOT}/ports/{one['id']}").status_code == 204


def test_a_trunk_that_is_deleted_frees_its_ports(mine: Trunks) -> None:
    parent, one = mine.ports(2)
    trunk = mine.trunk(parent, v1=one)

    assert mine.http.delete(f"{ROOT}/trunks/{trunk['id']}").status_code == 204

    assert mine.rows("trunks") == []
    assert "trunk_details" not in mine.port(parent) and mine.port(one)["device_id"] == ""
    for port in (parent, one):
        assert mine.http.delete(f"{ROOT}/ports/{port['id']}").status_code == 204


def test_status_and_binding_are_those_of_the_parent_and_its_server(routed_server: ApiServer, mine: Trunks) -> None:
    host = replace(routed_server.host("h1"), resources=replace(RESOURCES, chassis=Chassis("ovn-h1")))
    host.report()
    net = mine.network("10.7.0.0/24")[0]
    one, off = mine.ports(2, net)
    image = routed_server.image()
    server = create(mine.http, image, networks=[{"uuid": net["id"]}]).json()["server"]["id"]
    place_round(routed_server.control)
    [card] = mine.rows("ports", device_id=server)

    trunk = mine.trunk(card, v1=one, v2=off)
    mine.put("port", off, admin_state_up=False)
    bound = mine.port(one)

    assert (trunk["status"], mine.port(one)["status"], mine.port(off)["status"]) == ("ACTIVE", "ACTIVE", "DOWN")
    assert (bound["binding:host_id"], bound["binding:vif_type"]) == ("h1", "bridge")
    assert bound["binding:profile"] == {"parent_name": card["id"], "tag": 1}
    assert [each["id"] for each in mine.rows("trunks", status="ACTIVE")] == [trunk["id"]]
    assert mine.rows("trunks", status="DOWN") == []
    assert mine.ids(status="ACTIVE") == {card["id"], one["id"]}
    assert mine.ids(**{"binding:host_id": "h1"}) == {card["id"], one["id"], off["id"]}
    assert not mine.ids(**{"binding:vif_type": "unbound"}) & {one["id"], off["id"]}
    assert mine.ids(device_owner="trunk:subport") == mine.ids(device_id=trunk["id"]) == {one["id"], off["id"]}

    mine.http.delete(f"/compute/v2.1/servers/{server}").raise_for_status()
    host.report()

    assert mine.rows("trunks")[0]["status"] == "DOWN", "its parent stays, though it came with the server"
    assert (mine.port(card)["device_id"], mine.port(one)["status"], mine.port(one)["binding:host_id"]) == (
        "",
        "DOWN",
        "",
    )
    assert mine.ids(status="ACTIVE") == set()


def test_ports_in_use_are_refused(mine: Trunks) -> None:
    parent, one, two, free, other = mine.ports(5)
    mine.trunk(parent, v1=one)
    rival = mine.trunk(other)

    assert mine.refusal(port_id=one["id"]) == (409, f"Port {one['id']} is in use by another trunk")
    eligible = "is currently in use and is not eligible for use as a parent port"
    assert mine.refusal(port_id=parent["id"]) == (409, f"Port {parent['id']} {eligible}")
    assert mine.refusal(port_id=free["id"], sub_ports=carried(v1=parent))[1] == f"Port {parent['id']} {eligible}"
    assert mine.refusal(port_id=free["id"], sub_ports=carried(v1=free))[1] == f"Port {free['id']} {eligible}"
    assert mine.change(rival, "add", *carried(v1=two, v2=one)).status_code == 409
    assert mine.port(two)["device_id"] == "", "all or none"


def test_a_port_of_a_server_or_router_is_no_sub_port(routed_server: ApiServer, mine: Trunks) -> None:
    net, sub = mine.network("10.7.0.0/24")
    parent, card = mine.ports(2, net)
    server = create(mine.http, routed_server.image(), networks=[{"port": card["id"]}]).json()["server"]
    router = mine.made("router", {"name": "r"})
    inner = {"id": mine.act(router, "add", subnet_id=sub["id"]).json()["port_id"]}

    for port, device in ((card, server["id"]), (inner, router["id"])):
        status, message = mine.refusal(port_id=parent["id"], sub_ports=carried(v1=port))
        assert (status, f"already has an attached device {device}" in message) == (409, True)
    assert mine.refusal(port_id=inner["id"])[0] == 409


def test_ports_of_a_trunk_are_not_deleted_nor_given_away(routed_server: ApiServer, mine: Trunks) -> None:
    net, _sub = mine.network("10.7.0.0/24")
    parent, one = mine.ports(2, net)
    trunk = mine.trunk(parent, v1=one)
    router = mine.made("router", {"name": "r"})

    for port, what in ((parent, "a parent port"), (one, "a subport")):
        deleted = mine.http.delete(f"{ROOT}/ports/{port['id']}")
        assert (deleted.status_code, f"is currently {what} for trunk {trunk['id']}" in deleted.text) == (409, True)
        assert mine.act(router, "add", port_id=port["id"]).status_code == 409
    answer = create(mine.http, routed_server.image(), networks=[{"port": one["id"]}])
    assert (answer.status_code, "is currently a subport" in answer.text) == (409, True), answer.text
    assert mine.http.delete(f"{ROOT}/networks/{net['id']}").status_code == 409


def test_vlan_ids_are_unique_within_a_trunk_and_in_range(mine: Trunks) -> None:
    net = mine.network("10.7.0.0/24")[0]
    parent, one, two, other, third = mine.ports(5, net)
    trunk = mine.trunk(parent, v42=one)

    again = mine.change(trunk, "add", *carried(v42=two))
    doubled = mine.change(trunk, "add", *carried(v5=two), *carried(v6=two))
    twice = mine.change(trunk, "add", *carried(v5=two), *carried(v5=other))
    untagged = mine.change(trunk, "add", {"port_id": two["id"]})

    assert again.status_code == 409
    assert f"segmentation_type vlan and segmentation_id 42 already in use on trunk {trunk['id']}" in again.text
    assert [answer.status_code for answer in (doubled, twice, untagged)] == [400, 400, 400]
    for vlan in ("0", "4095", "-1", "many"):
        body = {"port_id": two["id"], "segmentation_type": "vlan", "segmentation_id": vlan}
        assert mine.change(trunk, "add", body).status_code == 400
    inherited = {"port_id": two["id"], "segmentation_type": "inherit", "segmentation_id": 3}
    assert "Unknown segmentation_type 'inherit'" in mine.change(trunk, "add", inherited).text
    assert mine.trunk(third, v42=two)["sub_ports"] == carried(v42=two), "another trunk has ids of its own"


def test_a_trunk_has_a_bounded_number_of_sub_ports(routed_server: ApiServer, mine: Trunks) -> None:
    [parent] = mine.ports(1)
    with routed_server.control.db.write() as tx:
        like = ports.find_port(tx, parent["id"])
        assert like is not None
        macs = [f"fa:16:3f:00:{number // 256:02x}:{number % 256:02x}" for number in range(MAX_SUBPORTS + 1)]
        made = [replace(like, id=PortId(str(uuid4())), address="", mac=mac) for mac in macs]
        ports.add_ports(tx, made)
    *several, last = ({"id": port.id} for port in made)
    trunk = mine.trunk(parent, **{f"v{number}": port for number, port in enumerate(several, 1)})

    refused = mine.change(trunk, "add", *carried(v4000=last))

    assert len(trunk["sub_ports"]) == MAX_SUBPORTS
    assert (refused.status_code, "at most 250" in refused.text) == (400, True)


def test_ports_of_other_networks_and_projects_are_refused(mine: Trunks, ann: Trunks) -> None:
    flat = {"provider:network_type": "flat", "provider:physical_network": "p"}
    [wide] = mine.ports(1, mine.made("network", {"name": "wide", **flat}))
    [foreign], [parent, one] = mine.ports(1), ann.ports(2)

    assert ann.refusal(port_id=foreign["id"])[0] == 404
    status, message = mine.refusal(port_id=parent["id"])
    assert (status, "belongs to another project than the trunk" in message) == (400, True)
    status, message = mine.refusal(port_id=wide["id"])
    assert (status, "is not of type geneve" in message) == (400, True)
    made = mine.made("trunk", {"port_id": parent["id"], "project_id": parent["project_id"]})
    assert mine.change(made, "add", *carried(v1=foreign)).status_code == 400
    assert ann.change(made, "add", *carried(v1=one)).status_code == 200
    other = mine.trunk(foreign)
    for answer in (ann.http.get(f"{ROOT}/trunks/{other['id']}"), ann.http.delete(f"{ROOT}/trunks/{other['id']}")):
        assert answer.status_code == 404
    assert [each["id"] for each in ann.rows("trunks")] == [made["id"]]
    assert [each["id"] for each in mine.rows("trunks", project_id=parent["project_id"])] == [made["id"]]


def test_a_sub_port_takes_no_greater_frames_than_its_parent(mine: Trunks) -> None:
    small = mine.made("network", {"name": "small", "mtu": 1300})
    mine.made("subnet", {"network_id": small["id"], "ip_version": 4, "cidr": "10.9.0.0/24"})
    [parent], [one] = mine.ports(1, small), mine.ports(1)

    status, message = mine.refusal(port_id=parent["id"], sub_ports=carried(v1=one))

    assert (status, "cannot be greater than MTU 1300" in message) == (409, True)
    assert mine.trunk(one, v1=parent)["sub_ports"] == carried(v1=parent)


def test_a_trunk_that_is_switched_off_keeps_what_it_has(mine: Trunks) -> None:
    parent, one, two = mine.ports(3)
    trunk = mine.trunk(parent, v1=one)

    off = mine.put("trunk", trunk, name="renamed", description="d", admin_state_up=False).json()["trunk"]
    answers = [mine.change(trunk, "add", *carried(v2=two)), mine.change(trunk, "remove", {"port_id": one["id"]})]
    answers.append(mine.http.delete(f"{ROOT}/trunks/{trunk['id']}"))

    assert (off["name"], off["description"], off["admin_state_up"]) == ("renamed", "d", False)
    for answer in answers:
        assert (answer.status_code, f"Trunk {trunk['id']} is currently disabled" in answer.text) == (409, True)
    assert mine.put("trunk", trunk, admin_state_up=True).json()["trunk"]["sub_ports"] == carried(v1=one)
    assert mine.http.delete(f"{ROOT}/trunks/{trunk['id']}").status_code == 204


def test_trunks_are_filtered_sorted_paged_and_tagged(mine: Trunks) -> None:
    parents = mine.ports(3)
    made = [
        mine.made("trunk", {"name": name, "port_id": port["id"]}) for name, port in zip("bca", parents, strict=True)
    ]
    mine.http.put(f"{ROOT}/trunks/{made[0]['id']}/tags", json={"tags": ["red"]}).raise_for_status()

    assert [each["name"] for each in mine.rows("trunks", sort_key="name")] == ["a", "b", "c"]
    assert [each["name"] for each in mine.rows("trunks", limit="1", marker=made[0]["id"])] == ["c"]
    assert [each["name"] for each in mine.rows("trunks", port_id=parents[1]["id"])] == ["c"]
    assert [each["tags"] for each in mine.rows("trunks", tags="red")] == [["red"]]
    assert mine.http.get(f"{ROOT}/trunks", params={"sub_ports": "x"}).status_code == 400


def test_trunks_have_a_quota(mine: Trunks) -> None:
    parent, second = mine.ports(2)
    mine.trunk(parent)
    quota = f"{ROOT}/quotas/{parent['project_id']}"
    assert mine.http.get(quota).json()["quota"]["trunk"] == -1
    mine.http.put(quota, json={"quota": {"trunk": 1}}).raise_for_status()

    status, message = mine.refusal(port_id=second["id"])

    assert (status, "Quota exceeded for trunk" in message) == (409, True)
    assert mine.http.get(f"{quota}/details").json()["quota"]["trunk"] == {"limit": 1, "used": 1, "reserved": 0}
