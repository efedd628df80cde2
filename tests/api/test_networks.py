from dataclasses import replace
from typing import Any

import httpx
import pytest

from busway.control.identity.bearer import authenticate
from busway.control.networks import network
from busway.control.placement.place import place_round
from busway.control.rules.device_specs import create_device_spec
from busway.domain.guest_network import slaac_address
from busway.ovn.northbound import Northbound
from tests.api.serving import ApiServer
from tests.api.test_servers import create
from tests.control.clouds import ADMIN
from tests.control.test_sriov_ports import SPECS, card

ROOT = "/network/v2.0"
WAYS, KINDS = ("ingress", "egress"), ("IPv4", "IPv6")


def test_the_network_and_its_subnet_are_as_configured(api_server: ApiServer) -> None:
    client = api_server.client()

    network = client.get(f"{ROOT}/networks", params={"name": "private"}).json()["networks"][0]
    subnet = client.get(f"{ROOT}/subnets/{network['subnets'][0]}").json()["subnet"]

    assert (subnet["cidr"], subnet["gateway_ip"], subnet["network_id"]) == ("10.66.0.0/24", "10.66.0.1", network["id"])
    assert client.get(f"{ROOT}/networks", params={"name": "other"}).json() == {"networks": []}
    assert client.get(f"{ROOT}/networks/private").status_code == 404


def test_fields_are_cut_and_a_json_suffix_is_tolerated(api_server: ApiServer) -> None:
    rows = api_server.client().get(f"{ROOT}/networks.json?fields=id&fields=name").json()["networks"]

    assert [set(row) for row in rows] == [{"id", "name"}]


def test_a_ports_device_is_its_server_and_others_see_it_not(api_server: ApiServer) -> None:
    client = api_server.client()
    server = create(client, api_server.image()).json()["server"]["id"]
    ann = api_server.client(api_server.user("ann"))

    ports = client.get(f"{ROOT}/ports", params={"device_id": server}).json()["ports"]

    assert ports[0]["fixed_ips"][0]["ip_address"] == "10.66.0.10"
    assert ports[0]["mac_address"].startswith("fa:16:3e:")
    assert ann.get(f"{ROOT}/ports").json() == {"ports": []}
    assert ann.get(f"{ROOT}/ports/{ports[0]['id']}").status_code == 404


@pytest.mark.parametrize("kind", ["routers", "floatingips", "agents", "subnetpools", "trunks", "segments"])
def test_what_there_is_none_of_is_not_announced_and_is_not_found_with_the_reason(
    api_server: ApiServer, kind: str
) -> None:
    client = api_server.client(api_server.user("ann"))
    announced = {each["alias"] for each in client.get(f"{ROOT}/extensions").json()["extensions"]}

    answer = client.get(f"{ROOT}/{kind}")

    assert answer.status_code == 404
    assert (answer.json()["NeutronError"]["type"], f"there are no {kind}" in answer.text) == (
        "ExtensionNotLoaded",
        True,
    )
    assert not announced & {"router", "agent", "subnet_allocation", "trunk", "segment", "external-net"}


def test_the_version_names_the_collections_and_each_extension_can_be_shown(api_server: ApiServer) -> None:
    client = api_server.client()

    for resource in client.get(f"{ROOT}/").json()["resources"]:
        if resource["name"] != "quota":
            assert client.get(f"{ROOT}/{resource['collection']}").status_code == 200
    for extension in client.get(f"{ROOT}/extensions").json()["extensions"]:
        assert client.get(f"{ROOT}/extensions/{extension['alias']}").json() == {"extension": extension}
    assert client.get(f"{ROOT}/extensions/router").status_code == 404


def test_many_are_made_at_once_or_none(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    first, second = ann.post(f"{ROOT}/networks", json={"networks": [{"name": "a"}, {"name": "b"}]}).json()["networks"]
    cidrs = {first["id"]: "10.67.1.0/24", second["id"]: "10.67.2.0/24"}
    subnets = [{"network_id": network, "cidr": cidr} for network, cidr in cidrs.items()]

    made_subnets = ann.post(f"{ROOT}/subnets", json={"subnets": subnets})
    ports = [{"network_id": first["id"]}, {"network_id": second["id"], "fixed_ips": [{"ip_address": "10.67.9.9"}]}]
    refused = ann.post(f"{ROOT}/ports", json={"ports": ports})
    made_ports = ann.post(f"{ROOT}/ports", json={"ports": [{"network_id": network} for network in cidrs]})

    assert (made_subnets.status_code, [each["cidr"] for each in made_subnets.json()["subnets"]]) == (
        201,
        [*cidrs.values()],
    )
    assert (refused.status_code, made_ports.status_code) == (400, 201)
    assert [port["network_id"] for port in ann.get(f"{ROOT}/ports").json()["ports"]] == [first["id"], second["id"]]
    assert ann.post(f"{ROOT}/networks", json={"network": {}, "networks": [{}]}).status_code == 400


def test_a_filter_that_nothing_has_is_refused(api_server: ApiServer) -> None:
    client = api_server.client()

    for kind in ("networks", "subnets", "ports", "security-groups", "security-group-rules"):
        assert client.get(f"{ROOT}/{kind}", params={"colour": "red"}).json()["NeutronError"]["type"] == "UnknownFilter"
        assert client.get(f"{ROOT}/{kind}", params={"tags": "red"}).json() == {kind.replace("-", "_"): []}
    assert client.get(f"{ROOT}/networks", params={"sort_key": "colour"}).status_code == 400
    assert client.get(f"{ROOT}/networks", params={"sort_key": "name", "sort_dir": "up"}).status_code == 400


_IMPOSSIBLE = {
    "networks": {"shared": "maybe", "admin_state_up": "2", "mtu": "x", "provider:segmentation_id": "x"},
    "subnets": {"ip_version": "x", "enable_dhcp": ""},
    "ports": {"admin_state_up": "perhaps", "port_security_enabled": "x", "revision_number": "first"},
    "routers": {"admin_state_up": "perhaps"},
    "floatingips": {"revision_number": "1.5"},
    "security-groups": {"stateful": "x", "shared": "maybe"},
    "security-group-rules": {"port_range_min": "65536", "protocol": "x", "remote_ip_prefix": "10.0.0.0/33"},
}


def test_a_filter_with_a_value_that_nothing_can_have_is_refused(routed_server: ApiServer) -> None:
    client = routed_server.client()

    for kind, name, value in [(kind, *each) for kind, wanted in _IMPOSSIBLE.items() for each in wanted.items()]:
        answer = client.get(f"{ROOT}/{kind}", params={name: value})
        assert (answer.status_code, name in answer.text) == (400, True), (name, answer.text)


def test_a_filter_has_its_value_in_each_form_that_a_body_has(api_server: ApiServer) -> None:
    client = api_server.client()
    shared, mine = "private", made(client, "network", {"name": "mine"})["name"]

    def names(**wanted: str) -> list[str]:
        return [each["name"] for each in client.get(f"{ROOT}/networks", params=wanted).json()["networks"]]

    assert [names(shared=word) for word in ("1", "True", "yes")] == [[shared]] * 3
    assert [names(shared=word) for word in ("0", "False", "off")] == [[mine]] * 3
    assert (names(mtu="01500"), names(mtu="1400")) == ([shared, mine], [])


def test_every_column_of_a_row_can_be_filtered_by(api_server: ApiServer) -> None:
    client = api_server.client()
    create(client, api_server.image())

    for kind in ("networks", "subnets", "ports", "security-groups", "security-group-rules"):
        row = client.get(f"{ROOT}/{kind}").json()[kind.replace("-", "_")][0]
        plain = {name: value for name, value in row.items() if value is None or isinstance(value, (str, int, bool))}
        for name, value in plain.items():
            found = client.get(f"{ROOT}/{kind}", params={name: "" if value is None else str(value)})
            assert row["id"] in [each["id"] for each in found.json()[kind.replace("-", "_")]], (kind, name)


def test_pages_of_networks_go_both_ways(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    names = ["a", "b", "c", "d"]
    ids = [made(ann, "network", {"name": name})["id"] for name in names]
    by_name = {"sort_key": "name", "sort_dir": "asc", "limit": "2"}

    page = ann.get(f"{ROOT}/networks", params=by_name).json()
    after = ann.get(page["networks_links"][0]["href"]).json()["networks"]
    before = ann.get(f"{ROOT}/networks", params={**by_name, "marker": ids[3], "page_reverse": "True"}).json()[
        "networks"
    ]

    assert [each["name"] for each in page["networks"]] == ["a", "b"]
    assert page["networks_links"][0]["rel"] == "next"
    assert [each["name"] for each in after] == ["c", "d"]
    assert [each["name"] for each in before] == ["b", "c"]


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


def test_a_project_makes_a_network_with_both_subnets_and_a_port_on_it(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})
    v4 = made(ann, "subnet", {"network_id": network["id"], "cidr": "10.67.1.0/24", "ip_version": 4})
    v6 = made(ann, "subnet", {"network_id": network["id"], "cidr": "fd67:1::/64", "ip_version": 6})

    port = made(ann, "port", {"network_id": network["id"], "name": "p", "fixed_ips": [{"ip_address": "10.67.1.9"}]})

    assert (v4["gateway_ip"], v4["allocation_pools"]) == ("10.67.1.1", [{"start": "10.67.1.2", "end": "10.67.1.254"}])
    assert v6["ipv6_ra_mode"] == "slaac"
    assert [each["ip_address"] for each in port["fixed_ips"]] == ["10.67.1.9", v6_address(port["mac_address"])]
    assert (port["status"], port["port_security_enabled"]) == ("DOWN", True)
    for part, found in (("67.1", [port["id"]]), ("10.68", [])):
        listed = ann.get(f"{ROOT}/ports", params={"fixed_ips": f"ip_address_substr={part}"}).json()["ports"]
        assert [each["id"] for each in listed] == found
    assert ann.get(f"{ROOT}/ports", params={"fixed_ips": "colour=red"}).status_code == 400
    assert ann.get(f"{ROOT}/networks/{network['id']}").json()["network"]["subnets"] == [v4["id"], v6["id"]]
    assert ann.delete(f"{ROOT}/networks/{network['id']}").status_code == 409
    for path in (f"ports/{port['id']}", f"subnets/{v4['id']}", f"networks/{network['id']}"):
        assert ann.delete(f"{ROOT}/{path}").status_code == 204


def v6_address(mac: str) -> str:
    return slaac_address("fd67:1::/64", mac)


def test_a_subnet_has_routes_and_another_gateway_until_ports_have_its_addresses(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})
    subnet = made(ann, "subnet", {"network_id": network["id"], "cidr": "10.67.1.0/24", "host_routes": [ROUTE]})
    path, other = f"{ROOT}/subnets/{subnet['id']}", {"destination": "10.9.0.0/16", "nexthop": "10.67.1.7"}

    changed = ann.put(path, json={"subnet": {"host_routes": [other], "gateway_ip": "10.67.1.9"}}).json()["subnet"]
    made(ann, "port", {"network_id": network["id"]})

    assert subnet["host_routes"] == [ROUTE]
    assert (changed["host_routes"], changed["gateway_ip"]) == ([other], "10.67.1.9")
    assert ann.put(path, json={"subnet": {"gateway_ip": "10.67.1.1"}}).status_code == 409
    assert ann.put(path, json={"subnet": {"gateway_ip": "10.67.1.9"}}).status_code == 200


def test_a_port_is_switched_off_and_on(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})
    port = made(ann, "port", {"network_id": network["id"], "admin_state_up": False})

    on = ann.put(f"{ROOT}/ports/{port['id']}", json={"port": {"admin_state_up": True}}).json()["port"]

    assert (port["admin_state_up"], on["admin_state_up"]) == (False, True)


def test_another_projects_network_is_neither_seen_nor_used(api_server: ApiServer) -> None:
    ann, bob = (api_server.client(api_server.user(name)) for name in ("ann", "bob"))
    network = made(ann, "network", {"name": "mine"})

    assert bob.get(f"{ROOT}/networks/{network['id']}").status_code == 404
    assert bob.post(f"{ROOT}/ports", json={"port": {"network_id": network["id"]}}).status_code == 404
    assert bob.delete(f"{ROOT}/networks/{network['id']}").status_code == 404


ROUTE = {"destination": "10.8.0.0/16", "nexthop": "10.67.0.9"}


@pytest.mark.parametrize(
    ("wanted", "status"),
    [
        ({"cidr": "192.168.1.0/24"}, 400),  # where the operator did not say that projects may
        ({"cidr": "10.66.0.0/25"}, 400),  # another network has it
        ({"cidr": "10.67.0.0/31"}, 400),
        ({"cidr": "fd00::/48"}, 400),
        ({"cidr": "10.67.0.0/24", "gateway_ip": "10.68.0.1"}, 400),
        ({"cidr": "10.67.0.0/24", "allocation_pools": [{"start": "10.67.0.9", "end": "10.67.0.2"}]}, 400),
        ({"cidr": "10.67.0.0/24", "host_routes": [{"destination": "0.0.0.0/0", "nexthop": "10.67.0.9"}]}, 400),
        ({"cidr": "10.67.0.0/24", "host_routes": [{"destination": "fd08::/32", "nexthop": "fd67::9"}]}, 400),
        ({"cidr": "10.67.0.0/24", "host_routes": [{"destination": "169.254.0.0/16", "nexthop": "10.67.0.9"}]}, 400),
        ({"cidr": "10.67.0.0/24", "host_routes": [{"destination": "10.8.0.0/99", "nexthop": "10.67.0.9"}]}, 400),
        ({"cidr": "10.67.0.0/24", "host_routes": [ROUTE] * 6}, 400),
        ({"cidr": "fd00::/64", "ipv6_ra_mode": "dhcpv6-stateful"}, 501),
    ],
)
def test_a_subnet_that_cannot_be_is_refused(api_server: ApiServer, wanted: dict[str, object], status: int) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})

    answer = ann.post(f"{ROOT}/subnets", json={"subnet": {"network_id": network["id"], **wanted}})

    assert answer.status_code == status, answer.text
    assert ann.get(f"{ROOT}/networks/{network['id']}").json()["network"]["subnets"] == []


def test_another_pool_is_for_new_ports(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})
    subnet = made(ann, "subnet", {"network_id": network["id"], "cidr": "10.67.0.0/24", "ip_version": 4})
    before = made(ann, "port", {"network_id": network["id"]})
    pool = [{"start": "10.67.0.50", "end": "10.67.0.50"}]

    changed = ann.put(f"{ROOT}/subnets/{subnet['id']}", json={"subnet": {"allocation_pools": pool}})
    after = made(ann, "port", {"network_id": network["id"]})
    none_left = ann.post(f"{ROOT}/ports", json={"port": {"network_id": network["id"]}})

    assert (changed.status_code, changed.json()["subnet"]["allocation_pools"]) == (200, pool)
    assert ann.get(f"{ROOT}/ports/{before['id']}").json()["port"]["fixed_ips"] == before["fixed_ips"]
    assert (after["fixed_ips"][0]["ip_address"], none_left.status_code) == ("10.67.0.50", 409)


@pytest.mark.parametrize(
    ("cidr", "pools", "status"),
    [
        ("10.67.0.0/24", [{"start": "10.68.0.2", "end": "10.68.0.9"}], 400),
        ("10.67.0.0/24", [{"start": "10.67.0.9", "end": "10.67.0.2"}], 400),
        ("10.67.0.0/24", [{"start": "10.67.0.0", "end": "10.67.0.255"}], 400),
        ("10.67.0.0/24", [{"start": "", "end": "10.67.0.9"}], 400),
        ("10.67.0.0/24", [], 501),
        ("10.67.0.0/24", [{"start": f"10.67.0.{n}", "end": f"10.67.0.{n}"} for n in (2, 4)], 501),
        ("fd00::/64", [{"start": "fd00::2", "end": "fd00::9"}], 400),
    ],
)
def test_a_pool_that_cannot_be_is_refused(
    api_server: ApiServer, cidr: str, pools: list[dict[str, str]], status: int
) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})
    subnet = made(ann, "subnet", {"network_id": network["id"], "cidr": cidr, "ip_version": 6 if ":" in cidr else 4})

    answer = ann.put(f"{ROOT}/subnets/{subnet['id']}", json={"subnet": {"allocation_pools": pools}})

    assert answer.status_code == status, answer.text
    kept = ann.get(f"{ROOT}/subnets/{subnet['id']}").json()["subnet"]
    assert kept["allocation_pools"] == subnet["allocation_pools"]


def test_only_admins_make_shared_networks_and_those_on_a_physical_one(api_server: ApiServer) -> None:
    admin, ann = api_server.client(), api_server.client(api_server.user("ann"))
    vlan = {"provider:network_type": "vlan", "provider:segmentation_id": 7}

    for wanted in ({"shared": True}, vlan):
        assert ann.post(f"{ROOT}/networks", json={"network": wanted}).status_code == 403
    network = made(admin, "network", {"name": "site", "shared": True, **vlan})

    assert (network["provider:physical_network"], network["provider:segmentation_id"]) == ("default", 7)
    assert admin.post(f"{ROOT}/networks", json={"network": vlan}).status_code == 409


def test_a_network_across_hosts_needs_ovn_and_no_admin(api_server: ApiServer) -> None:
    client = api_server.client(api_server.user("ann"))
    asked = {"name": "mine", "provider:network_type": "geneve"}

    refused = client.post(f"{ROOT}/networks", json={"network": asked})
    with_ovn = replace(api_server.control, northbound=Northbound(()))
    made = network.create_network(with_ovn, ADMIN, network.NewNetwork("theirs", driver="overlay"))
    shown = api_server.client().get(f"{ROOT}/networks/{made.id}").json()["network"]

    assert (refused.status_code, "They need OVN" in refused.text) == (501, True)
    assert (shown["provider:network_type"], shown["provider:segmentation_id"], shown["mtu"]) == ("geneve", None, 1442)


def test_every_project_has_a_default_security_group(api_server: ApiServer) -> None:
    [group] = api_server.client().get(f"{ROOT}/security-groups").json()["security_groups"]

    assert group["name"] == "default"
    told = {(r["direction"], r["ethertype"], r["remote_group_id"]) for r in group["security_group_rules"]}
    assert told == {(way, kind, group["id"] if way == "ingress" else None) for way in WAYS for kind in KINDS}


def test_a_rule_is_made_refused_twice_and_deleted(api_server: ApiServer) -> None:
    ann, bob = (api_server.client(api_server.user(name)) for name in ("ann", "bob"))
    group = made(ann, "security-group", {"name": "web"})
    wanted = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp", "port_range_min": 80}
    wanted |= {"port_range_max": 443, "remote_ip_prefix": "0.0.0.0/0"}

    rule = made(ann, "security-group-rule", wanted)

    assert (rule["ethertype"], rule["port_range_max"]) == ("IPv4", 443)
    assert ann.post(f"{ROOT}/security-group-rules", json={"security_group_rule": wanted}).status_code == 409
    assert bob.post(f"{ROOT}/security-group-rules", json={"security_group_rule": wanted}).status_code == 404
    assert bob.delete(f"{ROOT}/security-group-rules/{rule['id']}").status_code == 404
    assert ann.delete(f"{ROOT}/security-group-rules/{rule['id']}").status_code == 204
    assert len(ann.get(f"{ROOT}/security-groups/{group['id']}").json()["security_group"]["security_group_rules"]) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"protocol": "tcp", "port_range_min": 10, "port_range_max": 9},
        {"protocol": "tcp", "port_range_min": 10},
        {"protocol": "tcp", "port_range_min": 1, "port_range_max": 65536},
        {"port_range_min": 1, "port_range_max": 2},
        {"protocol": "icmp", "port_range_min": 256},
        {"protocol": "nonsense"},
        {"protocol": "256"},
        {"protocol": "٦"},
        {"remote_ip_prefix": "fd00::/64"},
        {"remote_ip_prefix": "10.0.0.0/33"},
        {"ethertype": "ARP"},
        {"direction": "sideways"},
    ],
)
def test_a_rule_that_cannot_be_is_refused(api_server: ApiServer, wrong: dict[str, object]) -> None:
    client = api_server.client()
    group = made(client, "security-group", {"name": "web"})
    rule = {"security_group_id": group["id"], "direction": "ingress", **wrong}

    assert client.post(f"{ROOT}/security-group-rules", json={"security_group_rule": rule}).status_code == 400


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


def test_quotas_of_networks_are_neutrons_until_an_admin_sets_others(api_server: ApiServer) -> None:
    admin, ann = api_server.client(), api_server.client(api_server.user("ann"))
    project = made(ann, "network", {"name": "one"})["project_id"]

    usual = admin.get(f"{ROOT}/quotas/{project}").json()["quota"]
    admin.put(f"{ROOT}/quotas/{project}", json={"quota": {"network": 1}})
    refused = ann.post(f"{ROOT}/networks", json={"network": {"name": "two"}})

    assert (usual["network"], usual["port"], usual["security_group_rule"]) == (100, 500, 100)
    assert refused.status_code == 409 and "network" in refused.text
    assert ann.put(f"{ROOT}/quotas/{project}", json={"quota": {"network": 9}}).status_code == 403
    assert admin.get(f"{ROOT}/quotas/{project}/details").json()["quota"]["network"]["used"] == 1
    admin.delete(f"{ROOT}/quotas/{project}")
    assert admin.get(f"{ROOT}/quotas/{project}").json()["quota"]["network"] == 100


def made(client: httpx.Client, kind: str, wanted: dict[str, object]) -> dict[str, Any]:
    key = kind.replace("-", "_")
    answer = client.post(f"{ROOT}/{kind}s", json={key: wanted})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()[key]
    return found


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
