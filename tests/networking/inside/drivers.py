"""Run within a network namespace: the real drivers, judged by what a guest at the end of a veth pair gets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from busway.domain.dhcp_option import DhcpOption
from busway.domain.documents import Nic
from busway.domain.guest_network import HostNetwork
from busway.domain.ids import NetworkId, PortId
from busway.networking.links import Links
from busway.networking.networks import HostNetworks
from busway.networking.ruleset import ControlPlane
from busway.testing.networks_contract import check_networks
from tests.networking.desired import desired_of

LOCAL = HostNetwork(
    NetworkId("11111111-0000-4000-8000-000000000001"), "private", "local", cidr="10.66.0.0/24", gateway="10.66.0.1",
    cidr6="fd66::/64", gateway6="fd66::1", ra=True, domain="busway.internal",
)  # fmt: skip
TAGGED = HostNetwork(
    NetworkId("22222222-0000-4000-8000-000000000002"), "lab", "bridge", vlan=7, dhcp=True, cidr="192.0.2.0/24",
    dns=("192.0.2.53",),
)  # fmt: skip
WEB = Nic(
    "fa:16:3e:00:00:01", "10.66.0.10", 24, port=PortId("aaaaaaaa-0000-4000-8000-000000000001"), network=LOCAL.id,
    driver="local", security=False, name="web",
    dhcp_options=(DhcpOption("bootfile-name", "http://10.66.0.2/boot.ipxe"), DhcpOption("ntp-server", "10.66.0.3,10.66.0.4")),
)  # fmt: skip
ONE = replace(
    WEB,
    port=PortId("bbbbbbbb-0000-4000-8000-000000000001"),
    network=TAGGED.id,
    driver="bridge",
    vlan=7,
    address="192.0.2.9",
    mac="fa:16:3e:00:00:02",
    name="one",
)
MISSING = replace(TAGGED, id=NetworkId("33333333-0000-4000-8000-000000000003"), physical="nowhere")
LOST = replace(
    ONE, port=PortId("cccccccc-0000-4000-8000-000000000001"), network=MISSING.id, mac="fa:16:3e:00:00:03", name="lost"
)


def main(folder: Path) -> None:
    ip("link set lo up")
    ip("link add br0 type bridge")
    ip("link set br0 up")
    networks = HostNetworks(folder / "networks", {"default": "br0"}, lambda: ControlPlane((), 1), Links())
    site = TAGGED if knows_vlans() else replace(TAGGED, vlan=0)
    desired = desired_of((WEB, ONE), networks=(LOCAL, site, MISSING))
    links = Links()

    check_networks(networks, desired_of((WEB, LOST), networks=(LOCAL, MISSING)), MISSING.id)
    faults = networks.converge(desired)
    assert [fault.code for fault in faults] == ["no-bridge"], faults
    assert links.is_bridge(LOCAL.own_bridge)
    assert not site.vlan or links.members(site.own_bridge) == [site.vlan_device]
    assert Path("/proc/sys/net/ipv4/ip_forward").read_text().strip() == "1"

    guest(WEB, LOCAL.own_bridge)
    lease = ask_dhcp("gweb")
    assert lease["ip"] == "10.66.0.10" and lease["router"] == "10.66.0.1", lease
    assert "169.254.169.254/32" in lease["staticroutes"] and "10.66.0.1" in lease["dns"], lease
    told = {key: lease.get(key) for key in ("bootfile", "boot_file", "ntpsrv")}
    assert "http://10.66.0.2/boot.ipxe" in told.values() and told["ntpsrv"] == "10.66.0.3 10.66.0.4", lease
    answer = run("busybox", "nslookup", "web.busway.internal", "10.66.0.1")
    assert "10.66.0.10" in answer, answer

    pids = {path: path.read_text() for path in folder.glob("networks/*/pid")}
    networks.converge(desired)
    assert pids == {path: path.read_text() for path in folder.glob("networks/*/pid")}, "what runs is left alone"
    one = folder / "networks" / LOCAL.id / "pid"
    os.kill(int(one.read_text()), signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{int(one.read_text())}/cmdline").exists() or not cmdline(one))
    networks.converge(desired)
    assert cmdline(one), "one that was killed runs again"

    links.remove(WEB.tap)
    networks.converge(desired_of(()))
    assert links.names("bwb") == links.names("bwv") == []
    assert not list(folder.glob("networks/*"))
    print("all is well")


def knows_vlans() -> bool:
    """Kernels without 802.1Q are for the test of the untagged bridge; the lab's kernel has it."""
    done = subprocess.run(
        ["ip", "link", "add", "link", "br0", "name", "v7", "type", "vlan", "id", "7"], capture_output=True
    )
    if done.returncode == 0:
        ip("link delete v7")
    return done.returncode == 0


def guest(nic: Nic, bridge: str) -> None:
    ip(f"link add {nic.tap} type veth peer name gweb")
    ip(f"link set {nic.tap} master {bridge} up")
    ip(f"link set gweb address {nic.mac} up")


def ask_dhcp(device: str) -> dict[str, str]:
    """What busybox's client is told, as JSON of its variables."""
    script = Path("/tmp") / f"lease-{os.getpid()}.sh"
    script.write_text('#!/bin/sh\n[ "$1" = bound ] && env\nexit 0\n')
    script.chmod(0o755)
    try:
        said = run(
            "busybox",
            "udhcpc",
            "-i",
            device,
            "-s",
            str(script),
            "-n",
            "-q",
            "-f",
            "-t",
            "5",
            *("-O", "staticroutes", "-O", "bootfile", "-O", "ntpsrv"),
        )
    finally:
        script.unlink()
    found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    print(json.dumps(found))
    return found


def cmdline(pid_file: Path) -> bytes:
    try:
        return Path(f"/proc/{int(pid_file.read_text())}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_for(ready: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def ip(words: str) -> None:
    run("ip", *words.split())


def run(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
