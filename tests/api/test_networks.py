import pytest

from tests.api.serving import ApiServer
from tests.api.test_servers import create

ROOT = "/network/v2.0"


def test_the_network_and_its_subnet_are_as_configured(api_server: ApiServer) -> None:
    client = api_server.client()

    network = client.get(f"{ROOT}/networks", params={"name": "private"}).json()["networks"][0]
    subnet = client.get(f"{ROOT}/subnets/{network['subnets'][0]}").json()["subnet"]

    assert (subnet["cidr"], subnet["gateway_ip"], subnet["network_id"]) == ("10.0.2.0/24", "10.0.2.2", network["id"])
    assert client.get(f"{ROOT}/networks", params={"name": "other"}).json() == {"networks": []}
    assert client.get(f"{ROOT}/networks/private").status_code == 404


def test_fields_are_cut_and_a_json_suffix_is_tolerated(api_server: ApiServer) -> None:
    rows = api_server.client().get(f"{ROOT}/networks.json?fields=id&fields=name").json()["networks"]

    assert [set(row) for row in rows] == [{"id", "name"}]


def test_a_ports_device_is_its_server_and_others_see_it_not(api_server: ApiServer) -> None:
    client = api_server.client()
    server = create(client, api_server.image()).json()["server"]["id"]
    ann = api_server.client(api_server.user("ann"))

    ports = client.get(f"{ROOT}/ports", params={"device_id": server}).json()["ports"]

    assert ports[0]["fixed_ips"][0]["ip_address"] == "10.0.2.100"
    assert ports[0]["mac_address"].startswith("fa:16:3e:")
    assert ann.get(f"{ROOT}/ports").json() == {"ports": []}
    assert ann.get(f"{ROOT}/ports/{ports[0]['id']}").status_code == 404


@pytest.mark.parametrize("kind", ["networks", "ports", "security-groups", "routers"])
def test_writing_is_refused_with_the_reason(api_server: ApiServer, kind: str) -> None:
    answer = api_server.client().post(f"{ROOT}/{kind}", json={})

    assert answer.status_code == 501
    assert answer.json()["NeutronError"]["type"] == "NetworkReadOnly"


def test_every_project_has_a_default_security_group(api_server: ApiServer) -> None:
    groups = api_server.client().get(f"{ROOT}/security-groups").json()["security_groups"]

    assert [group["name"] for group in groups] == ["default"]
    assert "does not filter" in groups[0]["description"]
