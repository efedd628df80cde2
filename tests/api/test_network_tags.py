"""Tags of networks, subnets, ports and security groups; descriptions of subnets."""

from __future__ import annotations

import httpx
import pytest

from tests.api.serving import ApiServer

ROOT = "/network/v2.0"


def _made(client: httpx.Client) -> dict[str, str]:
    """One of each thing that can have tags, by the word of its path."""
    network = client.post(f"{ROOT}/networks", json={"network": {"name": "n"}}).json()["network"]["id"]
    wanted = {"network_id": network, "cidr": "auto"}
    subnet = client.post(f"{ROOT}/subnets", json={"subnet": wanted}).json()["subnet"]["id"]
    port = client.post(f"{ROOT}/ports", json={"port": {"network_id": network}}).json()["port"]["id"]
    group = client.post(f"{ROOT}/security-groups", json={"security_group": {"name": "g"}}).json()["security_group"][
        "id"
    ]
    return {"networks": network, "subnets": subnet, "ports": port, "security-groups": group}


@pytest.fixture
def member(api_server: ApiServer) -> httpx.Client:
    return api_server.client(api_server.user("m"))


@pytest.mark.parametrize("kind", ["networks", "subnets", "ports", "security-groups"])
def test_tags_are_replaced_added_shown_and_taken_away(member: httpx.Client, kind: str) -> None:
    one = f"{ROOT}/{kind}/{_made(member)[kind]}"

    assert member.put(f"{one}/tags", json={"tags": ["red", "blue", "red"]}).json() == {"tags": ["blue", "red"]}
    assert member.put(f"{one}/tags/gold").status_code == 201
    assert member.get(f"{one}/tags/gold").status_code == 204
    assert member.delete(f"{one}/tags/red").status_code == 204
    assert member.delete(f"{one}/tags/red").status_code == 404
    assert member.get(f"{one}/tags").json() == {"tags": ["blue", "gold"]}
    [shown] = member.get(one).json().values()
    assert shown["tags"] == ["blue", "gold"]
    assert member.delete(f"{one}/tags").status_code == 204
    assert member.get(f"{one}/tags/gold").status_code == 404


@pytest.mark.parametrize("kind", ["networks", "ports", "security-groups"])
@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("tags=a", {"one", "two"}),
        ("tags=a,b", {"two"}),
        ("tags-any=b,c", {"two", "three"}),
        ("not-tags=a,b", {"one", "three", "none"}),
        ("not-tags-any=a,b", {"three", "none"}),
        ("tags=a&not-tags-any=b", {"one"}),
    ],
)
def test_lists_are_filtered_by_tags(member: httpx.Client, kind: str, query: str, names: set[str]) -> None:
    key = kind.replace("-", "_")
    network = _made(member)["networks"]
    for name, tags in {"one": ["a"], "two": ["a", "b"], "three": ["c"], "none": []}.items():
        wanted = {"name": name} | ({"network_id": network} if kind == "ports" else {})
        made = member.post(f"{ROOT}/{kind}", json={key[:-1]: wanted}).json()[key[:-1]]["id"]
        member.put(f"{ROOT}/{kind}/{made}/tags", json={"tags": tags}).raise_for_status()

    found = member.get(f"{ROOT}/{kind}?{query}&sort_key=name").json()[key]

    assert {row["name"] for row in found} & {"one", "two", "three", "none"} == names
    paged = member.get(f"{ROOT}/{kind}?{query}&limit=1").json()[key]
    assert len(paged) == 1


def test_a_network_that_is_shared_only_is_not_tagged_by_others(api_server: ApiServer, member: httpx.Client) -> None:
    shared = member.get(f"{ROOT}/networks?name=private").json()["networks"][0]["id"]

    assert member.put(f"{ROOT}/networks/{shared}/tags/mine").status_code == 403
    assert member.get(f"{ROOT}/networks/{shared}/tags").json() == {"tags": []}


def test_too_many_and_too_long_tags_are_refused(member: httpx.Client) -> None:
    one = f"{ROOT}/networks/{_made(member)['networks']}/tags"

    assert member.put(one, json={"tags": [str(n) for n in range(51)]}).status_code == 400
    assert member.put(f"{one}/{'x' * 61}").status_code == 400
    assert member.put(f"{one}/a,b").status_code == 400
    member.put(one, json={"tags": [str(n) for n in range(50)]}).raise_for_status()
    assert member.put(f"{one}/more").status_code == 400


def test_tags_go_with_what_they_are_on(api_server: ApiServer, member: httpx.Client) -> None:
    made = _made(member)
    for kind, known in made.items():
        member.put(f"{ROOT}/{kind}/{known}/tags/t").raise_for_status()
    for kind in ("ports", "networks", "security-groups"):
        member.delete(f"{ROOT}/{kind}/{made[kind]}").raise_for_status()

    with api_server.control.db.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM network_tags").scalar() == 0


def test_a_filter_by_tags_of_what_has_none_is_refused(member: httpx.Client) -> None:
    assert member.get(f"{ROOT}/extensions?tags=a").status_code == 400


def test_a_subnet_keeps_its_description(member: httpx.Client) -> None:
    made = _made(member)

    changed = member.put(f"{ROOT}/subnets/{made['subnets']}", json={"subnet": {"description": "for guests"}}).json()

    assert changed["subnet"]["description"] == "for guests"
    found = member.get(f"{ROOT}/subnets?description=for guests").json()["subnets"]
    assert [row["id"] for row in found] == [made["subnets"]]
