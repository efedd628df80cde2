"""The stock clients, unmodified, in an environment of their own: BUSWAY_CLIENTS_BIN, or .venv-clients/bin."""

import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from busway.control.identity.directory import clouds_yaml
from busway.control.placement.place import place_round
from busway.domain.ids import ServerId
from tests.api.serving import PASSWORD, ApiServer
from tests.api.test_images import qcow2
from tests.api.test_keypairs import PUBLIC
from tests.control.clouds import Host

ROOT = Path(__file__).parents[2]
BIN = Path(os.environ.get("BUSWAY_CLIENTS_BIN", ROOT / ".venv-clients" / "bin"))
newer = pytest.mark.skipif(
    BIN.parent.name == ".venv-client-debian", reason="Debian 12's clients lack some options of it"
)

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not (BIN / "openstack").exists(), reason=f"needs the stock clients in {BIN}"),
]


class Clients:
    """Both command lines as the admin of a cloud."""

    def __init__(self, server: ApiServer, folder: Path) -> None:
        clouds = folder / "clouds.yaml"
        clouds.write_text(clouds_yaml(server.url, PASSWORD))
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("OS_", "PYTHON"))}
        self._openstack = {**plain, "OS_CLIENT_CONFIG_FILE": str(clouds), "OS_CLOUD": "busway"}
        self._nova = {
            **plain,
            "OS_AUTH_URL": f"{server.url}/identity",
            "OS_USERNAME": "admin",
            "OS_PASSWORD": PASSWORD,
            "OS_PROJECT_NAME": "admin",
            "OS_USER_DOMAIN_ID": "default",
            "OS_PROJECT_DOMAIN_ID": "default",
        }

    def become(self, user: str, password: str, domain: str) -> None:
        """From now on everything is done by a user of a domain, with a token for it."""
        whose = {"OS_USERNAME": user, "OS_PASSWORD": password, "OS_USER_DOMAIN_NAME": domain, "OS_DOMAIN_NAME": domain}
        kept = {name: value for name, value in self._openstack.items() if not name.startswith("OS_")}
        url = self._nova["OS_AUTH_URL"]
        self._openstack = {**kept, **whose, "OS_AUTH_URL": url, "OS_IDENTITY_API_VERSION": "3"}

    def openstack(self, *words: object) -> str:
        return _run("openstack", words, self._openstack)

    def read(self, *words: object) -> Any:
        return json.loads(self.openstack(*words, "-f", "json"))

    def refused(self, *words: object) -> str:
        done = _start("openstack", words, self._openstack)
        assert done.returncode != 0
        return done.stderr

    def python(self, code: str) -> str:
        """Runs a program of the SDK."""
        return _run("python", ("-c", code), self._openstack)

    def nova(self, *words: object) -> str:
        return _run("nova", words, self._nova)


def _start(program: str, words: tuple[object, ...], env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [str(BIN / program), *map(str, words)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def _run(program: str, words: tuple[object, ...], env: dict[str, str]) -> str:
    done = _start(program, words, env)
    assert done.returncode == 0, f"{program} {words}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
def clients(api_server: ApiServer, tmp_path: Path) -> Clients:
    return Clients(api_server, tmp_path)


def test_flavors_are_created_and_given_devices(clients: Clients) -> None:
    clients.openstack("flavor", "create", "--ram", 512, "--vcpus", 1, "--disk", 1, "gpu1")
    clients.openstack("flavor", "set", "--property", "pci_passthrough:alias=a1:1", "gpu1")

    refusal = clients.refused("flavor", "set", "--property", "pci_passthrough:alias=a1:0", "gpu1")

    assert clients.read("flavor", "show", "gpu1")["properties"] == {"pci_passthrough:alias": "a1:1"}
    assert [row["Name"] for row in clients.read("flavor", "list")][-1] == "gpu1"
    assert "What to do: Set it like pci_passthrough:alias=a1:1" in refusal
    clients.nova("flavor-key", "m1.small", "set", "pci_passthrough:alias=a1:2")
    assert '"pci_passthrough:alias": "a1:2"' in clients.nova("flavor-show", "m1.small")


def test_key_pairs_are_imported_and_generated(clients: Clients, tmp_path: Path) -> None:
    public = tmp_path / "key.pub"
    public.write_text(PUBLIC)

    clients.openstack("keypair", "create", "--public-key", public, "one")
    private = clients.openstack("keypair", "create", "two")

    assert "OPENSSH PRIVATE KEY" in private
    assert [row["Name"] for row in clients.read("keypair", "list")] == ["one", "two"]
    assert "one" in clients.nova("keypair-list")
    clients.openstack("keypair", "delete", "one")


def test_images_are_uploaded_listed_changed_and_saved(clients: Clients, tmp_path: Path) -> None:
    source, copy = tmp_path / "new1.qcow2", tmp_path / "copy"
    source.write_bytes(qcow2())

    clients.openstack("image", "create", "--file", source, "--disk-format", "qcow2", "--public", "new1")
    made = clients.read("image", "show", "new1")
    clients.openstack("image", "set", "--property", "os=linux", "new1")
    clients.openstack("image", "save", "--file", copy, "new1")
    wrong = clients.refused("image", "create", "--file", source, "--disk-format", "raw", "wrong")

    assert (made["status"], str(1 << 30) in str(made)) == ("active", True)
    assert clients.read("image", "show", "new1")["properties"]["os"] == "linux"
    assert copy.read_bytes() == source.read_bytes()
    assert "--disk-format qcow2" in wrong
    clients.openstack("image", "delete", "new1")
    assert clients.read("image", "list") == []


def test_networks_are_read(clients: Clients) -> None:
    assert [row["Name"] for row in clients.read("network", "list")] == ["private"]
    unique_local = clients.read("subnet", "show", "private-v6")["cidr"]
    assert clients.read("network", "show", "private")["status"] == "ACTIVE"
    assert [row["Subnet"] for row in clients.read("subnet", "list")] == ["10.66.0.0/24", unique_local]
    assert [row["Name"] for row in clients.read("security", "group", "list")] == ["default"]
    assert clients.read("port", "list") == []


def test_the_sdk_changes_a_network_that_nobody_has_changed(clients: Clients) -> None:
    clients.openstack("network", "create", "web")
    code = """
import openstack
cloud = openstack.connect(cloud='busway').network
read = cloud.find_network('web')
now = cloud.update_network(read.id, description='ours', if_revision=read.revision_number)
assert now.description == 'ours' and now.revision_number > read.revision_number
for change in (cloud.update_network, cloud.delete_network):
    try:
        change(read.id, if_revision=read.revision_number, **({'name': 'x'} if change == cloud.update_network else {}))
    except openstack.exceptions.PreconditionFailedException:
        print('refused')
cloud.delete_network(read.id, if_revision=now.revision_number)
print(cloud.find_network('web'))
"""

    assert clients.python(code).split() == ["refused", "refused", "None"]


def test_the_sdk_lives_without_routers_and_floating_addresses(clients: Clients) -> None:
    code = "import openstack; cloud = openstack.connect(cloud='busway'); print(cloud.list_floating_ips())"

    found = clients.python(code)
    refusal = clients.refused("router", "list")

    assert found.strip() == "[]"
    assert "the extension router is not loaded" in refusal


def test_placement_is_read_by_its_own_commands(clients: Clients, api_server: ApiServer) -> None:
    host = api_server.host(count=2)
    image = api_server.image("new1")
    clients.openstack("flavor", "set", "--property", "pci_passthrough:alias=a1:1", "m1.tiny")
    made = clients.read("server", "create", "--image", image, "--flavor", "m1.tiny", "s1")
    place_round(api_server.control)
    host.report([ServerId(made["id"])])
    [root, first, second] = clients.read("resource", "provider", "list")

    newest = ("--os-placement-api-version", "1.39")
    sizes = {
        row["resource_class"]: row["used"]
        for row in clients.read("resource", "provider", "inventory", "list", root["uuid"])
    }
    shown = clients.read("resource", "provider", "show", "--allocations", root["uuid"])
    gpu = clients.read("resource", "provider", "inventory", "show", second["uuid"], "CUSTOM_PCI_1234_1111")
    taken = clients.read("resource", "provider", "allocation", "show", made["id"])
    usage = clients.read("resource", "usage", "show", made["project_id"])
    free = clients.read("allocation", "candidate", "list", "--resource", "CUSTOM_PCI_1234_1111=1")

    assert [first["name"], second["name"]] == ["host1_0000:41:00.0", "host1_0000:42:00.0"]
    assert (sizes["VCPU"], gpu["total"], list(shown["allocations"])) == (1, 1, [made["id"]])
    assert {row["resource_provider"] for row in taken} == {root["uuid"], first["uuid"]}
    assert {row["resource_class"]: row["usage"] for row in usage}["CUSTOM_PCI_1234_1111"] == 1
    assert len(free) == 1
    for words in ("usage show {}", "trait list {}", "aggregate list {}"):
        clients.read(*newest, "resource", "provider", *words.format(root["uuid"]).split())
    assert {"CUSTOM_PCI_1234_1111"} <= {row["name"] for row in clients.read("resource", "class", "list")}
    assert clients.read("resource", "class", "show", "VCPU")["name"] == "VCPU"


def test_a_host_is_given_a_trait_by_placements_commands(clients: Clients, api_server: ApiServer) -> None:
    api_server.host()
    [root, _card] = clients.read("resource", "provider", "list")

    clients.openstack("trait", "create", "CUSTOM_NVLINK")
    given = clients.read("resource", "provider", "trait", "set", "--trait", "CUSTOM_NVLINK", root["uuid"])
    refusal = clients.refused("resource", "provider", "delete", root["uuid"])

    assert "CUSTOM_NVLINK" in [row["name"] for row in given]
    assert clients.read("trait", "show", "CUSTOM_NVLINK")["name"] == "CUSTOM_NVLINK"
    assert "CUSTOM_NVLINK" in [row["name"] for row in clients.read("trait", "list", "--associated")]
    assert "busway host delete host1" in refusal
    clients.openstack("resource", "provider", "trait", "delete", root["uuid"])
    clients.openstack("trait", "delete", "CUSTOM_NVLINK")


def test_a_server_lives_from_create_to_delete(clients: Clients, api_server: ApiServer) -> None:
    host = api_server.host()
    api_server.image("new1")

    made = clients.read("server", "create", "--image", "new1", "--flavor", "m1.tiny", "s1")
    place_round(api_server.control)
    host.report([ServerId(made["id"])])

    assert clients.read("server", "list")[0]["Status"] == "ACTIVE"
    assert clients.read("server", "show", "s1")["OS-EXT-SRV-ATTR:host"] == "host1"
    assert "private=10.66.0.10, fd" in clients.nova("list")
    assert clients.read("server", "event", "list", "s1")[0]["Action"] == "create"
    clients.openstack("server", "pause", "s1")
    host.obey()
    assert clients.read("server", "show", "s1")["status"] == "PAUSED"
    clients.openstack("server", "unpause", "s1")
    host.obey()
    clients.openstack("server", "suspend", "s1")
    host.obey()
    assert clients.read("server", "show", "s1")["status"] == "SUSPENDED"
    clients.openstack("server", "resume", "s1")
    host.obey()
    clients.openstack("server", "stop", "s1")
    host.obey()
    clients.openstack("server", "backup", "create", "--name", "s1-daily", "--type", "daily", "--rotate", "1", "s1")
    host.obey()
    assert clients.read("image", "show", "s1-daily")["status"] == "active"
    clients.openstack("server", "delete", "s1")
    host.report()
    assert clients.read("server", "list") == []


@newer
def test_server_groups_keep_servers_apart(clients: Clients, api_server: ApiServer) -> None:
    for name in ("host1", "host2"):
        api_server.host(name)
    api_server.image("new1")
    rule = ("--policy", "anti-affinity", "--rule", "max_server_per_host=1")
    group = clients.read("server", "group", "create", *rule, "g")

    create = ("server", "create", "--image", "new1", "--flavor", "m1.tiny", "--server-group", "g")
    made = [clients.read(*create, name)["id"] for name in ("s1", "s2")]
    place_round(api_server.control)

    shown = clients.read("server", "group", "show", "g")
    assert (shown["id"], shown["policy"], shown["members"]) == (group["id"], "anti-affinity", made)
    hosts = {clients.read("server", "show", each)["OS-EXT-SRV-ATTR:host"] for each in made}
    assert hosts == {"host1", "host2"}
    assert clients.read("server", "group", "list")[0]["Policy"] == "anti-affinity"
    clients.openstack("server", "group", "delete", "g")
    assert "anti-affinity" not in clients.nova("server-group-list")


def test_aggregates_make_availability_zones(clients: Clients, api_server: ApiServer) -> None:
    for name in ("host1", "host2"):
        api_server.host(name)
    api_server.image("new1")
    clients.openstack("aggregate", "create", "--zone", "east", "--property", "gpu=h100", "racks")
    clients.openstack("aggregate", "add", "host", "racks", "host2")
    boot = ("server", "create", "--image", "new1", "--flavor", "m1.tiny", "--availability-zone", "east", "s1")
    made = clients.read(*boot)
    place_round(api_server.control)

    shown = clients.read("aggregate", "show", "racks")
    assert (shown["availability_zone"], shown["hosts"], shown["properties"]) == ("east", ["host2"], {"gpu": "h100"})
    zones = {row["Zone Name"] for row in clients.read("availability", "zone", "list", "--compute")}
    assert zones == {"east", "nova"}
    assert clients.read("server", "show", made["id"])["OS-EXT-AZ:availability_zone"] == "east"
    assert "has 1 servers" in clients.refused("aggregate", "remove", "host", "racks", "host2")
    clients.openstack("aggregate", "set", "--name", "rows", "--property", "gpu=a100", "racks")
    clients.openstack("aggregate", "unset", "--property", "gpu", "rows")
    assert "rows" in clients.nova("aggregate-list")


@newer
def test_quotas_are_set_and_held(clients: Clients, api_server: ApiServer) -> None:
    api_server.image("new1")
    clients.openstack("quota", "set", "--instances", 1, "--cores", 4, "admin")
    clients.openstack("server", "create", "--image", "new1", "--flavor", "m1.tiny", "s1")

    refusal = clients.refused("server", "create", "--image", "new1", "--flavor", "m1.tiny", "s2")
    shown = {row["Resource"]: row["Limit"] for row in clients.read("quota", "show", "admin")}
    used = {row["Resource"]: row for row in clients.read("quota", "show", "--usage", "admin")}
    limits = {row["Name"]: row["Value"] for row in clients.read("limits", "show", "--absolute")}

    assert "Quota exceeded for instances" in refusal
    assert (shown["instances"], shown["cores"], shown["ram"]) == (1, 4, -1)
    assert used["instances"]["In Use"] == 1
    assert (limits["instances"], limits["instances_used"]) == (1, 1)
    clients.openstack("quota", "delete", "--compute", "admin")
    clients.openstack("server", "create", "--image", "new1", "--flavor", "m1.tiny", "s2")
    assert "instances" in clients.nova("quota-show")


@pytest.mark.parametrize(
    "words",
    [
        "token issue",
        "catalog list",
        "project list",
        "user list",
        "role list",
        "role assignment list --names",
        "domain list",
        "hypervisor list",
        "hypervisor stats show",
        "compute service list",
        "availability zone list",
        "quota show",
        "limits show --absolute",
        "usage list",
        "aggregate list",
        "server group list",
        "server migration list",
        "extension list",
        "versions show",
    ],
)
def test_an_operator_reads_everything(clients: Clients, words: str) -> None:
    clients.openstack(*words.split())


def _booted(clients: Clients, api_server: ApiServer, hosts: int) -> list[Host]:
    """Server s1 with a GPU on one of some hosts, and nothing else."""
    found = [api_server.host(f"host{number}") for number in range(1, hosts + 1)]
    api_server.image("new1")
    for flavor in ("m1.tiny", "m1.small"):
        clients.openstack("flavor", "set", "--property", "pci_passthrough:alias=a1:1", flavor)
    clients.openstack("server", "create", "--image", "new1", "--flavor", "m1.tiny", "s1")
    place_round(api_server.control)
    _work(found)
    return found


def _work(hosts: list[Host]) -> None:
    for _ in range(3):
        for host in hosts:
            host.obey()


def test_a_server_is_rebuilt_resized_and_reverted_on_a_full_host(clients: Clients, api_server: ApiServer) -> None:
    hosts = _booted(clients, api_server, 1)

    clients.openstack("server", "rebuild", "--image", "new1", "s1")
    _work(hosts)
    clients.openstack("server", "resize", "--flavor", "m1.small", "s1")
    _work(hosts)
    assert clients.read("server", "show", "s1")["status"] == "VERIFY_RESIZE"
    clients.nova("resize-revert", "s1")
    _work(hosts)
    clients.nova("resize", "s1", "m1.small")
    _work(hosts)
    clients.openstack("server", "resize", "confirm", "s1")

    shown = clients.read("server", "show", "s1")
    assert (shown["status"], "m1.small" in str(shown["flavor"])) == ("ACTIVE", True)
    done = [row["Action"] for row in clients.read("server", "event", "list", "s1")]
    assert sorted(done) == sorted(["create", "rebuild", "resize", "revertResize", "resize", "confirmResize"])


def test_a_server_is_migrated_shelved_and_evacuated(clients: Clients, api_server: ApiServer) -> None:
    hosts = _booted(clients, api_server, 2)
    first = clients.read("server", "show", "s1")["OS-EXT-SRV-ATTR:host"]

    clients.openstack("server", "migrate", "s1")
    _work(hosts)
    clients.openstack("server", "migration", "confirm", "s1")
    _work(hosts)
    [row] = clients.read("--os-compute-api-version", "2.59", "server", "migration", "list")
    assert (row["Status"], row["Type"], row["Source Compute"]) == ("confirmed", "migration", first)
    clients.openstack("server", "shelve", "s1")
    _work(hosts)
    assert clients.read("server", "show", "s1")["status"] == "SHELVED_OFFLOADED"
    clients.openstack("server", "unshelve", "s1")
    _work(hosts)
    where = clients.read("server", "show", "s1")["OS-EXT-SRV-ATTR:host"]
    assert "still in use" in clients.refused("server", "evacuate", "s1")
    api_server.clock.ahead += timedelta(seconds=60)
    left = [host for host in hosts if host.name != where]
    _work(left)
    clients.nova("evacuate", "s1")
    _work(left)
    assert clients.read("server", "show", "s1")["OS-EXT-SRV-ATTR:host"] == left[0].name


def test_an_image_is_made_of_a_server(clients: Clients, api_server: ApiServer) -> None:
    hosts = _booted(clients, api_server, 1)

    clients.openstack("server", "image", "create", "--name", "snap", "s1")
    _work(hosts)
    clients.openstack("server", "stop", "s1")
    _work(hosts)
    clients.openstack("server", "image", "create", "--name", "stopped", "s1")
    _work(hosts)

    assert [clients.read("image", "show", name)["status"] for name in ("snap", "stopped")] == ["active", "active"]
