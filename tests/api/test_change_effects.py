"""What follows from changes and actions, where no other test shows it (see `change_effects.py`)."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from busway.control.networks.overlay import read_overlay
from busway.control.placement.place import place_round
from busway.domain.documents import DesiredServer, HostResources
from busway.domain.guest_network import AddressPair, NicRule
from busway.domain.host_facts import GuestAct
from busway.ovn.rows import rows_of
from tests.api.serving import ApiServer
from tests.api.test_log_in import issue, user_id
from tests.api.test_routers import Project, routed
from tests.api.test_servers import SERVERS, create
from tests.control.clouds import Host, gpu

NETWORK = "/network/v2.0"


def running(api_server: ApiServer, **fields: Any) -> tuple[Host, str]:
    """A host, and a server that runs there."""
    host = replace(api_server.host(), resources=HostResources(16, 65536, 1000, acts=tuple(GuestAct)))
    host.report()
    answer = create(api_server.client(version="2.90"), api_server.image(), **{"networks": "none", **fields})
    server = str(answer.raise_for_status().json()["server"]["id"])
    place_round(api_server.control)
    host.obey()
    return host, server


def guest(host: Host) -> DesiredServer:
    [found] = host.desired().servers
    return found


def read_by(server: DesiredServer) -> dict[str, Any]:
    """What the guest reads of itself."""
    found: dict[str, Any] = json.loads(server.config_drive.meta_data)
    return found


def made(client: httpx.Client, kind: str, **wanted: Any) -> dict[str, Any]:
    answer = client.post(f"{NETWORK}/{kind.replace('_', '-')}s", json={kind: wanted})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()[kind]
    return found


def test_a_program_logs_in_with_its_name_and_its_user(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    user = user_id(api_server, "ann")
    wanted = {"application_credential": {"name": "ci", "secret": "secret of ci"}}
    ann.post(f"/identity/v3/users/{user}/application_credentials", json=wanted).raise_for_status()

    def log_in(**given: Any) -> int:
        method = {"name": "ci", "secret": "secret of ci", **given}
        return issue(api_server, {"methods": ["application_credential"], "application_credential": method}).status_code

    assert log_in(user={"id": user}) == 201
    assert log_in(user={"name": "ann", "domain": {"id": "default"}}) == 201
    assert log_in(user={"name": "ann", "domain": {"name": "Default"}}) == 201
    assert log_in(user={"name": "ann", "domain": {"name": "other"}}) == 401
    assert log_in(user={"name": "admin", "domain": {"id": "default"}}) == 401
    assert log_in(name="cd", user={"id": user}) == 401


def test_a_token_is_for_the_scope_that_is_named(api_server: ApiServer) -> None:
    admin = api_server.client()
    api_server.user("ann")
    project = admin.get("/identity/v3/projects", params={"name": "ann"}).json()["projects"][0]["id"]
    body = {"user": {"default_project_id": project}}
    admin.patch(f"/identity/v3/users/{user_id(api_server, 'ann')}", json=body).raise_for_status()
    user = {"name": "ann", "password": "pw", "domain": {"id": "default"}}

    def scope_of(scope: Any) -> object:
        answer = issue(api_server, {"methods": ["password"], "password": {"user": user}}, scope)
        return answer.json()["token"].get("project", {}).get("id") if answer.is_success else answer.status_code

    assert scope_of({"project": {"id": project}}) == project
    for domain in ({"id": "default"}, {"name": "Default"}):
        assert scope_of({"project": {"name": "ann", "domain": domain}}) == project
    assert scope_of({"project": {"name": "ann", "domain": {"name": "other"}}}) == 401
    assert scope_of({"unscoped": {}}) is None
    assert scope_of(None) == project


@pytest.mark.parametrize("where", ["os-quota-sets", "os-quota-class-sets"])
def test_a_quota_of_ram_is_held(api_server: ApiServer, where: str) -> None:
    admin, image = api_server.client(), api_server.image()
    project = admin.get("/identity/v3/auth/projects").json()["projects"][0]["id"]
    path, key = (where, "quota_set") if where == "os-quota-sets" else (where, "quota_class_set")
    name = project if where == "os-quota-sets" else "default"

    admin.put(f"/compute/v2.1/{path}/{name}", json={key: {"ram": 300}}).raise_for_status()

    assert create(admin, image).status_code == 202  # 192 MB
    refused = create(admin, image)
    assert refused.status_code == 403 and "ram" in refused.text


def test_a_limit_of_the_class_is_that_of_each_project(api_server: ApiServer) -> None:
    admin, image = api_server.client(), api_server.image()
    ask: dict[str, Callable[[], httpx.Response]] = {
        **dict.fromkeys(("instances", "cores"), lambda: create(admin, image)),
        "key_pairs": lambda: admin.post("/compute/v2.1/os-keypairs", json={"keypair": {"name": "k"}}),
        "server_groups": lambda: admin.post(
            "/compute/v2.1/os-server-groups", json={"server_group": {"name": "g", "policies": ["affinity"]}}
        ),
        "metadata_items": lambda: create(admin, image, metadata={"a": "b"}),
        **dict.fromkeys(
            ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes"),
            lambda: create(admin, image, personality=[{"path": "/etc/motd", "contents": "YWxwaGE="}]),
        ),
    }
    group = {"server_group": {"name": "known", "policies": ["affinity"]}}
    known = admin.post("/compute/v2.1/os-server-groups", json=group).json()["server_group"]["id"]
    hinted = {"server": {"name": "s", "flavorRef": "1", "imageRef": image}, "os:scheduler_hints": {"group": known}}
    ask["server_group_members"] = lambda: admin.post(SERVERS, json=hinted)

    for name, act in ask.items():
        for limit, status in ((0, 403), (-1, 200)):
            body = {"quota_class_set": {name: limit}}
            admin.put("/compute/v2.1/os-quota-class-sets/default", json=body).raise_for_status()
            answer = act()
            assert (name, answer.status_code // 100) == (name, status // 100), answer.text


def test_a_limit_below_what_is_used_is_set_by_force_only(api_server: ApiServer) -> None:
    admin = api_server.client()
    create(admin, api_server.image()).raise_for_status()
    project = admin.get("/identity/v3/auth/projects").json()["projects"][0]["id"]

    for path, body in (
        (f"/compute/v2.1/os-quota-sets/{project}", {"quota_set": {"instances": 0}}),
        ("/busway/v1/quota", {"limits": {"instances": 0}}),
    ):
        asked: dict[str, Any] = body.get("quota_set", body)
        assert admin.put(path, json=body).status_code == 400
        asked["force"] = True
        assert admin.put(path, json=body).status_code == 200
        admin.delete(f"/compute/v2.1/os-quota-sets/{project}").raise_for_status()


def test_a_quota_of_networks_is_held(api_server: ApiServer) -> None:
    admin, ann = api_server.client(), api_server.client(api_server.user("ann"))
    network, group = made(ann, "network", name="n"), made(ann, "security_group", name="g")
    wanted: dict[str, dict[str, Any]] = {
        "network": {"name": "another"},
        "subnet": {"network_id": network["id"], "cidr": "auto"},
        "port": {"network_id": network["id"]},
        "security_group": {"name": "another"},
        "security_group_rule": {"security_group_id": group["id"], "direction": "ingress"},
    }

    for name, body in wanted.items():
        changed = admin.put(f"{NETWORK}/quotas/{network['project_id']}", json={"quota": {name: 0}})
        assert changed.json()["quota"][name] == 0
        refused = ann.post(f"{NETWORK}/{name.replace('_', '-')}s", json={name: body})
        assert (refused.status_code, refused.headers["x-busway-error-code"]) == (409, "over-quota")
        assert f"{name}" in refused.text


def test_an_endpoint_is_in_the_catalogue_as_it_was_changed(api_server: ApiServer) -> None:
    admin = api_server.client()

    def of(kind: str) -> list[tuple[str, str, str]]:
        found = admin.get("/identity/v3/auth/catalog").json()["catalog"]
        return [
            (each["interface"], each["region"], each["url"])
            for entry in found
            if entry["type"] == kind
            for each in entry["endpoints"]
        ]

    for name in ("a", "b"):
        admin.post("/identity/v3/services", json={"service": {"type": name, "name": name}}).raise_for_status()
    ids = {each["type"]: each["id"] for each in admin.get("/identity/v3/services").json()["services"]}
    wanted = {"service_id": ids["a"], "interface": "public", "url": "http://t.example/"}
    made_one = admin.post("/identity/v3/endpoints", json={"endpoint": wanted}).json()["endpoint"]["id"]
    for region in ("North", "South"):
        admin.post("/identity/v3/regions", json={"region": {"id": region}}).raise_for_status()

    def change(**fields: str) -> None:
        admin.patch(f"/identity/v3/endpoints/{made_one}", json={"endpoint": fields}).raise_for_status()

    change(interface="internal", region_id="North")
    first = of("a")
    change(service_id=ids["b"], region="South")

    assert first == [("internal", "North", "http://t.example/")]
    assert (of("a"), of("b")) == ([], [("internal", "South", "http://t.example/")])


def test_a_limit_that_is_changed_is_held(api_server: ApiServer) -> None:
    admin, image = api_server.client(), api_server.image()
    project = admin.get("/identity/v3/auth/projects").json()["projects"][0]["id"]
    [service] = [each for each in admin.get("/identity/v3/services").json()["services"] if each["type"] == "compute"]
    about = {"service_id": service["id"], "resource_name": "servers"}
    for key, wanted in (
        ("registered_limit", {**about, "default_limit": 5}),
        ("limit", {**about, "project_id": project, "resource_limit": 5}),
    ):
        path = f"/identity/v3/{key}s"
        [one] = admin.post(path, json={f"{key}s": [wanted]}).json()[f"{key}s"]
        before = create(admin, image)
        number = "default_limit" if key == "registered_limit" else "resource_limit"

        admin.patch(f"{path}/{one['id']}", json={key: {number: 1}}).raise_for_status()

        assert (key, before.status_code, create(admin, image).status_code) == (key, 202, 403)


def test_a_guest_is_switched_off_and_on(api_server: ApiServer) -> None:
    host, server = running(api_server)
    seen = [guest(host).powered]

    for act in ("os-stop", "os-start"):
        api_server.client().post(f"{SERVERS}/{server}/action", json={act: None}).raise_for_status()
        host.obey()
        seen.append(guest(host).powered)

    assert seen == [True, False, True]


def test_an_extra_spec_that_is_changed_is_the_next_servers(api_server: ApiServer) -> None:
    host, admin, image = api_server.host(count=2), api_server.client(), api_server.image()
    path = "/compute/v2.1/flavors/1/os-extra_specs"
    key = "pci_passthrough:alias"
    admin.post(path, json={"extra_specs": {key: "a1:2"}}).raise_for_status()

    admin.put(f"{path}/{key}", json={key: "a1:1"}).raise_for_status()

    create(admin, image).raise_for_status()
    place_round(api_server.control)
    assert len(guest(host).devices) == 1


def test_a_guest_reads_what_its_server_was_changed_to(api_server: ApiServer) -> None:
    host, server = running(api_server, metadata={"a": "1"})
    client, path = api_server.client(version="2.90"), f"{SERVERS}/{server}"

    client.post(f"{path}/metadata", json={"metadata": {"b": "2"}}).raise_for_status()
    added = read_by(guest(host))["meta"]
    client.put(f"{path}/metadata/b", json={"meta": {"b": "3"}}).raise_for_status()
    changed = read_by(guest(host))["meta"]
    client.put(f"{path}/metadata", json={"metadata": {"c": "4"}}).raise_for_status()
    client.put(path, json={"server": {"hostname": "other"}}).raise_for_status()

    assert (added, changed) == ({"a": "1", "b": "2"}, {"a": "1", "b": "3"})
    assert (read_by(guest(host))["meta"], read_by(guest(host))["hostname"]) == ({"c": "4"}, "other")


def test_a_rebuilt_guest_reads_what_its_request_says(api_server: ApiServer) -> None:
    host, server = running(api_server)
    client = api_server.client(version="2.90")
    key = api_server.client().post("/compute/v2.1/os-keypairs", json={"keypair": {"name": "k"}}).json()["keypair"]
    text = base64.b64encode(b"#cloud-config").decode()
    wanted = {
        "imageRef": client.get(f"{SERVERS}/{server}").json()["server"]["image"]["id"],
        "metadata": {"colour": "red"},
        "adminPass": "a word",
        "key_name": "k",
        "user_data": text,
        "hostname": "again",
    }

    client.post(f"{SERVERS}/{server}/action", json={"rebuild": wanted}).raise_for_status()

    told = read_by(guest(host))
    assert (told["meta"], told["admin_pass"], told["public_keys"]) == (
        {"colour": "red"},
        "a word",
        {"k": key["public_key"]},
    )
    assert (told["hostname"], guest(host).config_drive.user_data) == ("again", text)


def test_a_rescue_system_has_the_password_and_the_image_that_are_named(api_server: ApiServer) -> None:
    host, server = running(api_server)
    rescuer = api_server.image("rescuer")
    given = {"adminPass": "a word", "rescue_image_ref": rescuer}

    answer = api_server.client().post(f"{SERVERS}/{server}/action", json={"rescue": given})

    assert (answer.status_code, answer.json()) == (200, {"adminPass": "a word"})
    told = guest(host)
    assert told.rescue is not None and told.rescue.image.id == rescuer
    assert read_by(told)["admin_pass"] == "a word"


@pytest.mark.parametrize("act", ["migrate", "os-migrateLive", "evacuate", "unshelve"])
def test_a_server_moves_to_the_host_that_is_named(api_server: ApiServer, act: str) -> None:
    hosts = [
        replace(api_server.host(f"host{n}"), resources=HostResources(16, 65536, 1000, acts=tuple(GuestAct)))
        for n in (1, 2, 3)
    ]
    for host in hosts:
        host.report()
    client = api_server.client(version="2.95")
    image, targets = api_server.image(), ("host2", "host3")
    several = [create(client, image, networks="none", host="host1").json()["server"]["id"] for _ in targets]
    place_round(api_server.control)
    hosts[0].obey()
    if act == "evacuate":
        api_server.clock.ahead += timedelta(minutes=5)
        for host in hosts[1:]:
            host.report()

    for server, target in zip(several, targets, strict=True):
        if act == "unshelve":
            client.post(f"{SERVERS}/{server}/action", json={"shelve": None}).raise_for_status()
            hosts[0].obey()
            hosts[0].obey()
        more = {"block_migration": "auto"} if act == "os-migrateLive" else {}
        client.post(f"{SERVERS}/{server}/action", json={act: {"host": target, **more}}).raise_for_status()
        shown = client.get(f"{SERVERS}/{server}").json()["server"]["OS-EXT-SRV-ATTR:host"]
        moves = client.get("/compute/v2.1/os-migrations", params={"instance_uuid": server}).json()["migrations"]
        assert target == (shown if act == "unshelve" else moves[0]["dest_compute"])


def test_a_guest_gets_the_card_that_is_asked_for(api_server: ApiServer) -> None:
    network = made(api_server.client(), "network", name="n")
    made(api_server.client(), "subnet", network_id=network["id"], cidr="10.67.1.0/24")
    port = made(api_server.client(), "port", network_id=network["id"], fixed_ips=[{"ip_address": "10.67.1.88"}])
    host, server = running(api_server)
    client, path = api_server.client(version="2.70"), f"{SERVERS}/{server}/os-interface"
    wanted = {"net_id": network["id"], "fixed_ips": [{"ip_address": "10.67.1.77"}], "tag": "storage"}

    for each in (wanted, {"port_id": port["id"], "tag": "given"}):
        client.post(path, json={"interfaceAttachment": each}).raise_for_status()
        host.obey()

    cards = {nic.address: (nic.network, nic.tag) for nic in guest(host).nics}
    assert cards == {"10.67.1.77": (network["id"], "storage"), "10.67.1.88": (network["id"], "given")}


def _by_id(admin: httpx.Client, host: Host, *, on: bool) -> httpx.Response:
    status = {"status": "enabled" if on else "disabled"}
    return admin.put(f"/compute/v2.1/os-services/{host.id}", json=status, headers=_at("2.88"))


def _by_name(admin: httpx.Client, host: Host, *, on: bool) -> httpx.Response:
    named = {"host": host.name, "binary": "nova-compute"}
    return admin.put(f"/compute/v2.1/os-services/{'enable' if on else 'disable'}", json=named)


def _of_os_hosts(admin: httpx.Client, host: Host, *, on: bool) -> httpx.Response:
    return admin.put(f"/compute/v2.1/os-hosts/{host.name}", json={"status": "enable" if on else "disable"})


def _own(admin: httpx.Client, host: Host, *, on: bool) -> httpx.Response:
    return admin.patch(f"/busway/v1/hosts/{host.name}", json={"enabled": on})


def _at(version: str) -> dict[str, str]:
    return {"OpenStack-API-Version": f"compute {version}"}


def test_a_disabled_host_gets_no_server(api_server: ApiServer) -> None:
    admin, image = api_server.client(), api_server.image()
    one, other = api_server.host("host1"), api_server.host("host2")

    for switch, (closed, open_) in itertools.product(
        (_by_id, _by_name, _of_os_hosts, _own), ((one, other), (other, one))
    ):
        switch(admin, closed, on=False).raise_for_status()
        server = create(admin, image).json()["server"]["id"]
        place_round(api_server.control)
        assert admin.get(f"{SERVERS}/{server}").json()["server"]["OS-EXT-SRV-ATTR:host"] == open_.name
        switch(admin, closed, on=True).raise_for_status()


def test_a_reason_is_one_to_disable_a_host(api_server: ApiServer) -> None:
    host, new, old = api_server.host(), api_server.client(version="2.88"), api_server.client()
    by_id, services = f"/compute/v2.1/os-services/{host.id}", "/compute/v2.1/os-services"

    def reason() -> object:
        return new.get(services).json()["services"][0]["disabled_reason"]

    new.put(by_id, json={"status": "disabled", "disabled_reason": "a fan"}).raise_for_status()
    first = reason()
    refused = [
        new.put(by_id, json={"status": "enabled", "disabled_reason": "a fan"}),
        old.put(f"{services}/enable", json={"host": host.name, "disabled_reason": "a fan"}),
        new.patch(f"/busway/v1/hosts/{host.name}", json={"enabled": True, "reason": "a fan"}),
    ]
    kept = reason()
    new.patch(f"/busway/v1/hosts/{host.name}", json={"enabled": False, "reason": "a disk"}).raise_for_status()

    assert (first, kept, reason()) == ("a fan", "a fan", "a disk")
    assert [(each.status_code, each.headers["x-busway-error-code"]) for each in refused] == [
        (400, "disabled-reason")
    ] * 3


def test_a_zone_is_asked_for_by_the_name_that_it_was_given(api_server: ApiServer) -> None:
    admin, image = api_server.client(), api_server.image()
    api_server.host("host1")
    host2 = api_server.host("host2")
    zone = {"aggregate": {"name": "racks", "availability_zone": "east"}}
    path = (
        f"/compute/v2.1/os-aggregates/{admin.post('/compute/v2.1/os-aggregates', json=zone).json()['aggregate']['id']}"
    )
    admin.post(f"{path}/action", json={"add_host": {"host": host2.name}}).raise_for_status()

    admin.put(path, json={"aggregate": {"availability_zone": "west"}}).raise_for_status()

    assert create(admin, image, availability_zone="east").status_code == 400
    server = create(admin, image, availability_zone="west").raise_for_status().json()["server"]["id"]
    place_round(api_server.control)
    assert admin.get(f"{SERVERS}/{server}").json()["server"]["OS-EXT-SRV-ATTR:host"] == host2.name


def test_a_rule_of_the_older_api_is_what_hosts_let_through(api_server: ApiServer) -> None:
    admin = api_server.client()
    host, _server = running(api_server, networks="auto")
    [group] = admin.get("/compute/v2.1/os-security-groups").json()["security_groups"]
    ports = {"parent_group_id": group["id"], "ip_protocol": "tcp", "from_port": 22, "to_port": 23}

    for remote in ({"cidr": "10.9.0.0/16"}, {"group_id": group["id"]}):
        rule = {"security_group_rule": {**ports, **remote}}
        admin.post("/compute/v2.1/os-security-group-rules", json=rule).raise_for_status()

    [told] = host.desired().groups
    assert NicRule("ingress", "IPv4", 6, 22, 23, "10.9.0.0/16", None) in told.rules
    assert NicRule("ingress", "IPv4", 6, 22, 23, "", group["id"]) in told.rules


def test_who_sees_a_network_is_changed(routed_server: ApiServer) -> None:
    admin, bob = routed_server.client(), routed_server.client(routed_server.user("bob"))
    network = made(admin, "network", name="n")
    path = f"{NETWORK}/networks/{network['id']}"

    for field in ("shared", "router:external"):
        seen = []
        for value in (True, False):
            admin.put(path, json={"network": {field: value}}).raise_for_status()
            seen.append(bob.get(path).status_code)
        assert (field, seen) == (field, [200, 404])


def test_hosts_are_told_what_a_subnet_was_changed_to(api_server: ApiServer) -> None:
    host, admin = api_server.host(), api_server.client()
    network = made(admin, "network", name="n")
    subnet = made(admin, "subnet", network_id=network["id"], cidr="10.67.1.0/24")
    path = f"{NETWORK}/subnets/{subnet['id']}"
    route = {"destination": "10.9.0.0/16", "nexthop": "10.67.1.9"}

    admin.put(path, json={"subnet": {"gateway_ip": "10.67.1.77"}}).raise_for_status()
    create(admin, api_server.image(), networks=[{"uuid": network["id"]}]).raise_for_status()
    place_round(api_server.control)
    changed = {"dns_nameservers": ["9.9.9.9"], "enable_dhcp": False, "host_routes": [route]}
    admin.put(path, json={"subnet": changed}).raise_for_status()

    [told] = host.desired().networks
    assert (told.gateway, told.dns, told.dhcp) == ("10.67.1.77", ("9.9.9.9",), False)
    assert "10.9.0.0" in guest(host).config_drive.network_data


def test_hosts_are_told_what_a_port_was_changed_to(api_server: ApiServer) -> None:
    admin = api_server.client()
    network = made(admin, "network", name="n")
    made(admin, "subnet", network_id=network["id"], cidr="10.67.1.0/24")
    port, group = made(admin, "port", network_id=network["id"]), made(admin, "security_group", name="g")
    host, _server = running(api_server, networks=[{"port": port["id"]}])
    pair = {"ip_address": "10.67.1.99", "mac_address": "fa:16:3e:00:00:99"}

    def change(**fields: Any) -> Any:
        admin.put(f"{NETWORK}/ports/{port['id']}", json={"port": fields}).raise_for_status()
        [nic] = guest(host).nics
        return nic

    assert change(security_groups=[group["id"]]).groups == (group["id"],)
    assert change(allowed_address_pairs=[pair]).pairs == (AddressPair("fa:16:3e:00:00:99", "10.67.1.99/32"),)
    [option] = change(extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "1400"}]).dhcp_options
    assert (option.name, option.value) == ("mtu", "1400")
    assert change(admin_state_up=False).up is False
    assert change(port_security_enabled=False).security is False


def test_ovn_is_told_what_a_router_was_changed_to(routed_server: ApiServer) -> None:
    admin = Project(routed_server.client())
    flat = {"router:external": True, "provider:network_type": "flat"}
    public, other = (
        admin.network(cidr, name=name, **flat, **{"provider:physical_network": name})
        for name, cidr in (("outside", "203.0.113.0/24"), ("beside", "198.51.100.0/24"))
    )
    router, _net, _sub = routed(admin, public[0])

    def told(**fields: Any) -> str:
        answer = admin.put("router", router, **fields)
        assert answer.status_code == 200, answer.text
        with routed_server.control.db.read() as tx:
            return "\n".join(map(str, rows_of(read_overlay(routed_server.control, tx))))

    def gateway(network: tuple[dict[str, Any], dict[str, Any]], address: str, **more: Any) -> dict[str, Any]:
        fixed = [{"subnet_id": network[1]["id"], "ip_address": address}]
        return {"network_id": network[0]["id"], "external_fixed_ips": fixed, **more}

    assert "203.0.113.99" in told(external_gateway_info=gateway(public, "203.0.113.99"))
    assert "198.51.100.98" in (moved := told(external_gateway_info=gateway(other, "198.51.100.98")))
    assert "203.0.113.99" not in moved and "'snat'" in moved
    assert "'snat'" not in told(external_gateway_info=gateway(other, "198.51.100.98", enable_snat=False))
    assert "10.99.0.0/16" in told(routes=[{"destination": "10.99.0.0/16", "nexthop": "10.1.0.9"}])
    assert told(admin_state_up=False) != told(admin_state_up=True)


def test_a_floating_address_leads_to_an_address_of_its_port_only(routed_server: ApiServer) -> None:
    admin = Project(routed_server.client())
    flat = {"router:external": True, "provider:network_type": "flat", "provider:physical_network": "outside"}
    public, _outer = admin.network("203.0.113.0/24", name="public", **flat)
    _router, net, _sub = routed(admin, public)
    port = admin.made("port", {"network_id": net["id"]})
    floating = admin.made("floatingip", {"floating_network_id": public["id"]})

    refused = admin.put("floatingip", floating, port_id=port["id"], fixed_ip_address="10.1.0.250")
    led = admin.put("floatingip", floating, port_id=port["id"], fixed_ip_address=port["fixed_ips"][0]["ip_address"])

    assert (refused.status_code, led.status_code) == (400, 200)
    assert led.json()["floatingip"]["fixed_ip_address"] == port["fixed_ips"][0]["ip_address"]


def test_a_device_spec_that_is_changed_offers_other_devices(api_server: ApiServer) -> None:
    admin, host = api_server.client(), api_server.host(count=0)
    host.inventory = (gpu(0, product_id="2222"), gpu(1, product_id="3333"))
    host.report()
    spec = {"vendor_id": "1234", "product_id": "2222"}
    kept = admin.post("/busway/v1/device-specs", json={"definition": spec}).json()["device_spec"]

    def offered() -> set[str]:
        found = admin.get("/busway/v1/devices").json()["devices"]
        return {each["address"] for each in found if each["status"] == "available"}

    before = offered()
    changed = {"definition": {**spec, "product_id": "3333"}, "version": kept["version"]}
    admin.patch(f"/busway/v1/device-specs/{kept['id']}", json=changed).raise_for_status()

    assert (before, offered()) == ({"0000:41:00.0"}, {"0000:42:00.0"})


@pytest.mark.parametrize("kind", ["SOFT", "HARD"])
def test_a_reboot_is_asked_of_the_host(api_server: ApiServer, kind: str) -> None:
    host, server = running(api_server)
    before = guest(host)

    api_server.client().post(f"{SERVERS}/{server}/action", json={"reboot": {"type": kind}}).raise_for_status()

    now = guest(host)
    assert (now.reboots, now.hard_reboot) == (before.reboots + 1, kind == "HARD")


def test_a_namespace_is_read_by_its_owner(api_server: ApiServer) -> None:
    admin = api_server.client()
    ann, bob = (api_server.client(api_server.user(name)) for name in ("ann", "bob"))
    projects = {
        name: admin.get("/identity/v3/projects", params={"name": name}).json()["projects"][0]["id"]
        for name in ("ann", "bob")
    }
    root = "/image/v2/metadefs/namespaces"
    wanted = {"namespace": "Own", "visibility": "private", "owner": projects["ann"]}

    admin.post(root, json=wanted).raise_for_status()
    first = [each.get(f"{root}/Own").status_code for each in (ann, bob)]
    admin.put(f"{root}/Own", json={**wanted, "owner": projects["bob"]}).raise_for_status()

    assert (first, [each.get(f"{root}/Own").status_code for each in (ann, bob)]) == ([200, 404], [404, 200])
