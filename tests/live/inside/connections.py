"""Connections of a guest that goes over while it runs. Run as `python -m tests.live.inside.connections FOLDER IMAGE`.

It must be in a network, mount and process namespace of its own: whatever it starts ends with it. The guest is on a network of the site, to
which both hosts have a bridge; the other ends of its connections are processes of the site.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.live.inside.cloud import HUB, LiveCloud, until
from tests.live.inside.far_ends import Echo, Heard
from tests.live.inside.run import migrate, settled, two_hosts
from tests.overlay.inside.shell import Shell, SocketLine

ECHO, CLOCK, QUIET, BULK = 7001, 7002, 7003, 7004
CHUNK = 4 << 20  # bytes: more than the window of a connection that a host remembers


def main() -> None:
    with two_hosts(Path(sys.argv[1]), LiveCloud.token) as cloud:
        go_through(cloud, Path(sys.argv[2]))


def go_through(cloud: LiveCloud, image: Path) -> None:
    """Four connections and the clock go to the other host, and back to the one that has known them before."""
    server_id, address = boot(cloud, image)
    with Heard(HUB, CLOCK) as clock, Heard(HUB, QUIET) as quiet, Heard(HUB, BULK) as bulk:
        shell = open_shell(cloud, "h1", server_id)
        shell.run("mkfifo /tmp/back; (nc -l -p 7001 < /tmp/back | cat > /tmp/back) & true")
        told = "while read up rest < /proc/uptime; do echo $up; sleep 1; done"
        shell.run(f"({told}) | nc {HUB} {CLOCK} & true")
        shell.run(f"sleep 100000 | nc {HUB} {QUIET} > /tmp/quiet & true")
        shell.run(f"sleep 100000 | nc {HUB} {BULK} | wc -c > /tmp/bulk & true")
        shell.close()
        echo = Echo(address, ECHO)
        until("echo", lambda: echo.count > 10)
        for each in (clock, quiet, bulk):
            until("connection", each.is_open, 60)
        until("time", lambda: len(clock.lines()) > 2, 60)
        quiet.say("on h1")
        sent = 0
        for source, target in (("h1", "h2"), ("h2", "h1")):
            bulk.send(bytes(CHUNK))  # what the guest reads only: its acknowledgements go back
            sent += CHUNK
            bulk.wait_acknowledged()
            echoed, times, began = echo.count, len(clock.lines()), time.monotonic()
            migrate(cloud, server_id)
            assert settled(cloud, server_id) == target, f"it is still on {source}"
            said(f"from {source} to {target}", began)
            until("echo after the migration", lambda n=echoed: echo.count > n + 20, 60)
            until("time after the migration", lambda n=times: len(clock.lines()) > n + 2, 60)
            quiet.say(f"on {target}")
            quiet.wait_acknowledged()
            print(f"  the longest silence of the echo was {echo.longest:.1f} s", flush=True)
        bulk.send(bytes(CHUNK))
        bulk.wait_acknowledged()
        seconds = [float(line) for line in clock.lines()]
        assert seconds == sorted(set(seconds)), f"its clock went back or stood: {seconds}"
        echo.end()
        bulk.close()
        shell = open_shell(cloud, "h1", server_id)
        until("end of the bulk", lambda: shell.run("cat /tmp/bulk") == str(sent + CHUNK), 60)
        assert shell.run("cat /tmp/quiet").splitlines() == ["on h1", "on h2", "on h1"]


def said(what: str, began: float) -> None:
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


def boot(cloud: LiveCloud, image: Path) -> tuple[str, str]:
    """A guest on the site's network, which may open connections and lets in the one to its echo; its id and address."""
    made = cloud.call("POST", "/image/v2/images", {"name": "lab", "disk_format": "qcow2", "container_format": "bare"})
    cloud.upload(made["id"], image.read_bytes())
    flavor = {"name": "tiny", "ram": 128, "vcpus": 1, "disk": 1, "id": "tiny"}
    cloud.call("POST", "/compute/v2.1/flavors", {"flavor": flavor})
    asked = {"name": "site", "provider:network_type": "flat", "provider:physical_network": "default"}
    network = cloud.call("POST", "/network/v2.0/networks", {"network": asked})["network"]["id"]
    pools = [{"start": "10.9.0.100", "end": "10.9.0.199"}]
    subnet = {
        "network_id": network,
        "ip_version": 4,
        "cidr": "10.9.0.0/24",
        "gateway_ip": HUB,
        "allocation_pools": pools,
    }
    cloud.call("POST", "/network/v2.0/subnets", {"subnet": {**subnet, "enable_dhcp": False}})
    [group] = cloud.call("GET", "/network/v2.0/security-groups?name=default")["security_groups"]
    rule = {"security_group_id": group["id"], "direction": "ingress", "protocol": "tcp"}
    rule |= {"port_range_min": ECHO, "port_range_max": ECHO}
    cloud.call("POST", "/network/v2.0/security-group-rules", {"security_group_rule": rule})
    port = {"network_id": network}
    if not cloud.can_track("h1"):
        print("this kernel has no nf_conntrack_bridge: the guest's port is without security", flush=True)
        port |= {"port_security_enabled": False}
    port_id = cloud.call("POST", "/network/v2.0/ports", {"port": port})["port"]["id"]
    server = {"name": "guest", "imageRef": made["id"], "flavorRef": "tiny", "networks": [{"port": port_id}]}
    server["availability_zone"] = "nova:h1"
    began = time.monotonic()
    server_id = str(cloud.call("POST", "/compute/v2.1/servers", {"server": server})["server"]["id"])
    until("server that runs", lambda: cloud.status(server_id) in ("ACTIVE", "ERROR"))
    assert cloud.status(server_id) == "ACTIVE", cloud.server(server_id).get("fault")
    log = folder_of(cloud, "h1", server_id) / "console.log"
    until("end of the boot", lambda: "busway-guest ready" in log.read_text(errors="replace"), 300)
    said("the guest has booted", began)
    [[found]] = cloud.server(server_id)["addresses"].values()
    return server_id, str(found["addr"])


def folder_of(cloud: LiveCloud, host: str, server_id: str) -> Path:
    return cloud.folder_of(host) / "state/servers" / server_id


def open_shell(cloud: LiveCloud, host: str, server_id: str) -> Shell:
    return Shell(SocketLine(folder_of(cloud, host, server_id) / "serial.sock"))


if __name__ == "__main__":
    main()
