"""Placement's API over HTTP: a view of hosts, devices and servers that agrees with them, and the few writes that it takes."""

from typing import Any

import httpx
import pytest

from busway.control.placement.place import place_round
from busway.domain.ids import ServerId
from tests.api.serving import ApiServer
from tests.api.test_servers import create
from tests.control.clouds import Host

GPU = "CUSTOM_PCI_1234_1111"


class Placement:
    """The API as the admin sees it at one microversion."""

    def __init__(self, api_server: ApiServer, version: str = "1.39", token: str | None = None) -> None:
        self._client = api_server.client(token)
        self._client.headers["OpenStack-API-Version"] = f"placement {version}"

    def ask(self, method: str, path: str, body: Any = None, **params: str) -> httpx.Response:
        return self._client.request(method, f"/placement{path}", json=body, params=params)

    def get(self, path: str, **params: str) -> Any:
        answer = self.ask("GET", path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def provider(self, name: str) -> dict[str, Any]:
        [found] = self.get("/resource_providers", name=name)["resource_providers"]
        return dict(found)


@pytest.fixture
def host(api_server: ApiServer) -> Host:
    return api_server.host("host1", count=2)


@pytest.fixture
def placement(api_server: ApiServer, host: Host) -> Placement:
    return Placement(api_server)


def boot(api_server: ApiServer, host: Host, gpus: int = 1) -> str:
    """The id of a server with GPUs that runs."""
    client = api_server.client()
    specs = {"extra_specs": {"pci_passthrough:alias": f"a1:{gpus}"}}
    client.post("/compute/v2.1/flavors/1/os-extra_specs", json=specs).raise_for_status()
    server = str(create(client, api_server.image()).json()["server"]["id"])
    place_round(api_server.control)
    host.report([ServerId(server)])
    return server


def test_the_root_says_its_versions_to_everybody(api_server: ApiServer) -> None:
    [version] = httpx.get(f"{api_server.url}/placement/").json()["versions"]

    assert (version["id"], version["min_version"], version["max_version"]) == ("v1.0", "1.0", "1.39")
    assert httpx.get(f"{api_server.url}/placement/resource_providers").status_code == 401


def test_microversions_are_said_and_refused_as_placement_does(api_server: ApiServer) -> None:
    answer = Placement(api_server, "1.10").ask("GET", "/resource_providers")

    assert answer.headers["OpenStack-API-Version"] == "placement 1.10"
    assert "last-modified" not in answer.headers
    assert Placement(api_server, "1.15").ask("GET", "/traits").headers["cache-control"] == "no-cache"
    assert Placement(api_server, "1.40").ask("GET", "/traits").status_code == 406
    refused = Placement(api_server, "1.5").ask("GET", "/traits")
    assert (refused.status_code, refused.json()["errors"][0]["status"]) == (404, 404)
    assert api_server.client().get("/placement/resource_classes").status_code == 404, "1.0 without a header"


def test_a_host_is_a_tree_with_its_devices_named_as_nova_names_them(
    api_server: ApiServer, placement: Placement
) -> None:
    root, first, second = placement.get("/resource_providers")["resource_providers"]

    assert [root["name"], first["name"], second["name"]] == ["host1", "host1_0000:41:00.0", "host1_0000:42:00.0"]
    assert (first["parent_provider_uuid"], first["root_provider_uuid"]) == (root["uuid"], root["uuid"])
    [hypervisor] = api_server.client(version="2.53").get("/compute/v2.1/os-hypervisors").json()["hypervisors"]
    assert root["uuid"] == hypervisor["id"]
    assert (
        "parent_provider_uuid" not in Placement(api_server, "1.13").get("/resource_providers")["resource_providers"][0]
    )
    sizes = placement.get(f"/resource_providers/{root['uuid']}/inventories")["inventories"]
    assert {name: each["total"] for name, each in sizes.items()} == {"VCPU": 16, "MEMORY_MB": 65536, "DISK_GB": 1000}
    card = placement.get(f"/resource_providers/{first['uuid']}/inventories/{GPU}")
    assert (card["total"], card["reserved"], card["max_unit"], card["allocation_ratio"]) == (1, 0, 1, 1.0)


def test_a_server_takes_of_its_host_and_of_its_devices(api_server: ApiServer, host: Host, placement: Placement) -> None:
    server = boot(api_server, host)
    root = placement.provider("host1")

    taken = placement.get(f"/allocations/{server}")
    [used] = [uuid for uuid, each in taken["allocations"].items() if GPU in each["resources"]]

    assert taken["allocations"][root["uuid"]]["resources"] == {"VCPU": 1, "MEMORY_MB": 192, "DISK_GB": 1}
    assert (taken["consumer_type"], taken["project_id"]) == (
        "INSTANCE",
        api_server.client().get(f"/compute/v2.1/servers/{server}").json()["server"]["tenant_id"],
    )
    assert placement.get(f"/resource_providers/{used}/usages")["usages"] == {GPU: 1}
    assert list(placement.get(f"/resource_providers/{used}/allocations")["allocations"]) == [server]
    total = placement.get("/usages", project_id=taken["project_id"])["usages"]
    assert total == {"INSTANCE": {"VCPU": 1, "MEMORY_MB": 192, "DISK_GB": 1, GPU: 1, "consumer_count": 1}}
    assert Placement(api_server, "1.9").get("/usages", project_id=taken["project_id"])["usages"][GPU] == 1
    assert placement.get("/allocations/00000000-0000-4000-8000-000000000000") == {"allocations": {}}


def test_what_is_used_here_is_what_busway_itself_says_is_used(
    api_server: ApiServer, host: Host, placement: Placement
) -> None:
    boot(api_server, host)

    devices = {
        each["address"]: each["status"] for each in api_server.client().get("/busway/v1/devices").json()["devices"]
    }
    for provider in placement.get("/resource_providers")["resource_providers"][1:]:
        used = placement.get(f"/resource_providers/{provider['uuid']}/usages")["usages"][GPU]
        status = devices[provider["name"].removeprefix("host1_").lower()]
        assert used == (status != "available"), provider["name"]


def test_candidates_are_the_free_devices(api_server: ApiServer, host: Host, placement: Placement) -> None:
    asked = {"resources": "VCPU:1,MEMORY_MB:64", "resources1": f"{GPU}:1", "group_policy": "none"}
    free = placement.get("/allocation_candidates", **asked)

    boot(api_server, host)
    left = placement.get("/allocation_candidates", **asked)

    root = placement.provider("host1")["uuid"]
    assert (len(free["allocation_requests"]), len(left["allocation_requests"])) == (2, 1)
    [only] = left["allocation_requests"]
    assert only["allocations"][root] == {"resources": {"VCPU": 1, "MEMORY_MB": 64}}
    assert only["mappings"][""] == [root]
    assert left["provider_summaries"][only["mappings"]["1"][0]]["resources"][GPU] == {"capacity": 1, "used": 0}
    assert len(left["provider_summaries"]) == 3
    assert placement.get("/allocation_candidates", limit="1", resources="VCPU:1")["allocation_requests"] != []


@pytest.mark.parametrize(
    ("version", "params", "status"),
    [
        ("1.9", {"resources": "VCPU:1"}, 404),
        ("1.10", {"resources": "VCPU:1"}, 200),
        ("1.15", {"resources": "VCPU:1", "limit": "1"}, 400),
        ("1.16", {"resources": "VCPU:1", "required": "OWNER_NOVA"}, 400),
        ("1.24", {"resources1": "VCPU:1"}, 400),
        ("1.25", {"resources1": "VCPU:1", "resources2": "VCPU:1"}, 400),
        ("1.25", {"resources1": "VCPU:1", "resources2": "VCPU:1", "group_policy": "none"}, 200),
        ("1.32", {"resources_A": "VCPU:1"}, 400),
        ("1.33", {"resources_A": "VCPU:1"}, 200),
        ("1.35", {"resources": "VCPU:1", "required_A": "OWNER_NOVA"}, 400),
        ("1.38", {"resources": "VCPU:1", "required": "in:OWNER_NOVA,COMPUTE_NODE"}, 400),
        ("1.39", {"resources": "VCPU:1", "required": "in:OWNER_NOVA,COMPUTE_NODE"}, 200),
        ("1.39", {"resources": "VCPU:0"}, 400),
        ("1.39", {"resources": "CUSTOM_NOTHING:1"}, 400),
        ("1.39", {"resources": "VCPU:1", "required": "CUSTOM_NOTHING"}, 400),
        ("1.39", {"resources": "VCPU:1", "required": "OWNER_NOVA,!OWNER_NOVA"}, 400),
        ("1.39", {"resources": "VCPU:1", "member_of": "x"}, 400),
        ("1.39", {"resources": "VCPU:1", "in_tree": "x"}, 400),
        ("1.39", {"resources": "VCPU:1", "same_subtree": "_A"}, 400),
        ("1.39", {"required": "OWNER_NOVA"}, 400),
        ("1.39", {"resources": "VCPU:1", "colour": "red"}, 400),
    ],
)
def test_a_query_is_understood_at_its_version_or_refused(
    api_server: ApiServer, host: Host, version: str, params: dict[str, str], status: int
) -> None:
    answer = Placement(api_server, version).ask("GET", "/allocation_candidates", **params)

    assert answer.status_code == status, answer.text


def test_lists_are_filtered(api_server: ApiServer, placement: Placement) -> None:
    api_server.host("host2")
    aggregate = api_server.client(version="2.41").post("/compute/v2.1/os-aggregates", json={"aggregate": {"name": "a"}})
    number, uuid = aggregate.json()["aggregate"]["id"], aggregate.json()["aggregate"]["uuid"]
    add = {"add_host": {"host": "host2"}}
    api_server.client().post(f"/compute/v2.1/os-aggregates/{number}/action", json=add).raise_for_status()
    second = placement.provider("host2")

    def names(**params: str) -> list[str]:
        return [each["name"] for each in placement.get("/resource_providers", **params)["resource_providers"]]

    assert names(member_of=uuid) == ["host2"]
    assert names(member_of=f"!{uuid}", resources="VCPU:1") == ["host1"]
    assert names(in_tree=second["uuid"]) == ["host2", "host2_0000:41:00.0"]
    assert names(uuid=second["uuid"]) == ["host2"]
    assert names(required="COMPUTE_MANAGED_PCI_DEVICE", resources=f"{GPU}:1", in_tree=second["uuid"]) == [
        "host2_0000:41:00.0"
    ]
    assert names(resources="VCPU:17") == []
    assert names(in_tree="00000000-0000-4000-8000-000000000000") == []
    assert placement.get(f"/resource_providers/{second['uuid']}/aggregates")["aggregates"] == [uuid]
    assert Placement(api_server, "1.13").ask("GET", "/resource_providers", in_tree=second["uuid"]).status_code == 400


def test_traits_of_a_host_decide_where_servers_go(api_server: ApiServer, host: Host, placement: Placement) -> None:
    api_server.host("host2")
    first = placement.provider("host1")
    path = f"/resource_providers/{first['uuid']}/traits"
    client = api_server.client()

    assert placement.ask("PUT", "/traits/CUSTOM_NVLINK").status_code == 201
    assert placement.ask("PUT", "/traits/CUSTOM_NVLINK").status_code == 204
    stale = {"traits": ["CUSTOM_NVLINK"], "resource_provider_generation": first["generation"] - 1}
    assert placement.ask("PUT", path, stale).json()["errors"][0]["code"] == "placement.concurrent_update"
    given = placement.ask("PUT", path, stale | {"resource_provider_generation": first["generation"]})
    assert (given.status_code, given.json()["traits"]) == (200, ["COMPUTE_NODE", "CUSTOM_NVLINK", "OWNER_NOVA"])
    assert given.json()["resource_provider_generation"] > first["generation"]
    assert placement.ask("DELETE", "/traits/CUSTOM_NVLINK").status_code == 409
    for word, hosts in (("required", {"host1"}), ("forbidden", {"host2"})):
        specs = {"extra_specs": {"trait:CUSTOM_NVLINK": word}}
        client.post("/compute/v2.1/flavors/1/os-extra_specs", json=specs).raise_for_status()
        servers = [create(client, api_server.image(f"{word}{n}")).json()["server"]["id"] for n in range(3)]
        place_round(api_server.control)
        shown = [client.get(f"/compute/v2.1/servers/{each}").json()["server"] for each in servers]
        assert {each["OS-EXT-SRV-ATTR:host"] for each in shown} == hosts
    assert (
        client.post("/compute/v2.1/flavors/1/os-extra_specs", json={"extra_specs": {"trait:X": "maybe"}}).status_code
        == 400
    )
    assert placement.ask("DELETE", path).status_code == 204
    assert placement.ask("DELETE", "/traits/CUSTOM_NVLINK").status_code == 204


def test_traits_of_an_image_decide_where_servers_go(api_server: ApiServer, host: Host, placement: Placement) -> None:
    api_server.host("host2")
    first, client = placement.provider("host1"), api_server.client()
    placement.ask("PUT", "/traits/CUSTOM_NVLINK").raise_for_status()
    given = {"traits": ["CUSTOM_NVLINK"], "resource_provider_generation": first["generation"]}
    placement.ask("PUT", f"/resource_providers/{first['uuid']}/traits", given).raise_for_status()

    for word, hosts in (("required", {"host1"}), ("forbidden", {"host2"})):
        image = api_server.image(word, **{"trait:CUSTOM_NVLINK": word})
        servers = [create(client, image).json()["server"]["id"] for _ in range(3)]
        place_round(api_server.control)
        shown = [client.get(f"/compute/v2.1/servers/{each}").json()["server"] for each in servers]
        assert {each["OS-EXT-SRV-ATTR:host"] for each in shown} == hosts


def test_a_device_is_held_back_by_reserving_it_and_let_go(
    api_server: ApiServer, host: Host, placement: Placement
) -> None:
    card = placement.provider("host1_0000:41:00.0")
    path = f"/resource_providers/{card['uuid']}/inventories/{GPU}"
    asked = {"resources1": f"{GPU}:1"}

    held = placement.ask("PUT", path, {"total": 1, "reserved": 1, "resource_provider_generation": card["generation"]})
    left = placement.get("/allocation_candidates", **asked)["allocation_requests"]
    host.report()
    device = api_server.client().get("/busway/v1/devices/host1:0000:41:00.0").json()["device"]["device"]
    now = placement.provider("host1_0000:41:00.0")["generation"]
    freed = placement.ask("PUT", path, {"total": 1, "reserved": 0, "resource_provider_generation": now})

    assert (held.status_code, held.json()["reserved"]) == (200, 1)
    assert len(left) == 1
    assert (device["status"], device["reason"]) == ("quarantined", "held back by admin")
    assert (freed.status_code, freed.json()["reserved"]) == (200, 0)
    assert len(placement.get("/allocation_candidates", **asked)["allocation_requests"]) == 2


def test_what_a_server_has_is_not_held_back(api_server: ApiServer, host: Host, placement: Placement) -> None:
    boot(api_server, host, gpus=2)
    card = placement.provider("host1_0000:41:00.0")

    answer = placement.ask(
        "PUT",
        f"/resource_providers/{card['uuid']}/inventories",
        {"inventories": {GPU: {"total": 1, "reserved": 1}}, "resource_provider_generation": card["generation"]},
    )

    assert (answer.status_code, "before the server is gone" in answer.text) == (409, True)


def test_the_traits_of_a_device_are_those_of_its_device_spec(api_server: ApiServer, placement: Placement) -> None:
    card = placement.provider("host1_0000:41:00.0")
    wanted = {"traits": [], "resource_provider_generation": card["generation"]}

    answer = placement.ask("PUT", f"/resource_providers/{card['uuid']}/traits", wanted)

    assert answer.status_code == 409, answer.text
    assert "What to do" in answer.json()["errors"][0]["detail"]


def test_others_than_admins_see_the_usage_of_their_own_project_alone(api_server: ApiServer, host: Host) -> None:
    ann = Placement(api_server, token=api_server.user("ann"))
    mine = api_server.client().get("/identity/v3/projects", params={"name": "ann"}).json()["projects"][0]["id"]

    assert ann.ask("GET", "/usages", project_id=mine).json() == {"usages": {}}
    assert ann.ask("GET", "/usages", project_id="other").status_code == 403
    for path in ("/resource_providers", "/traits", "/resource_classes", "/allocation_candidates", "/allocations/x"):
        assert ann.ask("GET", path).status_code == 403


def test_placement_is_in_the_catalogue(api_server: ApiServer) -> None:
    catalog = api_server.client().get("/identity/v3/auth/catalog").json()["catalog"]
    [service] = [each for each in catalog if each["type"] == "placement"]

    assert service["endpoints"][0]["url"] == f"{api_server.url}/placement"
