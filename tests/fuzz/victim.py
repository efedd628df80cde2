"""A project that is attacked: it has one thing of each kind, which nobody else may ever get at."""

from __future__ import annotations

from tests.api.serving import ApiServer


def things_of_another(server: ApiServer) -> dict[str, str]:
    """One thing of each kind of a project that no attack is of, by the word of its path."""
    victim = server.client(server.user("victim"), "2.2")
    made = {"name": "own", "disk_format": "raw", "container_format": "bare", "visibility": "private"}
    image = victim.post("/image/v2/images", json=made).json()["id"]
    victim.put(f"/image/v2/images/{image}/file", content=b"data").raise_for_status()
    network = victim.post("/network/v2.0/networks", json={"network": {"name": "own"}}).json()["network"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "cidr": "10.67.1.0/24"}
    group = victim.post("/network/v2.0/security-groups", json={"security_group": {"name": "own"}}).json()
    flavor = victim.get("/compute/v2.1/flavors").json()["flavors"][0]["id"]
    wish = {"name": "s", "imageRef": image, "flavorRef": flavor, "networks": [{"uuid": network}]}
    peers = {"name": "g", "policies": ["affinity"]}
    return {
        "images": image,
        "networks": network,
        "subnets": victim.post("/network/v2.0/subnets", json={"subnet": subnet}).json()["subnet"]["id"],
        "ports": victim.post("/network/v2.0/ports", json={"port": {"network_id": network}}).json()["port"]["id"],
        "security-groups": group["security_group"]["id"],
        "security-group-rules": group["security_group"]["security_group_rules"][0]["id"],
        "servers": victim.post("/compute/v2.1/servers", json={"server": wish}).json()["server"]["id"],
        "os-server-groups": victim.post("/compute/v2.1/os-server-groups", json={"server_group": peers}).json()[
            "server_group"
        ]["id"],
    }
