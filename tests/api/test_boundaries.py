"""What is written is answered in the form of each microversion at which Nova's answer changes; the client of tests checks each answer."""

from typing import Any

import pytest

from busway.api.microversion import MAXIMUM
from busway.control.placement.place import place_round
from busway.domain.ids import ServerId
from tests.api.serving import ApiServer

COMPUTE = "/compute/v2.1"
# The first microversions of Nova's schemas of these answers, and the newest.
AT = (
    1,
    2,
    3,
    8,
    9,
    13,
    15,
    16,
    19,
    26,
    35,
    36,
    45,
    47,
    53,
    55,
    57,
    61,
    63,
    64,
    71,
    73,
    75,
    76,
    79,
    82,
    90,
    92,
    96,
    98,
    100,
    102,
    MAXIMUM,
)


@pytest.mark.thorough
@pytest.mark.parametrize("version", AT)
def test_each_write_is_answered_as_at_its_microversion(version: int, api_server: ApiServer) -> None:
    image, host = api_server.image(), api_server.host()
    client = api_server.client(version=f"2.{version}")

    def ask(method: str, path: str, body: Any = None) -> Any:
        answer = client.request(method, f"{COMPUTE}{path}", json=body)
        assert answer.is_success, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    named: dict[str, Any] = {"name": "f1", "ram": 512, "vcpus": 1, "disk": 1}
    flavor = ask("POST", "/flavors", {"flavor": named})["flavor"]["id"]
    if version >= 55:
        ask("PUT", f"/flavors/{flavor}", {"flavor": {"description": "small"}})
    group = {"name": "g1", "policies": ["affinity"]} if version < 64 else {"name": "g1", "policy": "affinity"}
    ask("GET", f"/os-server-groups/{ask('POST', '/os-server-groups', {'server_group': group})['server_group']['id']}")
    number = ask("POST", "/os-aggregates", {"aggregate": {"name": "a1"}})["aggregate"]["id"]
    for action in (
        {"add_host": {"host": host.name}},
        {"set_metadata": {"metadata": {"k": "v"}}},
        {"remove_host": {"host": host.name}},
    ):
        ask("POST", f"/os-aggregates/{number}/action", action)
    ask("PUT", f"/os-aggregates/{number}", {"aggregate": {"name": "a2"}})
    ask("GET", f"/os-aggregates/{number}")

    networks = {"networks": "auto"} if version >= 37 else {}
    wanted = {"name": "s1", "flavorRef": "1", "imageRef": image, **networks}
    server = ask("POST", "/servers", {"server": wanted})["server"]["id"]
    place_round(api_server.control)
    host.report([ServerId(server)])
    ask("PUT", f"/servers/{server}", {"server": {"name": "s2"}})
    for path in ("os-instance-actions", "os-volume_attachments", "migrations" if version >= 23 else "os-interface"):
        ask("GET", f"/servers/{server}/{path}")
    for path in (
        "os-hypervisors/detail",
        "os-services",
        "os-migrations",
        "limits",
        "flavors/detail",
        "os-server-groups",
    ):
        ask("GET", f"/{path}")
    ask("POST", "/os-server-external-events", {"events": [{"name": "network-changed", "server_uuid": server}]})
    ask("POST", f"/servers/{server}/os-interface", {"interfaceAttachment": {}})
    ask("POST", f"/servers/{server}/action", {"rebuild": {"imageRef": image}})
    place_round(api_server.control)
    host.report([ServerId(server)])
    ask("POST", f"/servers/{server}/action", {"createBackup": {"name": "b", "backup_type": "daily", "rotation": 1}})

    assert ask("GET", f"/servers/{server}")["server"]["name"] == "s2"
