"""Ten requests at once for four devices, through the API, with real agents: on SQLite and on PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.processes.cloud import ProcessCloud, wait_for

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]


def test_exactly_four_of_ten_become_active_and_six_are_told_why(cloud: ProcessCloud) -> None:
    for name in ("h1", "h2"):
        cloud.start_host(name, gpus=2)
    for name in ("h1", "h2"):
        cloud.wait_for_host(name)
    with ThreadPoolExecutor(10) as pool:
        ids = list(pool.map(cloud.create, [f"s{number}" for number in range(10)]))

    def settled() -> bool:
        return all(server["status"] in ("ACTIVE", "ERROR") for server in cloud.servers().values())

    wait_for("all servers to settle", settled)
    servers = cloud.servers()
    active = [server_id for server_id in ids if servers[server_id]["status"] == "ACTIVE"]
    assert len(active) == 4
    owners = [device["server_id"] for device in cloud.devices()]
    assert sorted(owners) == sorted(active)
    for server_id in set(ids) - set(active):
        message = servers[server_id]["fault"]["message"]
        assert "No valid host was found: 2 hosts and 4 devices were looked at" in message
        assert "belongs to another server" in message
    cloud.delete(active[0])
    wait_for("the device to be given back", lambda: "available" in cloud.device_statuses())
    again = cloud.create("again")
    wait_for("the next server to run", lambda: cloud.status(again) == "ACTIVE")
