"""What a server's users write beside its size: metadata, tags, locks, groups, addresses; and what an admin says of its state."""

import httpx
import pytest

from busway.control.placement.place import place_round
from tests.api.serving import ApiServer
from tests.api.test_servers import SERVERS, create

ACTION = f"{SERVERS}/{{}}/action"


@pytest.fixture
def server(api_server: ApiServer) -> str:
    return str(create(api_server.client(), api_server.image()).json()["server"]["id"])


def act(client: httpx.Client, server: str, name: str, given: object = None) -> httpx.Response:
    return client.post(ACTION.format(server), json={name: given})


def shown(api_server: ApiServer, server: str, version: str = "2.96") -> dict[str, object]:
    body: dict[str, object] = api_server.client(version=version).get(f"{SERVERS}/{server}").json()["server"]
    return body


def test_metadata_is_added_replaced_and_taken_away(api_server: ApiServer, server: str) -> None:
    client, url = api_server.client(), f"{SERVERS}/{server}/metadata"

    assert client.put(url, json={"metadata": {"a": "1"}}).json() == {"metadata": {"a": "1"}}
    assert client.post(url, json={"metadata": {"b": "2"}}).json() == {"metadata": {"a": "1", "b": "2"}}
    assert client.put(f"{url}/b", json={"meta": {"b": "3"}}).json() == {"meta": {"b": "3"}}
    assert client.get(f"{url}/b").json() == {"meta": {"b": "3"}}
    assert client.delete(f"{url}/b").status_code == 204
    assert client.get(url).json() == {"metadata": {"a": "1"}}
    assert shown(api_server, server)["metadata"] == {"a": "1"}


def test_metadata_that_is_wrong_is_refused(api_server: ApiServer, server: str) -> None:
    client, url = api_server.client(), f"{SERVERS}/{server}/metadata"

    assert client.put(f"{url}/b", json={"meta": {"c": "3"}}).status_code == 400
    assert client.post(url, json={"metadata": {"a": 1}}).status_code == 400
    assert client.post(url, json={"metadata": {"": "x"}}).status_code == 400
    assert client.post(url, json={"metadata": {"k" * 256: "x"}}).status_code == 400
    assert client.delete(f"{url}/b").status_code == 404
    assert client.get(f"{SERVERS}/nobody/metadata").status_code == 404


def test_more_items_than_the_quota_are_refused(api_server: ApiServer, server: str) -> None:
    client = api_server.client()
    project = client.get(f"{SERVERS}/{server}").json()["server"]["tenant_id"]
    quota = {"quota_set": {"metadata_items": 2}}
    client.put(f"/compute/v2.1/os-quota-sets/{project}", json=quota).raise_for_status()
    url = f"{SERVERS}/{server}/metadata"

    assert client.put(url, json={"metadata": {"a": "1", "b": "2"}}).status_code == 200
    assert client.post(url, json={"metadata": {"c": "3"}}).status_code == 403


def test_tags_are_set_added_and_taken_away(api_server: ApiServer, server: str) -> None:
    client, url = api_server.client(version="2.26"), f"{SERVERS}/{server}/tags"

    assert client.put(url, json={"tags": ["a", "b"]}).json() == {"tags": ["a", "b"]}
    assert client.put(f"{url}/c").status_code == 201
    assert client.put(f"{url}/c").status_code == 204
    assert client.get(url).json() == {"tags": ["a", "b", "c"]}
    assert client.delete(f"{url}/a").status_code == 204
    assert client.delete(f"{url}/a").status_code == 404
    assert client.put(f"{url}/{'x' * 61}").status_code == 400
    assert client.put(url, json={"tags": [f"t{n}" for n in range(51)]}).status_code == 400
    assert client.delete(url).status_code == 204
    assert client.get(url).json() == {"tags": []}


def test_the_fiftieth_tag_is_the_last(api_server: ApiServer, server: str) -> None:
    client, url = api_server.client(version="2.26"), f"{SERVERS}/{server}/tags"
    client.put(url, json={"tags": [f"t{n}" for n in range(50)]}).raise_for_status()

    assert client.put(f"{url}/more").status_code == 400


def test_a_locked_server_is_changed_by_admins_only(api_server: ApiServer) -> None:
    user = api_server.client(api_server.user("someone"), version="2.73")
    mine = create(user, api_server.image(), networks="auto").json()["server"]["id"]

    assert act(user, mine, "lock", {"locked_reason": "in use"}).status_code == 202
    told = user.get(f"{SERVERS}/{mine}").json()["server"]
    assert (told["locked"], told["locked_reason"]) == (True, "in use")
    refused = user.delete(f"{SERVERS}/{mine}")
    assert refused.status_code == 409 and "in use" in refused.text
    assert user.post(f"{SERVERS}/{mine}/metadata", json={"metadata": {"a": "1"}}).status_code == 409
    assert [each["id"] for each in user.get(SERVERS, params={"locked": "true"}).json()["servers"]] == [mine]
    assert user.get(SERVERS, params={"locked": "false"}).json()["servers"] == []
    assert act(user, mine, "unlock").status_code == 202
    assert user.delete(f"{SERVERS}/{mine}").status_code == 204


def test_what_an_admin_locks_a_user_can_not_unlock(api_server: ApiServer) -> None:
    user = api_server.client(api_server.user("someone"))
    mine = create(user, api_server.image()).json()["server"]["id"]
    act(api_server.client(), mine, "lock").raise_for_status()

    assert act(user, mine, "unlock").status_code == 403
    assert act(user, mine, "lock").status_code == 202  # and it stays the admin's
    assert act(user, mine, "unlock").status_code == 403
    assert api_server.client().delete(f"{SERVERS}/{mine}").status_code == 204


def test_an_admin_resets_a_state_and_the_host_tells_what_is_true(api_server: ApiServer) -> None:
    host = api_server.host()
    server = create(api_server.client(), api_server.image()).json()["server"]["id"]
    place_round(api_server.control)
    host.obey()
    client = api_server.client()

    assert act(client, server, "os-resetState", {"state": "error"}).status_code == 202
    assert shown(api_server, server)["status"] == "ERROR"
    assert act(client, server, "os-resetState", {"state": "active"}).status_code == 202
    host.obey()
    assert shown(api_server, server)["status"] == "ACTIVE"
    assert act(client, server, "os-resetState", {"state": "paused"}).status_code == 400
    assert act(client, server, "os-resetState", {"state": 1}).status_code == 400


def test_a_server_on_no_host_is_not_said_to_be_active(api_server: ApiServer, server: str) -> None:
    act(api_server.client(), server, "os-resetState", {"state": "error"}).raise_for_status()

    assert act(api_server.client(), server, "os-resetState", {"state": "active"}).status_code == 409


def test_a_server_joins_and_leaves_security_groups(api_server: ApiServer, server: str) -> None:
    client = api_server.client()
    client.post("/network/v2.0/security-groups", json={"security_group": {"name": "web"}}).raise_for_status()

    assert act(client, server, "addSecurityGroup", {"name": "web"}).status_code == 202
    assert shown(api_server, server)["security_groups"] == [{"name": "default"}, {"name": "web"}]
    assert act(client, server, "removeSecurityGroup", {"name": "web"}).status_code == 202
    assert act(client, server, "removeSecurityGroup", {"name": "web"}).status_code == 404
    assert act(client, server, "addSecurityGroup", {"name": "nothing"}).status_code == 404


def test_access_addresses_and_the_disk_configuration_are_kept(api_server: ApiServer) -> None:
    client, image = api_server.client(), api_server.image()
    given = {"accessIPv4": "198.51.100.1", "accessIPv6": "2001:db8::1", "OS-DCF:diskConfig": "AUTO"}
    server = create(client, image, **given).json()["server"]["id"]

    assert {name: shown(api_server, server)[name] for name in given} == given
    changed = {"accessIPv4": "198.51.100.2", "accessIPv6": "", "OS-DCF:diskConfig": "MANUAL"}
    client.put(f"{SERVERS}/{server}", json={"server": changed}).raise_for_status()
    assert {name: shown(api_server, server)[name] for name in changed} == changed
    assert client.put(f"{SERVERS}/{server}", json={"server": {"accessIPv4": "1.2.3.400"}}).status_code == 400
    assert create(client, image, accessIPv6="198.51.100.1").status_code == 400


def test_the_host_name_of_a_server_is_changed(api_server: ApiServer, server: str) -> None:
    client = api_server.client(version="2.90")

    client.put(f"{SERVERS}/{server}", json={"server": {"hostname": "other"}}).raise_for_status()

    assert shown(api_server, server)["OS-EXT-SRV-ATTR:hostname"] == "other"


def test_what_needs_an_agent_in_the_guest_is_refused_with_its_reason(api_server: ApiServer, server: str) -> None:
    refused = act(api_server.client(), server, "changePassword", {"adminPass": "secret"})

    assert refused.status_code == 409 and "qemu-guest-agent" in refused.text


def test_a_server_that_is_not_soft_deleted_is_not_restored_and_one_is_deleted_at_once(
    api_server: ApiServer, server: str
) -> None:
    client = api_server.client()

    assert act(client, server, "restore").status_code == 409
    assert act(client, server, "forceDelete").status_code == 202
    assert client.get(f"{SERVERS}/{server}").status_code == 404


def test_addresses_are_told_by_network(api_server: ApiServer, server: str) -> None:
    client = api_server.client()
    whole = client.get(f"{SERVERS}/{server}/ips").json()["addresses"]
    [name] = whole

    assert client.get(f"{SERVERS}/{server}/ips/{name}").json() == {name: whole[name]}
    assert client.get(f"{SERVERS}/{server}/ips/another").status_code == 404


def test_changing_a_server_tells_plain_addresses_below_2_75(api_server: ApiServer, server: str) -> None:
    body = {"server": {"name": "n"}}
    for version, plain in (("2.74", True), ("2.75", False)):
        answer = api_server.client(version=version).put(f"{SERVERS}/{server}", json=body).json()["server"]
        [[first, *_]] = answer["addresses"].values()
        assert ("OS-EXT-IPS:type" not in first) is plain


def test_a_refused_act_names_what_fits_instead(api_server: ApiServer, server: str) -> None:
    told = act(api_server.client(), server, "resetNetwork").text

    assert "injectNetworkInfo" in told and "elete the server" not in told


def test_the_host_of_a_server_sets_its_networks_again(api_server: ApiServer) -> None:
    admin, host = api_server.client(), api_server.host()
    server = create(admin, api_server.image()).json()["server"]["id"]
    place_round(api_server.control)
    before = host.desired().generation

    assert act(api_server.client(api_server.user("m")), server, "injectNetworkInfo").status_code == 403
    assert act(admin, server, "injectNetworkInfo").status_code == 202
    after = host.desired()

    assert after.generation > before and after.servers[0].nics
    [last, *_] = admin.get(f"{SERVERS}/{server}/os-instance-actions").json()["instanceActions"]
    assert last["action"] == "injectNetworkInfo"
    waiting = create(admin, api_server.image()).json()["server"]["id"]
    assert act(admin, waiting, "injectNetworkInfo").status_code == 409
