import base64
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from busway.control.placement.place import place_round
from busway.domain.grant import Fault
from busway.domain.ids import ServerId
from tests.api.serving import ApiServer
from tests.api.test_keypairs import KEYS, PUBLIC

SERVERS = "/compute/v2.1/servers"


def create(client: httpx.Client, image: str, **fields: Any) -> httpx.Response:
    server = {"name": "s1", "flavorRef": "1", "imageRef": image, **fields}
    return client.post(SERVERS, json={"server": server})


def booted(api_server: ApiServer, **fields: Any) -> str:
    """The id of a server that its host reports as running."""
    host = api_server.host()
    server = create(api_server.client(), api_server.image(), **fields).json()["server"]["id"]
    place_round(api_server.control)
    host.report([ServerId(server)])
    return str(server)


def test_a_server_as_the_stock_client_asks_for_it_becomes_active(api_server: ApiServer) -> None:
    image = api_server.image()
    client = api_server.client(version="2.100")
    host = api_server.host()
    mapping = {
        "uuid": image,
        "boot_index": 0,
        "source_type": "image",
        "destination_type": "local",
        "delete_on_termination": True,
    }
    fields = {"block_device_mapping_v2": [mapping], "networks": "auto", "min_count": 1, "max_count": 1}

    made = create(client, image, **fields)
    server = made.json()["server"]["id"]
    place_round(api_server.control)
    host.report([ServerId(server)])

    shown = client.get(f"{SERVERS}/{server}").json()["server"]
    assert made.status_code == 202 and made.headers["location"].endswith(server)
    assert (shown["status"], shown["OS-EXT-STS:vm_state"], shown["OS-EXT-STS:power_state"]) == ("ACTIVE", "active", 1)
    assert shown["OS-EXT-SRV-ATTR:host"] == "host1"
    assert shown["host_status"] == "UP"
    assert shown["addresses"]["private"][0]["addr"] == "10.66.0.10"


def test_several_servers_are_numbered_as_nova_numbers_them(api_server: ApiServer) -> None:
    create(api_server.client(), api_server.image(), name="many", min_count="2", max_count=3).raise_for_status()

    names = [server["name"] for server in api_server.client().get(SERVERS).json()["servers"]]

    assert sorted(names) == ["many-1", "many-2", "many-3"]


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"flavorRef": "nope"}, "Flavor nope could not be found"),
        ({"imageRef": "00000000-0000-4000-8000-000000000000"}, "Image 00000000"),
        ({"imageRef": ""}, "imageRef"),
        ({"key_name": "nokey"}, "Key pair 'nokey' not found"),
        ({"name": ""}, "name"),
        ({"networks": [{"uuid": "00000000-0000-4000-8000-000000000000"}]}, "could not be found"),
        ({"user_data": "not base64!"}, "base64"),
        ({"min_count": 3, "max_count": 2}, "min_count"),
        ({"availability_zone": "mars"}, "There is no zone mars"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_can_not_be_had_is_a_bad_request_that_says_why(
    api_server: ApiServer, fields: dict[str, Any], word: str
) -> None:
    answer = create(api_server.client(), api_server.image(), **fields)

    assert answer.status_code == 400
    assert word in answer.json()["badRequest"]["message"]


def test_an_alias_that_is_not_defined_is_refused_at_boot(api_server: ApiServer) -> None:
    client = api_server.client()
    specs = {"extra_specs": {"pci_passthrough:alias": "later:1"}}
    client.post("/compute/v2.1/flavors/1/os-extra_specs", json=specs).raise_for_status()

    answer = create(client, api_server.image())

    assert answer.status_code == 400
    assert "PCI alias later is not defined" in answer.json()["badRequest"]["message"]


def test_a_volume_is_refused_by_name(api_server: ApiServer) -> None:
    mapping = {"uuid": "x", "source_type": "volume", "destination_type": "volume", "boot_index": 0}

    answer = create(api_server.client(), "", block_device_mapping_v2=[mapping])

    assert answer.status_code == 501 and "no volumes" in answer.json()["notImplemented"]["message"]


@pytest.mark.parametrize(("more", "status"), [({"disk_bus": "scsi"}, 501), ({"uuid": "another"}, 400), ({}, 202)])
def test_what_a_block_device_asks_for_is_done_or_refused(
    api_server: ApiServer, more: dict[str, str], status: int
) -> None:
    image = api_server.image()
    mapping = {"uuid": image, "source_type": "image", "destination_type": "local", "boot_index": 0, **more}

    answer = create(api_server.client(), image, block_device_mapping_v2=[mapping])

    assert answer.status_code == status


@pytest.mark.parametrize("spelling", ["os:scheduler_hints", "OS-SCH-HNT:scheduler_hints"])
def test_both_spellings_of_hints_are_read(api_server: ApiServer, spelling: str) -> None:
    client = api_server.client(version="2.100")
    body = {
        "server": {"name": "s", "flavorRef": 1, "imageRef": api_server.image(), "networks": "none"},
        spelling: {"different_host": "00000000-0000-4000-8000-000000000001"},
    }

    server = client.post(SERVERS, json=body).json()["server"]["id"]

    shown = client.get(f"{SERVERS}/{server}").json()["server"]
    assert (shown["scheduler_hints"], shown["addresses"]) == (
        {"different_host": "00000000-0000-4000-8000-000000000001"},
        {},
    )


def test_key_tags_description_and_user_data_are_kept(api_server: ApiServer) -> None:
    client = api_server.client(version="2.100")
    client.post(KEYS, json={"keypair": {"name": "test", "public_key": PUBLIC}}).raise_for_status()
    data = base64.b64encode(b"#cloud-config").decode()
    fields = {"key_name": "test", "tags": ["a"], "description": "d", "user_data": data, "networks": "auto"}

    server = create(client, api_server.image(), metadata={"k": "v"}, hostname="web", **fields).json()["server"]["id"]

    shown = client.get(f"{SERVERS}/{server}").json()["server"]
    assert (shown["key_name"], shown["tags"], shown["description"]) == ("test", ["a"], "d")
    assert (shown["OS-EXT-SRV-ATTR:user_data"], shown["OS-EXT-SRV-ATTR:hostname"]) == (data, "web")
    assert client.get(f"{SERVERS}/{server}/metadata").json() == {"metadata": {"k": "v"}}
    assert client.get(f"{SERVERS}/{server}/tags").json() == {"tags": ["a"]}


def test_the_server_of_another_project_does_not_exist(api_server: ApiServer) -> None:
    server = create(api_server.client(), api_server.image()).json()["server"]["id"]
    ann = api_server.client(api_server.user("ann"))

    assert ann.get(f"{SERVERS}/{server}").status_code == 404
    assert ann.delete(f"{SERVERS}/{server}").status_code == 404
    assert ann.post(f"{SERVERS}/{server}/action", json={"os-stop": None}).status_code == 404
    assert ann.get(SERVERS).json()["servers"] == []
    assert ann.get(SERVERS, params={"all_tenants": "1"}).status_code == 403


def test_a_member_may_not_choose_the_host(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))

    assert create(ann, api_server.image(), availability_zone="nova:host1").status_code == 403


def test_a_server_that_finds_no_host_shows_its_fault(api_server: ApiServer) -> None:
    server = create(api_server.client(), api_server.image()).json()["server"]["id"]

    place_round(api_server.control)

    shown = api_server.client().get(f"{SERVERS}/{server}").json()["server"]
    assert shown["status"] == "ERROR"
    assert set(shown["fault"]) == {"code", "created", "message", "details"}
    assert "progress" not in shown


def test_a_fault_tells_its_details_to_admins_only(api_server: ApiServer) -> None:
    ann = api_server.client(api_server.user("ann"))
    server = create(ann, api_server.image()).json()["server"]["id"]
    place_round(api_server.control)

    assert "details" not in ann.get(f"{SERVERS}/{server}").json()["server"]["fault"]
    assert "details" in api_server.client().get(f"{SERVERS}/{server}").json()["server"]["fault"]


def test_a_fault_of_the_host_reaches_the_user(api_server: ApiServer) -> None:
    host = api_server.host()
    server = create(api_server.client(), api_server.image()).json()["server"]["id"]
    place_round(api_server.control)

    host.report(faults={ServerId(server): Fault("StartDomain", "QEMU did not start", "no memory", "Add memory.")})

    fault = api_server.client().get(f"{SERVERS}/{server}").json()["server"]["fault"]
    assert "QEMU did not start" in fault["message"]


def test_actions_go_to_their_use_cases(api_server: ApiServer) -> None:
    server = booted(api_server)
    client = api_server.client()

    def act(body: object) -> httpx.Response:
        return client.post(f"{SERVERS}/{server}/action", json=body)

    assert act({"os-start": None}).json()["conflictingRequest"]["code"] == 409
    assert act({"reboot": {"type": "warm"}}).status_code == 400
    assert act({"os-getConsoleOutput": {"length": "5"}}).json() == {"output": ""}
    assert act({"resetNetwork": None}).json()["notImplemented"]["code"] == 501
    assert act({"fly": None}).json()["badRequest"]["code"] == 400
    assert act({"os-stop": None, "os-start": None}).status_code == 400
    assert act({"reboot": {"type": "SOFT"}}).status_code == 202
    assert [
        each["action"] for each in client.get(f"{SERVERS}/{server}/os-instance-actions").json()["instanceActions"]
    ] == ["reboot", "create"]


def test_a_list_has_filters_and_pages(api_server: ApiServer) -> None:
    client = api_server.client()
    image = api_server.image()
    for name in ("web-1", "web-2", "db-1"):
        create(client, image, name=name).raise_for_status()

    def names(**query: Any) -> list[str]:
        return [each["name"] for each in client.get(f"{SERVERS}/detail", params=query).json()["servers"]]

    assert names(name="^web") == ["web-2", "web-1"]
    assert names(status="ACTIVE") == []
    assert names(status="build", limit=1) == ["db-1"]
    assert names(**{"changes-since": datetime.now(UTC).isoformat().replace("2026", "2036", 1)}) == []
    first = client.get(SERVERS, params={"limit": 2}).json()
    rest = client.get(first["servers_links"][0]["href"].removeprefix(api_server.url)).json()
    assert [each["name"] for each in first["servers"] + rest["servers"]] == ["db-1", "web-2", "web-1"]


def test_a_filter_that_would_be_ignored_is_refused(api_server: ApiServer) -> None:
    reader = api_server.client(api_server.user("someone"))
    assert reader.get(SERVERS, params={"host": "h1"}).status_code == 403
    assert reader.get(SERVERS, params={"deleted": "true"}).status_code == 403
    assert api_server.client().get(SERVERS, params={"sort_key": "colour"}).status_code == 400
    assert api_server.client().get(SERVERS, params={"colour": "red"}).status_code == 200
    assert api_server.client(version="2.75").get(SERVERS, params={"colour": "red"}).status_code == 400


def test_a_server_is_renamed_and_described(api_server: ApiServer) -> None:
    client = api_server.client(version="2.19")
    server = create(client, api_server.image()).json()["server"]["id"]

    changed = client.put(f"{SERVERS}/{server}", json={"server": {"name": "n", "description": "d"}}).json()["server"]

    assert (changed["name"], changed["description"]) == ("n", "d")
    assert "key_name" not in changed


def test_a_deleted_server_is_gone(api_server: ApiServer) -> None:
    client = api_server.client()
    server = create(client, api_server.image()).json()["server"]["id"]

    assert client.delete(f"{SERVERS}/{server}").status_code == 204
    assert client.delete(f"{SERVERS}/{server}").status_code == 404
    assert client.get(SERVERS).json()["servers"] == []


def test_hosts_are_hypervisors_and_services(api_server: ApiServer) -> None:
    booted(api_server)
    old, new = api_server.client(), api_server.client(version="2.88")

    row = old.get("/compute/v2.1/os-hypervisors/detail").json()["hypervisors"][0]
    count = old.get("/compute/v2.1/os-hypervisors/statistics").json()["hypervisor_statistics"]["count"]
    service = new.get("/compute/v2.1/os-services").json()["services"][0]
    disabled = new.put(
        f"/compute/v2.1/os-services/{service['id']}", json={"status": "disabled", "disabled_reason": "r"}
    )

    assert count == 1
    assert (row["id"], row["hypervisor_hostname"], row["state"], row["running_vms"]) == (1, "host1", "up", 1)
    assert "vcpus" not in new.get("/compute/v2.1/os-hypervisors/detail").json()["hypervisors"][0]
    assert (disabled.json()["service"]["status"], disabled.json()["service"]["disabled_reason"]) == ("disabled", "r")


def test_a_host_that_is_not_there_is_refused_with_those_that_are(api_server: ApiServer) -> None:
    image = api_server.image()
    api_server.host("gpu01")
    client = api_server.client(version="2.74")

    refused = create(client, image, host="gpu99", networks="auto")

    assert refused.status_code == 400
    assert "no host gpu99" in refused.text and "gpu01" in refused.text
    assert create(client, image, availability_zone="nova:gpu99", networks="auto").status_code == 400
    assert create(client, image, host="gpu01", networks="auto").status_code == 202


def test_hypervisors_are_found_by_a_part_of_their_name_with_their_servers(api_server: ApiServer) -> None:
    host = api_server.host("gpu01")
    client = api_server.client()
    server = create(client, api_server.image()).json()["server"]["id"]
    place_round(api_server.control)
    host.obey()
    root = "/compute/v2.1/os-hypervisors"

    assert [each["hypervisor_hostname"] for each in client.get(f"{root}/gpu/search").json()["hypervisors"]] == ["gpu01"]
    [found] = client.get(f"{root}/gpu01/servers").json()["hypervisors"]
    assert [each["uuid"] for each in found["servers"]] == [server]
    assert client.get(f"{root}/other/search").status_code == 404
    assert api_server.client(version="2.53").get(f"{root}/gpu/search").status_code == 404


def test_servers_of_one_request_have_one_reservation(api_server: ApiServer) -> None:
    client = api_server.client(version="2.3")
    answer = create(client, api_server.image(), min_count=2, return_reservation_id=True)
    reservation = answer.json()["reservation_id"]
    create(client, api_server.image("other"))

    found = client.get(f"{SERVERS}/detail", params={"reservation_id": reservation}).json()["servers"]

    assert sorted(each["OS-EXT-SRV-ATTR:launch_index"] for each in found) == [0, 1]
    assert {each["OS-EXT-SRV-ATTR:reservation_id"] for each in found} == {reservation}


def test_an_access_address_is_shown_in_its_short_form(api_server: ApiServer) -> None:
    client = api_server.client()
    made = create(client, api_server.image(), accessIPv6="0000:0000:0000:0000:0000:babe:220.12.22.2").json()["server"]

    assert client.get(f"{SERVERS}/{made['id']}").json()["server"]["accessIPv6"] == "::babe:dc0c:1602"


def test_a_server_in_no_security_group_shows_none(api_server: ApiServer) -> None:
    client = api_server.client()
    made = create(client, api_server.image()).json()["server"]["id"]
    before = client.get(f"{SERVERS}/{made}").json()["server"]

    client.post(f"{SERVERS}/{made}/action", json={"removeSecurityGroup": {"name": "default"}}).raise_for_status()

    assert before["security_groups"] == [{"name": "default"}]
    assert "security_groups" not in client.get(f"{SERVERS}/{made}").json()["server"]


@pytest.mark.parametrize(
    "hints",
    [
        {"different_host": "no-id"},
        {"same_host": [f"00000000-0000-4000-8000-{n:012}" for n in range(101)]},
        {"same_host": 7},
    ],
)
def test_hints_name_servers(api_server: ApiServer, hints: dict[str, object]) -> None:
    body = {"server": {"name": "s", "flavorRef": "1", "imageRef": api_server.image()}, "os:scheduler_hints": hints}

    assert api_server.client().post(SERVERS, json=body).status_code == 400


def test_a_hint_that_nothing_reads_is_refused(api_server: ApiServer) -> None:
    body = {"server": {"name": "s", "flavorRef": "1", "imageRef": api_server.image()}, "os:scheduler_hints": {"x": "y"}}

    refused = api_server.client().post(SERVERS, json=body)

    assert (refused.status_code, refused.headers["x-busway-error-code"]) == (501, "create-option")


@pytest.mark.parametrize(("more", "kind"), [({"guest_format": "swap"}, "swap"), ({}, "ephemeral")])
def test_a_disk_without_image_is_the_flavors(api_server: ApiServer, more: dict[str, str], kind: str) -> None:
    disk = {"source_type": "blank", "destination_type": "local", "volume_size": 1, "boot_index": -1, **more}

    refused = create(api_server.client(), api_server.image(), block_device_mapping_v2=[disk])

    assert refused.status_code == 501
    assert f"{kind} disk is its flavor's" in refused.text and "volumes" not in refused.text


def test_a_body_that_has_too_much_is_told_what_it_may_have(api_server: ApiServer) -> None:
    wanted = {"keypair": {"name": "k", "colour": "red"}}

    refused = api_server.client().post("/compute/v2.1/os-keypairs", json=wanted)

    assert "It takes name, public_key." in refused.json()["badRequest"]["message"]


def test_a_host_is_not_forced_down(api_server: ApiServer) -> None:
    api_server.host("gpu01")
    path = "/compute/v2.1/os-services"
    old, new = api_server.client(version="2.11"), api_server.client(version="2.53")
    wanted = {"host": "gpu01", "binary": "nova-compute", "forced_down": True}
    host = new.get(path).json()["services"][0]["id"]

    refused = [old.put(f"{path}/force-down", json=wanted), new.put(f"{path}/{host}", json={"forced_down": True})]

    for each in refused:
        assert (each.status_code, each.headers["x-busway-error-code"]) == (501, "forced-down")
        assert "openstack server evacuate" in each.text
    released = old.put(f"{path}/force-down", json={**wanted, "forced_down": False})
    assert released.json()["service"] == {"host": "gpu01", "binary": "nova-compute", "forced_down": False}
    assert old.put(f"{path}/enable", json=wanted).status_code == 400
