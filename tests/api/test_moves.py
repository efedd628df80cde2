"""The actions that rebuild, resize, move and shelve servers, over HTTP with Nova's bodies and answers."""

import threading
from typing import Any

import httpx
import pytest

from busway.api.compute import server_moves
from busway.control.placement.place import place_round
from tests.api.serving import ApiServer, as_agent

ROOT = "/compute/v2.1/servers"


class Acting:
    """A client of one server with its host."""

    def __init__(self, api_server: ApiServer, hosts: int = 1) -> None:
        self.api = api_server
        self.hosts = [api_server.host(f"host{number}") for number in range(1, hosts + 1)]
        self.client = api_server.client(version="2.95")
        specs = {"extra_specs": {"pci_passthrough:alias": "a1:1"}}
        for flavor in ("1", "2"):
            self.client.post(f"/compute/v2.1/flavors/{flavor}/os-extra_specs", json=specs).raise_for_status()
        self.image = api_server.image()
        body = {"name": "s1", "imageRef": self.image, "flavorRef": "1", "networks": "none"}
        self.id = self.client.post(ROOT, json={"server": body}).json()["server"]["id"]
        place_round(api_server.control)
        self.settle()

    def settle(self) -> None:
        for _ in range(3):
            for host in self.hosts:
                host.obey()

    def act(self, body: dict[str, Any], version: str = "2.95", token: str | None = None) -> httpx.Response:
        with self.api.client(token, version) as client:
            return client.post(f"{ROOT}/{self.id}/action", json=body)

    def server(self) -> dict[str, Any]:
        return dict(self.client.get(f"{ROOT}/{self.id}").json()["server"])

    def status(self) -> tuple[str, str]:
        server = self.server()
        return server["status"], server["OS-EXT-STS:vm_state"]


def test_a_resize_is_verified_and_confirmed(api_server: ApiServer) -> None:
    acting = Acting(api_server)
    assert acting.act({"resize": {"flavorRef": "2", "OS-DCF:diskConfig": "AUTO"}}).status_code == 202
    assert acting.status() == ("RESIZE", "active")
    assert acting.server()["OS-DCF:diskConfig"] == "AUTO"
    acting.settle()
    assert acting.status() == ("VERIFY_RESIZE", "resized")
    assert acting.act({"confirmResize": None}).status_code == 204
    assert acting.status() == ("ACTIVE", "active")
    assert acting.server()["flavor"]["original_name"] == "m1.small"


def _gone_from_the_first(acting: Acting) -> None:
    """The server is on the second host, and the first one has not told yet that nothing of it is left."""
    assert acting.act({"migrate": None}).status_code == 202
    acting.settle()
    assert acting.act({"confirmResize": None}).status_code == 204
    assert acting.status() == ("ACTIVE", "active")


def test_a_migration_back_begins_once_the_first_host_has_let_go(api_server: ApiServer) -> None:
    acting = Acting(api_server, hosts=2)
    first = acting.server()["OS-EXT-SRV-ATTR:host"]
    _gone_from_the_first(acting)
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(acting.act({"migrate": None}).status_code))
    asking.start()

    acting.settle()
    asking.join(30)

    assert answers == [202]
    acting.settle()
    assert acting.server()["OS-EXT-SRV-ATTR:host"] == first


def test_a_migration_back_is_refused_where_the_first_host_does_not_let_go(
    api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_moves, "_LETTING_GO_SECONDS", 0.2)
    acting = Acting(api_server, hosts=2)
    _gone_from_the_first(acting)

    answer = acting.act({"migrate": None})

    assert answer.status_code == 409
    assert "still being removed from its previous host" in answer.text


def test_a_migration_is_reverted_and_both_are_in_the_list_of_migrations(api_server: ApiServer) -> None:
    acting = Acting(api_server, hosts=2)
    first = acting.server()["OS-EXT-SRV-ATTR:host"]
    assert acting.act({"migrate": {"host": "host2" if first == "host1" else "host1"}}).status_code == 202
    acting.settle()
    assert acting.server()["OS-EXT-SRV-ATTR:host"] != first
    assert acting.act({"revertResize": None}).status_code == 202
    assert acting.status() == ("REVERT_RESIZE", "resized")
    acting.settle()
    assert acting.status() == ("ACTIVE", "active")
    assert acting.server()["OS-EXT-SRV-ATTR:host"] == first
    [told] = acting.client.get("/compute/v2.1/os-migrations", params={"instance_uuid": acting.id}).json()["migrations"]
    assert (told["status"], told["migration_type"], told["source_compute"]) == ("reverted", "migration", first)
    assert acting.client.get("/compute/v2.1/os-migrations?status=confirmed").json() == {"migrations": []}
    with api_server.client() as old:
        [row] = old.get("/compute/v2.1/os-migrations").json()["migrations"]
    assert not {"uuid", "migration_type", "user_id"} & set(row)


def test_a_projects_manager_reads_its_moves_without_the_hosts(api_server: ApiServer) -> None:
    acting = Acting(api_server, hosts=2)
    assert acting.act({"migrate": None}).status_code == 202
    acting.settle()
    user = acting.client.post("/identity/v3/users", json={"user": {"name": "boss", "password": "pw"}}).json()["user"]
    [role] = acting.client.get("/identity/v3/roles", params={"name": "manager"}).json()["roles"]
    project = acting.server()["tenant_id"]
    acting.client.put(f"/identity/v3/projects/{project}/users/{user['id']}/roles/{role['id']}").raise_for_status()

    boss = api_server.client(api_server.token("boss", "pw", "admin"), "2.95")
    [told] = boss.get("/compute/v2.1/os-migrations").json()["migrations"]

    hosts = ("source_compute", "source_node", "dest_compute", "dest_node", "dest_host")
    assert [told[name] for name in hosts] == [None] * 5


def test_a_rebuild_answers_with_the_server(api_server: ApiServer) -> None:
    acting = Acting(api_server)
    other = api_server.image("new2")
    answer = acting.act({"rebuild": {"imageRef": other, "name": "s2", "metadata": {"a": "b"}, "description": "again"}})
    assert answer.status_code == 202
    told = answer.json()["server"]
    assert (told["status"], told["name"], told["image"]["id"], told["metadata"]) == ("REBUILD", "s2", other, {"a": "b"})
    assert told["adminPass"]
    acting.settle()
    assert acting.status() == ("ACTIVE", "active")
    assert acting.act({"rebuild": {"imageRef": "nowhere"}}).status_code == 400


def test_shelving_offloads_and_unshelving_places_anew(api_server: ApiServer) -> None:
    acting = Acting(api_server)
    assert acting.act({"shelve": None}).status_code == 202
    acting.settle()
    assert acting.status() == ("SHELVED_OFFLOADED", "shelved_offloaded")
    assert acting.act({"unshelve": {"host": "host1"}}).status_code == 202
    acting.settle()
    assert acting.status() == ("ACTIVE", "active")


@pytest.mark.parametrize(("version", "answer"), [("2.13", {"adminPass"}), ("2.95", None)])
def test_an_evacuation_needs_a_host_that_is_down(api_server: ApiServer, version: str, answer: set[str] | None) -> None:
    acting = Acting(api_server, hosts=2)
    body = {"evacuate": {"onSharedStorage": False} if version == "2.13" else {}}
    refused = acting.act(body, version)
    assert refused.status_code == 400
    assert "still in use" in refused.json()["badRequest"]["message"]
    if version == "2.13":
        assert acting.act({"evacuate": {"onSharedStorage": "True"}}, version).status_code == 501
    from datetime import timedelta

    first = acting.server()["OS-EXT-SRV-ATTR:host"]
    api_server.clock.ahead += timedelta(seconds=60)
    [other] = [host for host in acting.hosts if host.name != first]
    other.obey()
    done = acting.act(body, version)
    assert done.status_code == 200
    assert (set(done.json()) if done.content else None) == answer
    other.obey()
    assert acting.server()["OS-EXT-SRV-ATTR:host"] == other.name
    assert acting.status()[0] == ("SHUTOFF" if version == "2.95" else "ACTIVE")


@pytest.mark.parametrize("version", ["2.44", "2.45"])
def test_an_image_of_a_server_is_told_as_its_microversion_has_it(api_server: ApiServer, version: str) -> None:
    acting = Acting(api_server)
    acting.act({"os-stop": None})
    acting.settle()
    answer = acting.act({"createImage": {"name": "snap", "metadata": {"a": "b"}}}, version)
    assert answer.status_code == 202
    image_id = answer.json()["image_id"] if version == "2.45" else answer.headers["location"].rpartition("/")[2]
    acting.settle()
    image = acting.client.get(f"/image/v2/images/{image_id}").json()
    assert (image["status"], image["name"], image["a"]) == ("active", "snap", "b")


@pytest.mark.parametrize(
    ("body", "version"),
    [
        ({"resize": {}}, "2.1"),
        ({"resize": {"flavorRef": "nowhere"}}, "2.1"),
        ({"resize": {"flavorRef": "1"}}, "2.1"),
        ({"resize": {"flavorRef": "2", "more": 1}}, "2.1"),
        ({"migrate": {"hosts": "x"}}, "2.56"),
        ({"evacuate": {}}, "2.1"),
        ({"evacuate": {"force": True}}, "2.68"),
        ({"rebuild": {}}, "2.1"),
        ({"rebuild": {"imageRef": "x", "user_data": "eA=="}}, "2.56"),
        ({"rebuild": {"imageRef": "x", "personality": []}}, "2.57"),
        ({"createImage": {"metadata": {}}}, "2.1"),
        ({"unshelve": {}}, "2.77"),
    ],
)
def test_a_body_that_nova_refuses_is_refused(api_server: ApiServer, body: dict[str, Any], version: str) -> None:
    acting = Acting(api_server)
    assert acting.act(body, version).status_code == 400


@pytest.mark.parametrize("body", [{"migrate": None}, {"evacuate": {}}, {"shelveOffload": None}])
def test_what_is_for_admins_is_refused_to_others(api_server: ApiServer, body: dict[str, Any]) -> None:
    acting = Acting(api_server)
    assert acting.act(body, token=api_server.user("ann")).status_code == 403


def test_a_disk_is_taken_from_its_own_host_only(api_server: ApiServer) -> None:
    acting = Acting(api_server, hosts=2)
    acting.act({"shelve": None})
    here = next(host for host in acting.hosts if host.desired().servers)
    image = here.desired().servers[0].upload
    known = {host.name: as_agent(api_server, host.name, rotate=True) for host in acting.hosts}
    for host in acting.hosts:
        path = f"/agent/v1/hosts/{host.name}/servers/{acting.id}/disks/{image}"
        with httpx.Client(base_url=api_server.url) as agent:
            answer = agent.put(path, content=b"not a disk", headers=known[host.name])
        assert answer.status_code == (400 if host is here else 403)
