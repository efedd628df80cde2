"""Hypervisors that tell how long they have been up, and the audit of usage that no host runs."""

import json
from dataclasses import replace

import pytest

from busway.control.placement.place import place_round
from tests.api.serving import ApiServer

API = "/compute/v2.1"
HOUR = 3600


def test_a_host_tells_how_long_it_has_been_up(api_server: ApiServer) -> None:
    host = api_server.host()
    booted = int(api_server.clock().timestamp()) - 49 * HOUR - 7 * 60
    host.resources = replace(host.resources, booted=booted)
    host.report()
    old, new = api_server.client(), api_server.client(version="2.88")
    [shown] = old.get(f"{API}/os-hypervisors").json()["hypervisors"]

    told = old.get(f"{API}/os-hypervisors/{shown['id']}/uptime").json()["hypervisor"]
    [detail] = new.get(f"{API}/os-hypervisors/detail").json()["hypervisors"]

    assert told["uptime"].endswith(" up 2 days,  1:07")
    assert detail["uptime"].endswith(" up 2 days,  1:07")
    assert new.get(f"{API}/os-hypervisors/{detail['id']}/uptime").status_code == 404


def test_the_processor_is_told_as_a_text_of_json_and_then_as_an_object(api_server: ApiServer) -> None:
    host = api_server.host()
    host.resources = replace(host.resources, cpu_model="EPYC-Rome")
    host.report()
    [old] = api_server.client().get(f"{API}/os-hypervisors/detail").json()["hypervisors"]
    [new] = api_server.client(version="2.28").get(f"{API}/os-hypervisors/detail").json()["hypervisors"]

    assert json.loads(old["cpu_info"]) == new["cpu_info"] == {"model": "EPYC-Rome"}


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", ""])
def test_a_host_tells_its_address(api_server: ApiServer, address: str) -> None:
    host = api_server.host()
    host.resources = replace(host.resources, address=address)
    host.report()

    for version in ("2.1", "2.53", "2.88"):
        [shown] = api_server.client(version=version).get(f"{API}/os-hypervisors/detail").json()["hypervisors"]
        assert shown["host_ip"] == (address or None)
    [own] = api_server.client().get("/busway/v1/hosts").json()["hosts"]
    assert own["resources"]["address"] == address


def test_a_host_that_does_not_tell_is_refused_with_why(api_server: ApiServer) -> None:
    api_server.host()
    client = api_server.client()
    [shown] = client.get(f"{API}/os-hypervisors").json()["hypervisors"]

    answer = client.get(f"{API}/os-hypervisors/{shown['id']}/uptime")

    assert (answer.status_code, "older release" in answer.text) == (400, True)
    assert client.get(f"{API}/os-hypervisors/99/uptime").status_code == 404


def test_no_host_has_run_the_periodic_audit(api_server: ApiServer) -> None:
    api_server.host("gpu01")
    client = api_server.client()

    listed = client.get(f"{API}/os-instance_usage_audit_log").json()["instance_usage_audit_logs"]
    shown = client.get(f"{API}/os-instance_usage_audit_log/2026-01-31 12:00:00").json()["instance_usage_audit_log"]

    assert (listed["hosts_not_run"], listed["num_hosts_done"]) == (["gpu01"], 0)
    assert listed["overall_status"] == "0 of 1 hosts done. 0 errors."
    assert (shown["period_beginning"], shown["period_ending"]) == ("2025-12-01 00:00:00", "2026-01-01 00:00:00")


@pytest.mark.parametrize(("path", "status"), [("", 403), ("/yesterday", 403)])
def test_the_audit_is_for_admins(api_server: ApiServer, path: str, status: int) -> None:
    ann = api_server.client(api_server.user("ann"))

    assert ann.get(f"{API}/os-instance_usage_audit_log{path}").status_code == status
    assert api_server.client().get(f"{API}/os-instance_usage_audit_log/yesterday").status_code == 400


def test_hypervisors_tell_their_servers_to_who_asks_for_them(api_server: ApiServer) -> None:
    api_server.host("gpu01")
    api_server.host("gpu02")
    body = {"name": "s", "flavorRef": "1", "imageRef": api_server.image(), "networks": "none", "host": "gpu01"}
    new = api_server.client(version="2.75")
    server = new.post(f"{API}/servers", json={"server": body}).json()["server"]["id"]
    place_round(api_server.control)
    held = [{"uuid": server, "name": "instance-00000001"}]

    for path in ("os-hypervisors", "os-hypervisors/detail"):
        [first, second] = new.get(f"{API}/{path}?with_servers=true").json()["hypervisors"]
        assert (first["servers"], second["servers"]) == (held, [])
        plain = new.get(f"{API}/{path}").json()["hypervisors"]
        assert all("servers" not in each for each in plain)
        before = api_server.client(version="2.53").get(f"{API}/{path}?with_servers=1").json()["hypervisors"]
        assert [each.get("servers") for each in before] == [held, None]
    shown = new.get(f"{API}/os-hypervisors/{first['id']}?with_servers=true").json()["hypervisor"]
    assert shown["servers"] == held
