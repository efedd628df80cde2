"""A server's network cards as clients attach and detach them: bodies, answers by microversion, refusals."""

from dataclasses import replace

import httpx
import pytest

from busway.control.placement.place import place_round
from busway.domain.documents import HostResources
from busway.domain.host_facts import GuestAct
from tests.api.serving import ApiServer
from tests.api.test_servers import SERVERS, create
from tests.control.clouds import Host


@pytest.fixture
def host(api_server: ApiServer) -> Host:
    """A host whose agent can do everything with its guests."""
    found = replace(api_server.host(), resources=HostResources(16, 65536, 1000, acts=tuple(GuestAct)))
    found.report()
    return found


@pytest.fixture
def server(api_server: ApiServer, host: Host) -> str:
    """A server that runs on a host."""
    found = str(create(api_server.client(), api_server.image()).json()["server"]["id"])
    place_round(api_server.control)
    host.obey()
    return found


def interfaces(server: str) -> str:
    return f"{SERVERS}/{server}/os-interface"


def attach(client: httpx.Client, server: str, **wanted: object) -> httpx.Response:
    return client.post(interfaces(server), json={"interfaceAttachment": wanted})


def test_a_card_is_attached_shown_and_detached(api_server: ApiServer, server: str) -> None:
    client, new = api_server.client(), api_server.client(version="2.70")
    [first] = client.get(interfaces(server)).json()["interfaceAttachments"]

    made = attach(new, server, net_id=first["net_id"], tag="storage")
    port = made.json()["interfaceAttachment"]["port_id"]

    assert (made.status_code, made.json()["interfaceAttachment"]["port_state"]) == (200, "DOWN")
    assert new.get(f"{interfaces(server)}/{port}").json()["interfaceAttachment"]["tag"] == "storage"
    assert "tag" not in client.get(f"{interfaces(server)}/{port}").json()["interfaceAttachment"]
    assert first["port_state"] == "ACTIVE"
    assert len(client.get(f"{SERVERS}/{server}").json()["server"]["addresses"]["private"]) == 4  # of both IP versions
    assert client.delete(f"{interfaces(server)}/{port}").status_code == 202
    assert client.get(f"{interfaces(server)}/nothing").status_code == 404
    assert client.delete(f"{interfaces(server)}/nothing").status_code == 404


def test_a_request_that_is_wrong_is_refused(api_server: ApiServer, server: str) -> None:
    client = api_server.client()
    [first] = client.get(interfaces(server)).json()["interfaceAttachments"]
    taken = first["fixed_ips"][0]["ip_address"]

    assert attach(client, server, port_id=first["port_id"]).status_code == 400  # a server has it
    assert attach(client, server, port_id=first["port_id"], net_id=first["net_id"]).status_code == 400
    assert attach(client, server, fixed_ips=[{"ip_address": "10.0.0.9"}]).status_code == 400
    assert attach(client, server, net_id=first["net_id"], fixed_ips=[{"ip_address": taken}]).status_code == 400
    assert attach(client, server, net_id=first["net_id"], fixed_ips=[{"ip_address": "x"}]).status_code == 400
    assert attach(client, server, net_id=first["net_id"], tag="t").status_code == 400  # from 2.49 on
    assert attach(client, server, net_id="00000000-0000-4000-8000-00000000dead").status_code == 404
    assert attach(client, "nobody").status_code == 404
