"""Accepting servers takes a bounded number of statements, however many are asked for at once."""

from __future__ import annotations

import pytest

from busway.control.networks import quota
from tests.api.many import counted, remember_for_good
from tests.api.serving import ApiServer

# On SQLite: the flavor is read, then what the request names, then what accepting depends on; and seven tables are written, each with
# a statement of its own. On PostgreSQL one takes the locks, and one writes all tables (tests/control/test_create_costs.py): 5 in all.
# The token is remembered, and nothing is read back.
MOST = 10


@pytest.mark.parametrize("count", [1, 20])
def test_accepting_servers_takes_as_many_statements_for_one_as_for_many(api_server: ApiServer, count: int) -> None:
    remember_for_good(api_server.control)
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
