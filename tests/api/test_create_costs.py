"""Accepting servers takes a bounded number of statements, however many are asked for at once."""

from __future__ import annotations

import pytest

from busway.control.networks import quota
from tests.api.many import counted
from tests.api.serving import ApiServer

# Of them: the token, the flavor, image and rules, quotas, the security group, the network and the addresses are read, and seven
# tables are written.
MOST = 21


@pytest.mark.parametrize("count", [1, 20])
def test_accepting_servers_takes_as_many_statements_for_one_as_for_many(api_server: ApiServer, count: int) -> None:
    assert count <= quota.DEFAULTS["port"]
    member = api_server.client(api_server.user("m"), "2.96")
    flavor = member.get("/compute/v2.1/flavors").json()["flavors"][0]["id"]
    wish = {"name": "s", "imageRef": api_server.image(), "flavorRef": flavor, "networks": "auto", "max_count": count}
    member.post("/compute/v2.1/servers", json={"server": {**wish, "max_count": 1}}).raise_for_status()

    with counted(api_server.control.db) as work:
        member.post("/compute/v2.1/servers", json={"server": wish}).raise_for_status()

    assert len(work.statements) <= MOST, "\n".join(work.statements)
    servers = member.get("/compute/v2.1/servers/detail").json()["servers"]
    addresses = [each["addr"] for server in servers for each in server["addresses"]["private"] if each["version"] == 4]
    assert len(set(addresses)) == count + 1
