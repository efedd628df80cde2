"""Networks that are switched off, whose ports have no security, or whose MTU changes: what the API and the hosts are told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from busway.api.network.networks import ROOT
from tests.api.serving import ApiServer
from tests.api.test_change_effects import guest, running
from tests.api.test_networks import made
from tests.api.test_servers import SERVERS, create


def test_while_a_network_is_off_its_ports_carry_nothing_and_then_they_are_as_they_were(api_server: ApiServer) -> None:
    admin = api_server.client(version="2.90")
    network = made(admin, "network", {"name": "mine", "admin_state_up": False})
    made(admin, "subnet", {"network_id": network["id"], "cidr": "10.67.1.0/24"})
    ports = [made(admin, "port", {"network_id": network["id"], "admin_state_up": up}) for up in (True, False)]
    host, _server = running(api_server, networks=[{"port": port["id"]} for port in ports])

    def switch(up: bool) -> dict[str, Any]:
        changed = admin.put(f"{ROOT}/networks/{network['id']}", json={"network": {"admin_state_up": up}})
        return dict(changed.raise_for_status().json()["network"])

    def seen() -> tuple[list[bool], list[str], int]:
        rows = [admin.get(f"{ROOT}/ports/{port['id']}").json()["port"] for port in ports]
        active = admin.get(f"{ROOT}/ports", params={"status": "ACTIVE"}).json()["ports"]
        return [nic.up for nic in guest(host).nics], [row["status"] for row in rows], len(active)

    off = seen()
    on = switch(True)["admin_state_up"], seen()
    again = switch(False)["admin_state_up"], seen()

    assert off == ([False, False], ["DOWN", "DOWN"], 0)
    assert on == (True, ([True, False], ["ACTIVE", "DOWN"], 1))
    assert again == (False, off)


def test_networks_are_listed_by_their_flags(api_server: ApiServer) -> None:
    admin = api_server.client(version="2.90")
    for name, up, secured in (("a", True, False), ("b", False, True)):
        made(admin, "network", {"name": name, "admin_state_up": up, "port_security_enabled": secured})

    def names(**wanted: str) -> list[str]:
        return [each["name"] for each in admin.get(f"{ROOT}/networks", params=wanted).json()["networks"]]

    assert (names(admin_state_up="false"), names(port_security_enabled="false")) == (["b"], ["a"])
    assert names(admin_state_up="true", sort_key="port_security_enabled") == ["a", "private"]


def test_new_ports_have_the_port_security_of_their_network_and_others_keep_theirs(api_server: ApiServer) -> None:
    admin = api_server.client(version="2.90")
    network = made(admin, "network", {"name": "mine", "port_security_enabled": False})["id"]
    made(admin, "subnet", {"network_id": network, "cidr": "10.67.1.0/24"})
    api_server.host()

    open_port = made(admin, "port", {"network_id": network})
    secured = made(admin, "port", {"network_id": network, "port_security_enabled": True})
    server = create(admin, api_server.image(), networks=[{"uuid": network}]).raise_for_status().json()["server"]["id"]
    [own] = admin.get(f"{ROOT}/ports", params={"device_id": server}).json()["ports"]
    admin.put(f"{ROOT}/networks/{network}", json={"network": {"port_security_enabled": True}}).raise_for_status()
    later = made(admin, "port", {"network_id": network})
    kept = admin.get(f"{ROOT}/ports/{open_port['id']}").json()["port"]

    shown = [(port["port_security_enabled"], len(port["security_groups"])) for port in (open_port, secured, own, later)]
    assert shown == [(False, 0), (True, 1), (False, 0), (True, 1)]
    assert kept["port_security_enabled"] is False


def test_a_server_on_a_network_without_port_security_is_given_no_group(api_server: ApiServer) -> None:
    admin = api_server.client(version="2.90")
    network = made(admin, "network", {"name": "mine", "port_security_enabled": False})["id"]
    made(admin, "subnet", {"network_id": network, "cidr": "10.67.1.0/24"})
    made(admin, "security-group", {"name": "web"})
    card: dict[str, Any] = {"networks": [{"uuid": network}]}

    refused = create(admin, api_server.image(), **card, security_groups=[{"name": "web"}])
    host, server = running(api_server, **card, security_groups=[{"name": "default"}])
    asked = {"interfaceAttachment": {"net_id": network}}
    admin.post(f"{SERVERS}/{server}/os-interface", json=asked).raise_for_status()

    assert (refused.status_code, refused.headers["x-busway-error-code"]) == (400, "port-security-off")
    assert [(nic.security, nic.groups) for nic in guest(host).nics] == [(False, ())] * 2


def test_hosts_and_metadata_are_told_the_mtu_that_a_network_was_changed_to(api_server: ApiServer) -> None:
    admin = api_server.client()
    network = made(admin, "network", {"name": "mine"})
    made(admin, "subnet", {"network_id": network["id"], "cidr": "10.67.1.0/24"})
    host, _server = running(api_server, networks=[{"uuid": network["id"]}])
    before = host.desired().generation

    def change(mtu: Any) -> tuple[int, int, int]:
        row = admin.put(f"{ROOT}/networks/{network['id']}", json={"network": {"mtu": mtu}}).raise_for_status().json()
        [told] = host.desired().networks
        [link] = json.loads(guest(host).config_drive.network_data)["links"]
        return row["network"]["mtu"], told.mtu, link["mtu"]

    assert (change(1400), change("9000"), change(0)) == ((1400,) * 3, (9000,) * 3, (1500,) * 3)
    assert host.desired().generation >= before + 3


@pytest.mark.parametrize("mtu", [1279, 9001, -1, "x"])
def test_an_mtu_that_networks_can_not_have_is_refused(api_server: ApiServer, mtu: Any) -> None:
    client = api_server.client()
    known = made(client, "network", {"name": "mine"})

    refused = [
        client.post(f"{ROOT}/networks", json={"network": {"mtu": mtu}}),
        client.put(f"{ROOT}/networks/{known['id']}", json={"network": {"mtu": mtu}}),
    ]

    assert [each.status_code for each in refused] == [400, 400]
    assert client.get(f"{ROOT}/networks/{known['id']}").json()["network"]["mtu"] == 1500


def test_a_network_with_direct_ports_can_not_be_off(api_server: ApiServer) -> None:
    admin = api_server.client()
    flat = {"provider:network_type": "flat", "provider:physical_network": "fast"}
    network = made(admin, "network", {"name": "fast", **flat})["id"]
    path, off = f"{ROOT}/networks/{network}", {"network": {"admin_state_up": False}}
    wish = {"port": {"network_id": network, "binding:vnic_type": "direct"}}

    admin.put(path, json=off).raise_for_status()
    on_one_that_is_off = admin.post(f"{ROOT}/ports", json=wish)
    admin.put(path, json={"network": {"admin_state_up": True}}).raise_for_status()
    admin.post(f"{ROOT}/ports", json=wish).raise_for_status()
    with_one = admin.put(path, json=off)

    for refused in (on_one_that_is_off, with_one):
        assert (refused.status_code, refused.json()["NeutronError"]["type"]) == (409, "VnicNoSecurity")
