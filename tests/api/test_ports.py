"""Ports of the network API: what they are, what they may be, and whose they are."""

from dataclasses import replace
from typing import Any

import httpx
import pytest

from busway.control.identity.bearer import authenticate
from busway.control.placement.place import place_round
from busway.control.rules.device_specs import create_device_spec
from tests.api.serving import ApiServer
from tests.api.test_networks import ROOT, made
from tests.api.test_servers import create
from tests.control.test_sriov_ports import SPECS, card


def test_a_ports_device_is_its_server_and_others_see_it_not(api_server: ApiServer) -> None:
    client = api_server.client()
    server = create(client, api_server.image()).json()["server"]["id"]
    ann = api_server.client(api_server.user("ann"))

    ports = client.get(f"{ROOT}/ports", params={"device_id": server}).json()["ports"]

    assert ports[0]["fixed_ips"][0]["ip_address"] == "10.66.0.10"
    assert ports[0]["mac_address"].startswith("fa:16:3e:")
    assert ann.get(f"{ROOT}/ports").json() == {"ports": []}
    assert ann.get(f"{ROOT}/ports/{ports[0]['id']}").status_code == 404


def test_admins_see_where_a_port_is_bound(api_server: ApiServer) -> None:
    client = api_server.client()
    host = api_server.host()
    server = create(client, api_server.image()).json()["server"]["id"]
    place_round(api_server.control)
    host.report([server])
    free = made(client, "port", {"network_id": client.get(f"{ROOT}/networks").json()["networks"][0]["id"]})

    bound = client.get(f"{ROOT}/ports", params={"device_id": server}).json()["ports"][0]

    assert (bound["binding:host_id"], bound["binding:vif_type"]) == ("host1", "bridge")
    assert (free["binding:host_id"], free["binding:vif_type"]) == ("", "unbound")
    assert "binding:host_id" not in api_server.client(api_server.user("ann")).get(f"{ROOT}/ports").text


def test_an_allowed_address_is_shown_as_it_was_given(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})
    given = [{"ip_address": "10.67.0.9", "mac_address": "fa:16:3e:00:00:01"}, {"ip_address": "10.67.1.0/24"}]

    pairs = made(ann, "port", {"network_id": network["id"], "allowed_address_pairs": given})["allowed_address_pairs"]

    assert [pair["ip_address"] for pair in pairs] == ["10.67.0.9", "10.67.1.0/24"]


def test_a_port_has_dhcp_options_of_its_own_which_change_one_by_one(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})
    boots = [{"opt_name": "bootfile-name", "opt_value": "a.0"}, {"opt_name": "66", "opt_value": "10.67.1.2"}]
    port = made(ann, "port", {"network_id": network["id"], "extra_dhcp_opts": boots})
    changes = [
        {"opt_name": "66", "opt_value": None},
        {"opt_name": "bootfile-name", "opt_value": "b.0", "ip_version": "4"},
    ]

    changed = ann.put(f"{ROOT}/ports/{port['id']}", json={"port": {"extra_dhcp_opts": changes}}).json()["port"]
    left = ann.put(f"{ROOT}/ports/{port['id']}", json={"port": {"name": "p", "extra_dhcp_opts": []}}).json()["port"]

    assert port["extra_dhcp_opts"] == [{**each, "ip_version": 4} for each in boots]
    assert changed["extra_dhcp_opts"] == [{"opt_name": "bootfile-name", "opt_value": "b.0", "ip_version": 4}]
    assert left["extra_dhcp_opts"] == changed["extra_dhcp_opts"]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"opt_name": "bootfile-name", "opt_value": "a\noption:router,10.0.0.1"}, "DhcpOption"),
        ({"opt_name": "bootfile-name", "opt_value": "a b"}, "DhcpOption"),
        ({"opt_name": "option:router", "opt_value": "a"}, "DhcpOption"),
        ({"opt_name": "255", "opt_value": "a"}, "DhcpOption"),
        ({"opt_name": "bootfile-name", "opt_value": "a", "ip_version": 6}, "PortField"),
    ],
)
def test_a_dhcp_option_that_no_guest_could_be_told_is_refused(
    api_server: ApiServer, wrong: dict[str, object], code: str
) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})

    refused = ann.post(f"{ROOT}/ports", json={"port": {"network_id": network["id"], "extra_dhcp_opts": [wrong]}})

    assert (refused.status_code, refused.json()["NeutronError"]["type"]) == (400 if code == "DhcpOption" else 501, code)


def test_a_port_is_switched_off_and_on(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})
    port = made(ann, "port", {"network_id": network["id"], "admin_state_up": False})

    on = ann.put(f"{ROOT}/ports/{port['id']}", json={"port": {"admin_state_up": True}}).json()["port"]

    assert (port["admin_state_up"], on["admin_state_up"]) == (False, True)


def test_on_a_shared_network_only_its_owner_widens_what_a_port_may_send(api_server: ApiServer) -> None:
    admin, ann = api_server.client(), api_server.client(api_server.user("ann"))
    shared = admin.get(f"{ROOT}/networks").json()["networks"][0]["id"]
    wide: list[dict[str, Any]] = [
        {"port_security_enabled": False},
        {"allowed_address_pairs": [{"ip_address": "0.0.0.0/0"}]},
        {"mac_address": "fa:16:3e:00:00:01"},
    ]

    for wanted in wide:
        assert ann.post(f"{ROOT}/ports", json={"port": {"network_id": shared, **wanted}}).status_code == 403
        assert admin.post(f"{ROOT}/ports", json={"port": {"network_id": shared, **wanted}}).status_code == 201


def test_a_server_takes_a_port_that_was_made_for_it_and_gives_it_back(api_server: ApiServer) -> None:
    client = api_server.client()
    shared = client.get(f"{ROOT}/networks").json()["networks"][0]["id"]
    web = made(client, "security-group", {"name": "web"})
    port = made(client, "port", {"network_id": shared, "security_groups": [web["id"]]})
    image = api_server.image()
    body = {"name": "s", "imageRef": image, "flavorRef": "1", "networks": [{"port": port["id"]}]}

    server = client.post("/compute/v2.1/servers", json={"server": body}).json()["server"]["id"]
    second = client.post("/compute/v2.1/servers", json={"server": body})

    shown = client.get(f"/compute/v2.1/servers/{server}").json()["server"]
    assert [each["addr"] for each in shown["addresses"]["private"]] == [
        each["ip_address"] for each in port["fixed_ips"]
    ]
    assert shown["security_groups"] == [{"name": "web"}]
    assert second.status_code == 409
    assert client.delete(f"{ROOT}/ports/{port['id']}").status_code == 409
    client.delete(f"/compute/v2.1/servers/{server}")
    assert client.get(f"{ROOT}/ports/{port['id']}").json()["port"]["device_id"] == ""


def fast(client: httpx.Client, name: str = "fast", vlan: int = 100) -> str:
    """A network of a VLAN on the physical network physnet1."""
    words = {"network_type": "vlan", "physical_network": "physnet1", "segmentation_id": vlan}
    body = {"name": name, **{f"provider:{key}": value for key, value in words.items()}}
    made = client.post(f"{ROOT}/networks", json={"network": body}).json()["network"]["id"]
    subnet = {"network_id": made, "ip_version": 4, "cidr": "203.0.113.0/24", "enable_dhcp": False}
    client.post(f"{ROOT}/subnets", json={"subnet": subnet}).raise_for_status()
    return str(made)


def test_a_direct_port_has_no_security_and_tells_admins_its_function_once_it_is_bound(api_server: ApiServer) -> None:
    client, host = api_server.client(), api_server.host()
    host.resources = replace(host.resources, kinds=("function", "nic"))
    host.inventory = card()
    host.report()
    create_device_spec(api_server.control, authenticate(api_server.control, api_server.admin), SPECS[1])
    body = {"network_id": fast(client), "binding:vnic_type": "direct", "numa_affinity_policy": "preferred"}

    port = client.post(f"{ROOT}/ports", json={"port": body}).json()["port"]
    create(client, api_server.image(), networks=[{"port": port["id"]}]).raise_for_status()
    place_round(api_server.control)
    bound = client.get(f"{ROOT}/ports/{port['id']}").json()["port"]

    assert (port["binding:vnic_type"], port["binding:vif_type"], port["binding:profile"]) == ("direct", "unbound", {})
    assert (port["port_security_enabled"], port["security_groups"]) == (False, [])
    assert port["numa_affinity_policy"] == "preferred"
    assert (bound["binding:vif_type"], bound["binding:host_id"]) == ("hw_veb", "host1")
    assert bound["binding:vif_details"] == {"port_filter": False, "vlan": "100"}
    assert bound["binding:profile"] == {
        "pci_slot": "0000:81:02.0", "pci_vendor_info": "8086:154c", "physical_network": "physnet1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"binding:vnic_type": "macvtap"}, 501, "shares a virtual function with its host"),
        ({"binding:vnic_type": "vdpa"}, 501, "makes no vDPA devices"),
        ({"binding:vnic_type": "quick"}, 400, "is no binding:vnic_type"),
        ({"binding:vnic_type": "direct", "port_security_enabled": True}, 409, "has no security groups"),
        ({"binding:vnic_type": "direct", "admin_state_up": False}, 409, "can't be switched off"),
        ({"binding:vnic_type": "direct", "binding:profile": {"trusted": True}}, 501, "binding:profile"),
        ({"numa_affinity_policy": "required"}, 400, "is for ports of the types direct"),
        ({"numa_affinity_policy": "nearby"}, 400, "numa_affinity_policy"),
    ],
)
def test_what_a_port_can_not_be_is_refused_with_the_reason(
    api_server: ApiServer, fields: dict[str, Any], status: int, words: str
) -> None:
    client = api_server.client()

    answer = client.post(f"{ROOT}/ports", json={"port": {"network_id": fast(client), **fields}})

    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert client.get(f"{ROOT}/ports").json() == {"ports": []}


def test_a_fixed_address_that_is_none_is_refused(api_server: ApiServer) -> None:
    client = api_server.client()
    network = client.get("/network/v2.0/networks").json()["networks"][0]["id"]

    answer = client.post(
        "/network/v2.0/ports", json={"port": {"network_id": network, "fixed_ips": [{"ip_address": "x"}]}}
    )

    assert answer.status_code == 400 and "not a valid IP" in answer.text


def test_addresses_of_a_port_are_of_its_own_network(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    first, second = made(ann, "network", {"name": "a"}), made(ann, "network", {"name": "b"})
    own = made(ann, "subnet", {"network_id": first["id"], "cidr": "10.67.1.0/24"})
    six = made(ann, "subnet", {"network_id": first["id"], "cidr": "fd00:67::/64"})
    other = made(ann, "subnet", {"network_id": second["id"], "cidr": "10.67.2.0/24"})

    def asked(*fixed_ips: dict[str, str]) -> tuple[int, str]:
        body = {"port": {"network_id": first["id"], "fixed_ips": list(fixed_ips)}}
        answer = ann.post(f"{ROOT}/ports", json=body)
        return answer.status_code, answer.headers.get("x-busway-error-code", "")

    assert asked({"subnet_id": other["id"]}) == (400, "port-subnet")
    assert asked({"subnet_id": six["id"], "ip_address": "10.67.1.9"}) == (400, "port-subnet")
    assert asked() == (501, "port-field")
    assert asked({"subnet_id": own["id"], "ip_address": "10.67.1.9"}, {"subnet_id": six["id"]})[0] == 201
    port = made(ann, "port", {"network_id": first["id"]})
    for fixed_ips, status in (([{"subnet_id": other["id"]}], 400), ([], 501), (port["fixed_ips"][:1], 200)):
        answer = ann.put(f"{ROOT}/ports/{port['id']}", json={"port": {"fixed_ips": fixed_ips}})
        assert answer.status_code == status, answer.text


def test_a_port_on_a_network_without_subnets_may_have_no_address(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "bare"})

    assert made(ann, "port", {"network_id": network["id"], "fixed_ips": []})["fixed_ips"] == []
