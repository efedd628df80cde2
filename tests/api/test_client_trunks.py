"""Trunks as the stock clients make, change and read them."""

from __future__ import annotations

from pathlib import Path

from tests.api.serving import ApiServer
from tests.api.test_clients import Clients, pytestmark

__all__ = ["pytestmark"]


def test_a_trunk_is_made_changed_read_and_deleted(routed_server: ApiServer, tmp_path: Path) -> None:
    clients = Clients(routed_server, tmp_path)
    with routed_server.client() as admin:
        net = admin.post("/network/v2.0/networks", json={"network": {"name": "n"}}).json()["network"]["id"]
        for name in ("parent", "one", "two"):
            admin.post("/network/v2.0/ports", json={"port": {"network_id": net, "name": name}}).raise_for_status()
    segment = "segmentation-type=vlan,segmentation-id"

    made = clients.read(
        "network", "trunk", "create", "--parent-port", "parent", "--subport", f"port=one,{segment}=42", "t"
    )
    clients.openstack("network", "trunk", "set", "--description", "d", "--subport", f"port=two,{segment}=7", "t")
    several = clients.read("network", "subport", "list", "--trunk", "t")
    clients.openstack("network", "trunk", "unset", "--subport", "two", "t")
    shown = clients.read("network", "trunk", "show", "t")
    listed = clients.read("network", "trunk", "list", "--long")
    clients.openstack("network", "trunk", "delete", "t")

    assert (made["status"], made["is_admin_state_up"]) == ("DOWN", True)
    assert [(each["Segmentation Type"], each["Segmentation ID"]) for each in several] == [("vlan", 7), ("vlan", 42)]
    assert (shown["description"], [each["segmentation_id"] for each in shown["sub_ports"]]) == ("d", [42])
    assert [(each["Name"], each["Description"], each["Status"]) for each in listed] == [("t", "d", "DOWN")]
    assert clients.read("network", "trunk", "list") == []
