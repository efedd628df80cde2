"""The NUMA cells of a server as the compute API tells them."""

from __future__ import annotations

from busway.control.placement.place import place_round
from busway.domain.ids import HostId, ServerId
from busway.store import cells
from busway.store.cells import UsedCell
from tests.api.serving import ApiServer
from tests.api.test_servers import create

API = "/compute/v2.1/servers"


def test_a_server_tells_its_cells_and_to_admins_where_they_lie(api_server: ApiServer) -> None:
    admin = api_server.client(version="2.78")
    ann = api_server.client(api_server.user("ann"), version="2.78")
    server = create(ann, api_server.image(), networks="none").json()["server"]["id"]
    path = f"{API}/{server}/topology"
    host = api_server.host()
    assert ann.get(path).json() == {"nodes": [], "pagesize_kb": None}

    lying = (UsedCell(1, 2, 512, (4, 5), (4, 5)), UsedCell(0, 1, 256))
    place_on(api_server, ServerId(server), HostId(host.id), lying)

    mine, all_of_it = ann.get(path).json()["nodes"], admin.get(path).json()["nodes"]
    assert mine == [
        {"vcpu_set": [0, 1], "siblings": [], "memory_mb": 512},
        {"vcpu_set": [2], "siblings": [], "memory_mb": 256},
    ]
    assert [each["host_node"] for each in all_of_it] == [1, 0]
    assert [each["cpu_pinning"] for each in all_of_it] == [{"0": 4, "1": 5}, {}]
    early = api_server.client(version="2.77").get(path)
    assert early.status_code == 404
    assert "openstack --os-compute-api-version 2.78 ..." in early.json()["itemNotFound"]["message"]
    assert api_server.client(api_server.user("ben"), version="2.78").get(path).status_code == 404


def place_on(api_server: ApiServer, server: ServerId, host: HostId, lying: tuple[UsedCell, ...]) -> None:
    place_round(api_server.control)
    with api_server.control.db.write() as tx:
        cells.put_cells(tx, server, host, lying)
