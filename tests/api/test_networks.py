from dataclasses import replace
from typing import Any

import httpx
import pytest

from busway.control.identity.bearer import authenticate
from busway.control.networks import bootstrap_network, network
from busway.domain.guest_network import slaac_address
from busway.ovn.northbound import Northbound
from tests.api.serving import ApiServer
from tests.api.test_servers import create
from tests.control.clouds import ADMIN

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


def test_ports_have_the_addresses_of_all_pools_in_their_order_and_none_without_a_pool(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = made(ann, "network", {"name": "mine"})
    pools = [{"start": f"10.67.0.{n}", "end": f"10.67.0.{n + 1}"} for n in (50, 4)]
    wanted = {"network_id": network["id"], "cidr": "10.67.0.0/24", "gateway_ip": "10.67.0.5", "allocation_pools": pools}
    subnet = made(ann, "subnet", wanted)

    given = [made(ann, "port", {"network_id": network["id"]})["fixed_ips"][0]["ip_address"] for _n in range(3)]
    full = ann.post(f"{ROOT}/ports", json={"port": {"network_id": network["id"]}})
    changed = ann.put(f"{ROOT}/subnets/{subnet['id']}", json={"subnet": {"allocation_pools": []}}).json()["subnet"]
    chosen = {"network_id": network["id"], "fixed_ips": [{"ip_address": "10.67.0.9"}]}

    assert subnet["allocation_pools"] == pools[::-1] and changed["allocation_pools"] == []
    assert (given, full.status_code) == (["10.67.0.4", "10.67.0.50", "10.67.0.51"], 409)
    assert ann.post(f"{ROOT}/ports", json={"port": {"network_id": network["id"]}}).status_code == 409
    assert made(ann, "port", chosen)["fixed_ips"][0]["ip_address"] == "10.67.0.9"


def test_what_the_configuration_says_of_its_network_is_changed_there_and_the_rest_stays(api_server: ApiServer) -> None:
    client = api_server.client()
    [network] = client.get(f"{ROOT}/networks", params={"name": "private"}).json()["networks"]
    client.put(f"{ROOT}/networks/{network['id']}", json={"network": {"description": "ours"}}).raise_for_status()
    for subnet in client.get(f"{ROOT}/subnets", params={"network_id": network["id"]}).json()["subnets"]:
        path = f"{ROOT}/subnets/{subnet['id']}"
        pool = {"allocation_pools": [{"start": "10.66.0.50", "end": "10.66.0.60"}]}
        for change in [
            {"enable_dhcp": False},
            *([pool, {"dns_nameservers": ["9.9.9.9"]}] if subnet["ip_version"] == 4 else []),
        ]:
            refused = client.put(path, json={"subnet": change})
            assert (refused.status_code, refused.headers["x-busway-error-code"]) == (409, "network-configured")
        same = {name: subnet[name] for name in ("enable_dhcp", "gateway_ip", "dns_nameservers")}
        client.put(path, json={"subnet": {**same, "description": "ours too"}}).raise_for_status()

    bootstrap_network(api_server.control, authenticate(api_server.control, api_server.admin).project_id)

    shown = client.get(f"{ROOT}/subnets", params={"network_id": network["id"]}).json()["subnets"]
    assert {each["description"] for each in shown} == {"ours too"}
    assert client.get(f"{ROOT}/networks/{network['id']}").json()["network"]["description"] == "ours"


@pytest.mark.parametrize(
    ("cidr", "pools", "status"),
    [
        ("10.67.0.0/24", [{"start": "10.68.0.2", "end": "10.68.0.9"}], 400),
        ("10.67.0.0/24", [{"start": "10.67.0.9", "end": "10.67.0.2"}], 400),
        ("10.67.0.0/24", [{"start": "10.67.0.0", "end": "10.67.0.255"}], 400),
        ("10.67.0.0/24", [{"start": "", "end": "10.67.0.9"}], 400),
        ("10.67.0.0/24", [{"start": f"10.67.0.{n}", "end": "10.67.0.9"} for n in (2, 9)], 409),
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
