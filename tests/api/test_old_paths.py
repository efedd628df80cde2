"""The paths that the compute API had for others' things: thin, and true to what the other APIs tell."""

import pytest

from tests.api.serving import ApiServer
from tests.api.test_servers import SERVERS, create

API = "/compute/v2.1"


def test_extensions_are_listed_and_shown(api_server: ApiServer) -> None:
    client = api_server.client()
    aliases = [each["alias"] for each in client.get(f"{API}/extensions").json()["extensions"]]

    assert "os-keypairs" in aliases
    assert client.get(f"{API}/extensions/os-keypairs").json()["extension"]["name"] == "Keypairs"
    assert client.get(f"{API}/extensions/os-nothing").status_code == 404


def test_hosts_are_told_with_what_they_have(api_server: ApiServer) -> None:
    host = api_server.host("gpu01")
    client = api_server.client()

    assert client.get(f"{API}/os-hosts").json()["hosts"] == [
        {"host_name": "gpu01", "service": "compute", "zone": "nova"}
    ]
    assert client.get(f"{API}/os-hosts", params={"zone": "other"}).json()["hosts"] == []
    total = client.get(f"{API}/os-hosts/gpu01").json()["host"][0]["resource"]
    assert (total["host"], total["project"], total["cpu"] > 0) == (host.name, "(total)", True)
    assert client.get(f"{API}/os-hosts/other").status_code == 404
    assert api_server.client(version="2.43").get(f"{API}/os-hosts").status_code == 404
    assert api_server.client(api_server.user("someone")).get(f"{API}/os-hosts").status_code == 403


def test_a_host_is_disabled_by_its_old_path_and_never_powered(api_server: ApiServer) -> None:
    api_server.host("gpu01")
    client = api_server.client()

    assert client.put(f"{API}/os-hosts/gpu01", json={"status": "disable"}).json()["status"] == "disabled"
    [service] = client.get(f"{API}/os-services").json()["services"]
    assert service["status"] == "disabled"
    assert client.put(f"{API}/os-hosts/gpu01", json={"status": "off"}).status_code == 400
    assert client.put(f"{API}/os-hosts/gpu01", json={}).status_code == 400
    for act in ("startup", "shutdown", "reboot"):
        assert client.get(f"{API}/os-hosts/gpu01/{act}").status_code == 501
        assert client.get(f"{API}/os-hosts/other/{act}").status_code == 404


def test_security_groups_and_rules_are_made_and_deleted(api_server: ApiServer) -> None:
    client, url = api_server.client(), f"{API}/os-security-groups"
    group = client.post(url, json={"security_group": {"name": "web", "description": "d"}}).json()["security_group"]
    new = {"parent_group_id": group["id"], "ip_protocol": "TCP", "from_port": 80, "to_port": "80"}
    rule = client.post(f"{API}/os-security-group-rules", json={"security_group_rule": new}).json()[
        "security_group_rule"
    ]

    assert (rule["ip_protocol"], rule["from_port"], rule["ip_range"]) == ("tcp", 80, {"cidr": "0.0.0.0/0"})
    assert client.get(f"{url}/{group['id']}").json()["security_group"]["rules"] == [rule]
    renamed = client.put(f"{url}/{group['id']}", json={"security_group": {"name": "www", "description": ""}})
    assert renamed.json()["security_group"]["name"] == "www"
    assert {each["name"] for each in client.get(url).json()["security_groups"]} == {"default", "www"}
    assert client.delete(f"{API}/os-security-group-rules/{rule['id']}").status_code == 202
    assert client.delete(f"{url}/{group['id']}").status_code == 202
    assert client.get(f"{url}/{group['id']}").status_code == 404


def test_security_groups_refuse_as_nova_does(api_server: ApiServer) -> None:
    client = api_server.client()
    create(client, api_server.image())
    made = [
        client.post(f"{API}/os-security-groups", json={"security_group": {"name": name}}).json()["security_group"]
        for name in ("web", "db")
    ]
    default = next(
        each for each in client.get(f"{API}/os-security-groups").json()["security_groups"] if each["name"] == "default"
    )
    port = {"parent_group_id": made[0]["id"], "ip_protocol": "tcp", "from_port": 22, "to_port": 22}

    by_group, by_cidr = (
        client.post(f"{API}/os-security-group-rules", json={"security_group_rule": {**port, **remote}}).json()
        for remote in ({"group_id": made[1]["id"]}, {"cidr": "10.2.3.124/24"})
    )
    again = client.post(f"{API}/os-security-group-rules", json={"security_group_rule": {**port, "cidr": "10.2.3.0/24"}})

    assert by_group["security_group_rule"]["group"] == {"tenant_id": default["tenant_id"], "name": "db"}
    assert by_cidr["security_group_rule"]["ip_range"] == {"cidr": "10.2.3.124/24"}
    assert again.status_code == 400, "a rule for the same network"
    assert client.delete(f"{API}/os-security-groups/{default['id']}").status_code == 400
    assert client.delete(f"{API}/os-security-groups/").status_code == 404
    wrong = {"security_group_rule": {**port, "parent_group_id": "web"}}
    assert client.post(f"{API}/os-security-group-rules", json=wrong).status_code == 400


def test_security_groups_keep_their_limits_of_number_and_length(api_server: ApiServer) -> None:
    """What Tempest tries only where there is no Neutron."""
    client, url = api_server.client(), f"{API}/os-security-groups"
    used = client.get("/compute/v2.1/limits").json()["limits"]["absolute"]["totalSecurityGroupsUsed"]
    project = client.get("/identity/v3/auth/projects").json()["projects"][0]["id"]
    mine = f"{API}/os-quota-sets/{project}"
    words = [
        {"name": "n" * 256, "description": "d"},
        {"name": "n", "description": "d" * 256},
        {"name": "", "description": "d"},
    ]
    client.put(mine, json={"quota_set": {"security_groups": used + 2}}).raise_for_status()
    group = client.post(url, json={"security_group": {"name": "web", "description": "d"}}).json()["security_group"]
    rule = {"parent_group_id": group["id"], "ip_protocol": "tcp", "from_port": 1, "to_port": 2}
    client.put(mine, json={"quota_set": {"security_group_rules": 0, "force": True}}).raise_for_status()

    made = [client.post(url, json={"security_group": each}).status_code for each in words]
    changed = [client.put(f"{url}/{group['id']}", json={"security_group": each}).status_code for each in words]
    over = client.post(url, json={"security_group": {"name": "second", "description": "d"}})
    over_rules = client.post(f"{API}/os-security-group-rules", json={"security_group_rule": rule})

    assert made == changed == [400, 400, 400]
    assert [(each.status_code, "Quota exceeded" in each.text) for each in (over, over_rules)] == [(403, True)] * 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_id_that_is_none_is_no_security_group_as_for_nova(api_server: ApiServer, method: str) -> None:
    body = {"security_group": {"name": "g", "description": ""}} if method == "PUT" else None

    answer = api_server.client().request(method, f"{API}/os-security-groups/web", json=body)

    assert answer.status_code == 400
    assert "should be uuid" in answer.text


def test_the_version_before_microversions_has_a_document_where_it_says(api_server: ApiServer) -> None:
    client = api_server.client()

    for version in client.get("/compute/").json()["versions"]:
        shown = client.get(version["links"][0]["href"]).json()["version"]
        assert [link for link in shown["links"] if link["rel"] == "self"] == version["links"]
    assert client.get("/compute/v2/flavors").status_code == 200


def test_networks_are_listed_and_shown(api_server: ApiServer) -> None:
    client = api_server.client()
    for path in ("os-networks", "os-tenant-networks"):
        [network] = client.get(f"{API}/{path}").json()["networks"]
        assert client.get(f"{API}/{path}/{network['id']}").json()["network"] == network
        assert client.get(f"{API}/{path}/nothing").status_code == 404


def test_images_are_listed_shown_and_filtered(api_server: ApiServer) -> None:
    one, two = api_server.image("one", min_ram=64), api_server.image("two")
    client = api_server.client()

    def ids(**query: str | int) -> set[str]:
        return {each["id"] for each in client.get(f"{API}/images/detail", params=query).json()["images"]}

    assert ids() == {one, two}
    assert ids(name="one") == ids(minRam=64) == {one}
    assert ids(status="ACTIVE") == {one, two} and ids(status="SAVING") == set()
    assert ids(limit=0) == set()
    assert client.get(f"{API}/images/{one}").json()["image"]["minRam"] == 64
    assert [set(each) for each in client.get(f"{API}/images", params={"name": "one"}).json()["images"]] == [
        {"id", "name", "links"}
    ]
    assert client.delete(f"{API}/images/{two}").status_code == 204
    assert ids() == {one}


def test_an_image_knows_the_server_that_it_was_made_of(api_server: ApiServer) -> None:
    client = api_server.client()
    server = create(client, api_server.image()).json()["server"]["id"]
    copy = api_server.image("copy", instance_uuid=server)

    found = client.get(f"{API}/images/detail", params={"server": f"http://x{SERVERS}/{server}"}).json()["images"]

    assert [(each["id"], each["server"]["id"]) for each in found] == [(copy, server)]


def test_metadata_of_images_is_written(api_server: ApiServer) -> None:
    client = api_server.client()
    url = f"{API}/images/{api_server.image()}/metadata"

    assert client.put(url, json={"metadata": {"a": "1"}}).json() == {"metadata": {"a": "1"}}
    assert client.post(url, json={"metadata": {"b": "2"}}).json() == {"metadata": {"a": "1", "b": "2"}}
    assert client.put(f"{url}/b", json={"meta": {"b": "3"}}).json() == {"meta": {"b": "3"}}
    assert client.get(f"{url}/b").json() == {"meta": {"b": "3"}}
    assert client.delete(f"{url}/b").status_code == 204
    assert client.delete(f"{url}/b").status_code == 404
    assert client.get(url).json() == {"metadata": {"a": "1"}}


@pytest.mark.parametrize("path", ["images", "os-networks", "os-tenant-networks", "os-security-groups"])
def test_they_end_with_2_35(api_server: ApiServer, path: str) -> None:
    assert api_server.client(version="2.35").get(f"{API}/{path}").status_code == 200
    assert api_server.client(version="2.36").get(f"{API}/{path}").status_code == 404
