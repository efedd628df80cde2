"""`revision_number` grows with each change of a resource of the network API, and `If-Match` has a change done to no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from busway.api.network import OPERATIONS
from busway.store.network_revisions import REVISED
from tests.api.serving import ApiServer

ROOT = "/network/v2.0"
# The requests for each change of what has a revision; {…} is the id of another thing.
CHANGES: dict[str, Any] = {
    "PUT networks": {"network": {"name": "changed"}},
    "PUT subnets": {"subnet": {"name": "changed"}},
    "PUT ports": {"port": {"name": "changed"}},
    "PUT routers": {"router": {"name": "changed"}},
    "PUT floatingips": {"floatingip": {"description": "changed"}},
    "PUT security-groups": {"security_group": {"name": "changed"}},
    "PUT trunks": {"trunk": {"name": "changed"}},
    "PUT trunks/add_subports": {
        "sub_ports": [{"port_id": "{spare}", "segmentation_type": "vlan", "segmentation_id": 1}]
    },
    "PUT trunks/remove_subports": {"sub_ports": [{"port_id": "{spare}"}]},
    "PUT routers/add_router_interface": {"subnet_id": "{free}"},
    "PUT routers/remove_router_interface": {"subnet_id": "{free}"},
    **{
        f"PUT routers/{doing}_extraroutes": {
            "router": {"routes": [{"destination": "10.9.0.0/16", "nexthop": "10.1.0.9"}]}
        }
        for doing in ("add", "remove")
    },
    **{f"PUT {kind}/tags": {"tags": ["red"]} for kind in REVISED},
}


@pytest.fixture
def member(routed_server: ApiServer) -> httpx.Client:
    return routed_server.client(routed_server.user("ann"))


@pytest.fixture
def things(routed_server: ApiServer, member: httpx.Client) -> dict[str, str]:
    """The paths of one of each, with a tag; and an id that a router may join."""

    def made(kind: str, http: httpx.Client = member, **body: Any) -> str:
        answer = http.post(f"{ROOT}/{kind.replace('_', '-')}s", json={kind: body})
        assert answer.status_code == 201, answer.text
        return str(answer.json()[kind]["id"])

    outer = {"router:external": True, "provider:network_type": "flat", "provider:physical_network": "outside"}
    public = made("network", routed_server.client(), name="public", **outer)
    made("subnet", routed_server.client(), network_id=public, cidr="203.0.113.0/24")
    network, other = made("network", name="n"), made("network", name="o")
    found = {"networks": network, "subnets": made("subnet", network_id=network, cidr="10.1.0.0/24")}
    found["ports"] = made("port", network_id=network)
    found["routers"] = made("router", name="r", external_gateway_info={"network_id": public})
    join = {"subnet_id": found["subnets"]}
    member.put(f"{ROOT}/routers/{found['routers']}/add_router_interface", json=join).raise_for_status()
    found["floatingips"] = made("floatingip", floating_network_id=public)
    found["trunks"] = made("trunk", port_id=made("port", network_id=other))
    group = found["security-groups"] = made("security_group", name="g")
    found["security-group-rules"] = made("security_group_rule", security_group_id=group, direction="ingress")
    for kind, each in found.items():
        if kind != "security-group-rules":
            member.put(f"{ROOT}/{kind}/{each}/tags/gold").raise_for_status()
    free = made("subnet", network_id=other, cidr="10.2.0.0/24")
    return {**found, "free": free, "spare": made("port", network_id=other)}


def revision_of(http: httpx.Client, things: Mapping[str, str], kind: str) -> int:
    [shown] = http.get(f"{ROOT}/{kind}/{things[kind]}").raise_for_status().json().values()
    return int(shown["revision_number"])


def change(http: httpx.Client, things: Mapping[str, str], asked: str, revision: object = None) -> httpx.Response:
    method, _, where = asked.partition(" ")
    kind, _, rest = where.partition("/")
    path = f"{ROOT}/{kind}/{things[kind]}" + (f"/{rest}" if rest else "")
    body = _filled(CHANGES.get(asked, {}), things)
    headers = {} if revision is None else {"If-Match": f"revision_number={revision}"}
    return http.request(method, path, json=body or None, headers=headers)


def _filled(body: Any, things: Mapping[str, str]) -> Any:
    """A body with the ids of things."""
    if isinstance(body, dict):
        return {key: _filled(value, things) for key, value in body.items()}
    if isinstance(body, list):
        return [_filled(each, things) for each in body]
    return things.get(body[1:-1], body) if isinstance(body, str) else body


def _changes() -> list[str]:
    """All operations that change what has a revision, such as "PUT networks/tags"; deletions come last."""
    found = []
    for each in OPERATIONS:
        kind, _, rest = each.path.removeprefix(f"{ROOT}/").partition("/{id}")
        if kind in REVISED and each.method in ("PUT", "DELETE"):
            found.append(f"{each.method} {kind}{rest.replace('{tag}', 'gold')}")
    order = (
        "trunks",
        "routers",
        "floatingips",
        "ports",
        "subnets",
        "networks",
        "security-group-rules",
        "security-groups",
    )
    return sorted(found, key=lambda each: (each.startswith("DELETE") and "/" not in each, order.index(_kind(each))))


def _kind(asked: str) -> str:
    return asked.partition(" ")[2].partition("/")[0]


@pytest.mark.thorough
def test_each_change_is_done_to_the_revision_that_it_names_and_to_no_other(
    member: httpx.Client, things: dict[str, str]
) -> None:
    for asked in _changes():
        kind = _kind(asked)
        if asked == "DELETE routers":  # its interface first
            join = {"subnet_id": things["subnets"]}
            member.put(f"{ROOT}/routers/{things['routers']}/remove_router_interface", json=join).raise_for_status()
        before = member.get(f"{ROOT}/{kind}/{things[kind]}").json()
        revision = revision_of(member, things, kind)

        for wrong in (revision - 1, revision + 1):
            refused = change(member, things, asked, wrong)
            assert (asked, refused.status_code) == (asked, 412), refused.text
            assert f"current revision is {revision}" in refused.text
        assert member.get(f"{ROOT}/{kind}/{things[kind]}").json() == before
        done = change(member, things, asked, revision)

        assert (asked, done.is_success) == (asked, True), done.text
        if asked.startswith("DELETE") and "/" not in asked:
            assert member.get(f"{ROOT}/{kind}/{things[kind]}").status_code == 404
            continue
        assert (asked, revision_of(member, things, kind) > revision) == (asked, True)
        if asked.startswith("PUT") and "/" not in asked:
            [told] = done.json().values()
            assert told["revision_number"] == revision_of(member, things, kind)
        if asked.startswith("DELETE"):
            member.put(f"{ROOT}/{kind}/{things[kind]}/tags/gold").raise_for_status()


def _subnet(http: httpx.Client, things: Mapping[str, str]) -> object:
    return http.put(f"{ROOT}/subnets/{things['subnets']}", json={"subnet": {"name": "x"}}).raise_for_status()


def _second_subnet(http: httpx.Client, things: Mapping[str, str]) -> object:
    wanted = {"network_id": things["networks"], "cidr": "fd00:1::/64", "ip_version": 6}
    return http.post(f"{ROOT}/subnets", json={"subnet": wanted}).raise_for_status()


def _rule(http: httpx.Client, things: Mapping[str, str]) -> object:
    wanted = {"security_group_id": things["security-groups"], "direction": "egress", "protocol": "tcp"}
    return http.post(f"{ROOT}/security-group-rules", json={"security_group_rule": wanted}).raise_for_status()


def _no_rule(http: httpx.Client, things: Mapping[str, str]) -> object:
    return http.delete(f"{ROOT}/security-group-rules/{things['security-group-rules']}").raise_for_status()


def _lead(http: httpx.Client, things: Mapping[str, str]) -> object:
    wanted = {"floatingip": {"port_id": things["ports"]}}
    return http.put(f"{ROOT}/floatingips/{things['floatingips']}", json=wanted).raise_for_status()


def _lead_away(http: httpx.Client, things: Mapping[str, str]) -> object:
    _lead(http, things)
    return http.delete(f"{ROOT}/ports/{things['ports']}").raise_for_status()


@pytest.mark.parametrize(
    ("change", "grows"),
    [
        (_subnet, {"networks": 1, "subnets": 1}),
        (_second_subnet, {"networks": 1}),
        (_rule, {"security-groups": 1}),
        (_no_rule, {"security-groups": 1}),
        (_lead, {"floatingips": 1}),
        (_lead_away, {"floatingips": 2}),
    ],
)
def test_what_belongs_to_a_resource_changes_its_revision(
    member: httpx.Client,
    things: dict[str, str],
    change: Callable[[httpx.Client, Mapping[str, str]], object],
    grows: dict[str, int],
) -> None:
    kinds = ("networks", "subnets", "routers", "floatingips", "security-groups")
    before = {kind: revision_of(member, things, kind) for kind in kinds}

    change(member, things)

    now = {kind: revision_of(member, things, kind) for kind in kinds}
    assert now == {kind: before[kind] + grows.get(kind, 0) for kind in kinds}


def test_a_group_whose_rule_went_with_another_group_has_changed(member: httpx.Client, things: dict[str, str]) -> None:
    other = member.post(f"{ROOT}/security-groups", json={"security_group": {"name": "o"}}).json()["security_group"]
    wanted = {
        "security_group_id": things["security-groups"],
        "direction": "ingress",
        "protocol": "udp",
        "remote_group_id": other["id"],
    }
    member.post(f"{ROOT}/security-group-rules", json={"security_group_rule": wanted}).raise_for_status()
    before = revision_of(member, things, "security-groups")

    member.delete(f"{ROOT}/security-groups/{other['id']}").raise_for_status()

    assert revision_of(member, things, "security-groups") == before + 1


def test_of_many_who_change_the_same_revision_one_does(
    routed_server: ApiServer, member: httpx.Client, things: dict[str, str]
) -> None:
    token = str(member.headers["x-auth-token"])
    for kind in ("networks", "subnets", "ports", "routers", "floatingips", "security-groups"):
        revision = revision_of(member, things, kind)

        with ThreadPoolExecutor(4) as pool:
            clients = [routed_server.client(token) for _ in range(4)]
            told = list(pool.map(lambda http, kind=kind, at=revision: change(http, things, f"PUT {kind}", at), clients))

        assert (kind, sorted(each.status_code for each in told)) == (kind, [200, 412, 412, 412])
        assert revision_of(member, things, kind) == revision + 1


def test_every_other_reason_to_refuse_goes_first(routed_server: ApiServer, things: dict[str, str]) -> None:
    stranger = routed_server.client(routed_server.user("bob"))

    for kind in sorted(REVISED - {"security-group-rules"}):
        assert (kind, change(stranger, things, f"PUT {kind}", 999).status_code) == (kind, 404)


@pytest.mark.parametrize("value", ["revision_number=one", "revision_number=", "revision_number=1, revision_number=2"])
def test_a_revision_is_one_number(member: httpx.Client, things: dict[str, str], value: str) -> None:
    answer = member.delete(f"{ROOT}/ports/{things['ports']}", headers={"If-Match": value})

    assert (answer.status_code, answer.headers["x-busway-error-code"]) == (400, "revision-number")
    assert member.get(f"{ROOT}/ports/{things['ports']}").status_code == 200


def test_a_condition_where_nothing_is_changed_is_refused(member: httpx.Client, things: dict[str, str]) -> None:
    revision = revision_of(member, things, "networks")

    answer = member.get(f"{ROOT}/networks/{things['networks']}", headers={"If-Match": f"revision_number={revision}"})

    assert answer.status_code == 412


@pytest.mark.parametrize("kind", ["networks", "subnets", "ports", "routers", "floatingips", "security-groups"])
def test_lists_are_filtered_and_sorted_by_revision(member: httpx.Client, things: dict[str, str], kind: str) -> None:
    for n in range(9):
        body = {key: {"description": f"{n}"} for key in CHANGES[f"PUT {kind}"]}
        member.put(f"{ROOT}/{kind}/{things[kind]}", json=body).raise_for_status()
    revision = revision_of(member, things, kind)

    def listed(**query: Any) -> list[dict[str, Any]]:
        [rows] = member.get(f"{ROOT}/{kind}", params=query).raise_for_status().json().values()
        return list(rows)

    assert [each["id"] for each in listed(revision_number=revision)] == [things[kind]]
    numbers = [each["revision_number"] for each in listed(sort_key="revision_number", sort_dir="desc")]
    assert numbers == sorted(numbers, reverse=True) and numbers[0] == revision > 9


def test_the_extensions_are_announced(member: httpx.Client) -> None:
    announced = {each["alias"] for each in member.get(f"{ROOT}/extensions").json()["extensions"]}

    assert {"standard-attr-revisions", "revision-if-match"} <= announced
