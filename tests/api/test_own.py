from busway.wire.join import decode_token
from tests.api.serving import ApiServer
from tests.api.test_servers import booted


def test_a_host_is_added_listed_and_removed(api_server: ApiServer) -> None:
    client = api_server.client()

    made = client.post("/busway/v1/hosts", json={"name": "host1"})

    assert decode_token(made.json()["join_token"]).host == "host1"
    assert [host["name"] for host in client.get("/busway/v1/hosts").json()["hosts"]] == ["host1"]
    assert client.post("/busway/v1/hosts", json={"name": "host1"}).json()["error"]["code"] == "host-exists"
    assert client.delete("/busway/v1/hosts/host1").status_code == 204
    assert client.delete("/busway/v1/hosts/host1").status_code == 404


def test_devices_and_events_tell_what_happened(api_server: ApiServer) -> None:
    client = api_server.client()
    specs = {"extra_specs": {"pci_passthrough:alias": "a1:1"}}
    client.post("/compute/v2.1/flavors/1/os-extra_specs", json=specs).raise_for_status()
    server = booted(api_server)

    devices = client.get("/busway/v1/devices").json()["devices"]
    story = client.get(f"/busway/v1/devices/host1:{devices[0]['address']}").json()["device"]
    events = client.get("/busway/v1/events", params={"server": server}).json()["events"]
    why = client.get(f"/busway/v1/servers/{server}/why").json()["why"]

    assert (devices[0]["status"], devices[0]["server_id"]) == ("allocated", server)
    assert story["device"]["address"] == devices[0]["address"]
    assert {event["subject"] for event in events} >= {"server", "device"}
    assert why["server"]["id"] == server and len(why["devices"]) == 1


def test_devices_are_for_admins_and_why_is_for_the_owner(api_server: ApiServer) -> None:
    server = booted(api_server)
    ann = api_server.client(api_server.user("ann"))

    assert ann.get("/busway/v1/devices").status_code == 403
    assert ann.get("/busway/v1/hosts").status_code == 403
    assert ann.get(f"/busway/v1/servers/{server}/why").status_code == 404
