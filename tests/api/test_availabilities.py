"""How many addresses networks and subnets have, and how many ports hold."""

from typing import Any

import httpx
import pytest
from sqlalchemy import update

from busway.store.ports import ports
from tests.api.serving import ApiServer

ROOT = "/network/v2.0"
PATH = f"{ROOT}/network-ip-availabilities"


def made(client: httpx.Client, kind: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"{ROOT}/{kind}s", json={kind: body})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()[kind]
    return found


@pytest.fixture
def mine(routed_server: ApiServer) -> dict[str, Any]:
    """A network of ann's with subnets of both versions, a router, a port outside the pool, and one that is released."""
    ann = routed_server.client(routed_server.user("ann"))
    network = made(ann, "network", name="mine", **{"provider:network_type": "geneve"})
    pool = [{"start": "10.9.0.1", "end": "10.9.0.20"}]
    four = made(ann, "subnet", name="four", network_id=network["id"], cidr="10.9.0.0/24", ip_version=4,
                allocation_pools=pool, gateway_ip="10.9.0.9")  # fmt: skip
    made(ann, "subnet", name="six", network_id=network["id"], cidr="fd00:9::/64", ip_version=6)
    router = made(ann, "router", name="r")
    body = {"subnet_id": four["id"]}
    ann.put(f"{ROOT}/routers/{router['id']}/add_router_interface", json=body).raise_for_status()
    made(ann, "port", network_id=network["id"], fixed_ips=[{"ip_address": "10.9.0.200"}])
    gone = made(ann, "port", network_id=network["id"])
    with routed_server.control.db.write() as tx:  # as of a server that its host has yet to stop
        tx.execute(update(ports).where(ports.c.id == gone["id"]).values(released=True))
    return network


def rows(client: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    answer = client.get(PATH, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["network_ip_availabilities"]
    return found


def test_addresses_are_counted_as_ports_hold_them(routed_server: ApiServer, mine: dict[str, Any]) -> None:
    admin = routed_server.client()
    held = [
        each["ip_address"]
        for port in admin.get(f"{ROOT}/ports", params={"network_id": mine["id"]}).json()["ports"]
        for each in port["fixed_ips"]
    ]
    fours, sixes = (sum((":" in each) == six for each in held) for six in (False, True))

    shown = admin.get(f"{PATH}/{mine['id']}").json()["network_ip_availability"]
    subnets = {each["subnet_name"]: each for each in shown["subnet_ip_availability"]}

    assert (fours, sixes) == (3, 1)  # the router's, that of the hosts' services, and the port's two
    assert (subnets["four"]["total_ips"], subnets["four"]["used_ips"]) == (19, 3)
    assert (subnets["six"]["total_ips"], subnets["six"]["used_ips"]) == (2**64 - 2, 1)
    assert (shown["total_ips"], shown["used_ips"]) == (2**64 + 17, 4)
    assert (shown["network_name"], subnets["six"]["ip_version"], subnets["four"]["cidr"]) == (
        "mine", 6, "10.9.0.0/24",
    )  # fmt: skip


def test_a_list_has_filters_orders_pages_and_fields(routed_server: ApiServer, mine: dict[str, Any]) -> None:
    admin = routed_server.client()
    bare = made(admin, "network", name="bare")
    both = {"sort_key": "network_name", "sort_dir": "desc", "fields": "network_name"}

    six = rows(admin, ip_version="6", network_id=mine["id"])
    page = admin.get(PATH, params={**both, "limit": "1"})
    after = rows(admin, limit="1", sort_key="network_name", marker=bare["id"])

    assert [[each["subnet_name"] for each in row["subnet_ip_availability"]] for row in six] == [["six"]]
    assert bare["id"] not in [each["network_id"] for each in rows(admin, ip_version=["4", "6"])]
    assert [each["total_ips"] for each in rows(admin, network_name="bare")] == [0]
    assert [each["network_name"] for each in rows(admin, project_id=mine["project_id"])] == ["mine"]
    assert page.json()["network_ip_availabilities"] == [{"network_name": "private"}]
    assert f"marker={rows(admin, network_name='private')[0]['network_id']}" in page.text
    assert [each["network_name"] for each in after] == ["mine"]


@pytest.mark.parametrize(
    "query",
    [
        {"ip_version": "x"},
        {"created_at": "2026-01-01T12:00:00Z"},
        {"tags": "red"},
        {"sort_key": "ip_version"},
        {"id": "1"},
    ],
)
def test_a_list_refuses_what_is_no_filter_of_it(query: dict[str, str], api_server: ApiServer) -> None:
    assert api_server.client().get(PATH, params=query).status_code == 400


def test_only_admins_see_it(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    network = ann.get(f"{ROOT}/networks").json()["networks"][0]["id"]

    assert [ann.get(path).status_code for path in (PATH, f"{PATH}/{network}")] == [403, 403]
    assert api_server.client().get(f"{PATH}/none").status_code == 404
