"""Needs the lab, two linked hosts of it, and OVN: guests on a project's network across hosts, through the kernel's own openvswitch and geneve.

`tests/overlay` has the same in namespaces, with the datapath in user space. The tests go on from each other, in their order.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from busway.bootstrap.lab_cloud import OUTSIDE
from tests.cloud.overlay import Guest, OverlayLab, Project, hears_ssh_from_here, tunnelled
from tests.networking.ovn import has_ovn
from tests.overlay.inside.asking import hears_ssh, lease, metadata

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not os.environ.get("BUSWAY_SLOW_LAB"), reason="boots two hosts; `make test-slow` runs it"),
    pytest.mark.skipif(not has_ovn(), reason="needs Debian's ovn-central, ovn-host and openvswitch-switch"),
]
MODULES = {"openvswitch", "geneve", "nf_conntrack"}


@dataclass
class Cluster:
    """`web` and `db` on two hosts and one network; `far` is a stranger's, with the address of `db`."""

    lab: OverlayLab
    mine: Project
    web: Guest
    db: Guest
    far: Guest


@pytest.fixture(autouse=True)
def host_is_up() -> None:
    """The two hosts are this test's own: it needs no third one, which would take its processors."""


@pytest.fixture(scope="module")
def cluster(guest_image: Path) -> Iterator[Cluster]:
    with tempfile.TemporaryDirectory(prefix="overlay-", ignore_cleanup_errors=True) as folder:
        lab = OverlayLab(Path(folder))
        try:
            began = time.monotonic()
            lab.up(guest_image)
            said("two hosts are up, and chassis", began)
            yield boot(lab)
        finally:
            lab.down()


def boot(lab: OverlayLab) -> Cluster:
    began = time.monotonic()
    flavor = {"name": "tiny", "ram": 192, "disk": 1, "vcpus": 1}
    tiny = lab.admin.ask("POST", "/compute/v2.1/flavors", {"flavor": flavor})["flavor"]["id"]
    mine, theirs = Project(lab.admin), Project(lab.tenant("stranger"))
    for project in (mine, theirs):
        project.make_network()
    first, second = (host.name for host in lab.hosts)
    web, db = mine.boot("web", tiny, "10.0.0.11", first), mine.boot("db", tiny, "10.0.0.12", second)
    far = theirs.boot("far", tiny, db.address)
    for guest in (web, db, far):
        guest.wait(lab)
    said("three guests have booted", began)
    return Cluster(lab, mine, web, db, far)


def said(what: str, began: float) -> None:
    print(f"{what}: {time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)


def leases(lab: OverlayLab, guest: Guest, route: str = "169.254.169.254/32 10.0.0.1") -> None:
    """Asks DHCP until it tells a route; the guest takes the address and the routes."""

    def told() -> bool:
        guest.told = lease(guest.shell)
        return route in guest.told.get("staticroutes", "")

    lab.wait_for(f"lease of {guest.name}", told)


def test_the_kernel_of_each_host_carries_the_packets(cluster: Cluster) -> None:
    for host in cluster.lab.hosts:
        loaded = {line.split()[0] for line in host.read("/proc/modules").decode().splitlines()}
        assert loaded >= MODULES
        assert host.exec(["ovs-appctl", "dpctl/dump-dps"]).text().split() == ["system@ovs-system"]


def test_guests_have_their_addresses_by_dhcp(cluster: Cluster) -> None:
    for guest in (cluster.web, cluster.db, cluster.far):
        leases(cluster.lab, guest)
        told = {key: guest.told.get(key) for key in ("ip", "mask", "mtu", "dns", "staticroutes")}
        assert told == {
            "ip": guest.address, "mask": "24", "mtu": "1442", "dns": "10.0.0.1",
            "staticroutes": "169.254.169.254/32 10.0.0.1",
        }  # fmt: skip


def test_guests_of_two_hosts_reach_each_other_through_a_tunnel(cluster: Cluster) -> None:
    web, db = cluster.web, cluster.db
    before = [tunnelled(host) for host in cluster.lab.hosts]

    cluster.lab.wait_for("ping from host to host", lambda: web.shell.pings(db.address))

    assert db.shell.pings(web.address)
    assert hears_ssh(web.shell, db.address) and hears_ssh(db.shell, web.address)
    assert all(tunnelled(host) > was for host, was in zip(cluster.lab.hosts, before, strict=True))


def test_a_file_arrives_whole(cluster: Cluster) -> None:
    """Full segments whose checksums the guests leave to their cards, as every guest does."""
    web, db = cluster.web, cluster.db
    db.shell.run("(nc -l -p 7001 -e /bin/sh -c 'cat > /tmp/arrived') & true")
    web.shell.run("head -c 2000000 /dev/urandom > /tmp/sent")
    sent = web.shell.run("md5sum < /tmp/sent")

    began = time.monotonic()
    assert web.shell.can(f"nc -w 60 {db.address} 7001 < /tmp/sent", 300)

    cluster.lab.wait_for("whole file", lambda: db.shell.run("md5sum < /tmp/arrived") == sent)
    said("2 MB from guest to guest", began)


def test_names_are_those_of_the_own_network(cluster: Cluster) -> None:
    assert cluster.db.address in cluster.web.shell.run("nslookup db.busway.internal 10.0.0.1")
    assert cluster.web.address in cluster.db.shell.run("nslookup web.busway.internal 10.0.0.1")
    assert cluster.web.address not in cluster.far.shell.run("nslookup web.busway.internal 10.0.0.1")


def test_each_guest_reads_its_own_documents(cluster: Cluster) -> None:
    """Two of them have the same address, and may be on the same host."""
    for guest in (cluster.web, cluster.db, cluster.far):
        assert metadata(guest.shell).get("uuid") == guest.id


def test_a_stranger_with_the_same_addresses_reaches_nobody(cluster: Cluster) -> None:
    web, db, far = cluster.web, cluster.db, cluster.far

    for guest in (db, far):
        guest.shell.run("(nc -l -p 7002 -e /bin/hostname) & true")

    assert not far.shell.pings(web.address)
    assert not hears_ssh(far.shell, web.address)
    assert web.shell.run(f"nc -w 20 {db.address} 7002") == "db", "who answers is the own project's"


def test_who_leaves_the_group_is_refused_and_a_rule_lets_one_port_in(cluster: Cluster) -> None:
    lab, web, db, ask = cluster.lab, cluster.web, cluster.db, cluster.mine.tenant.ask
    before = ask("GET", f"/network/v2.0/ports/{web.port}")["port"]["security_groups"]
    closed = ask("POST", "/network/v2.0/security-groups", {"security_group": {"name": "closed"}})["security_group"]
    ask("PUT", f"/network/v2.0/ports/{web.port}", {"port": {"security_groups": [closed["id"]]}})
    took = lab.wait_for("refusal", lambda: not web.shell.pings(db.address, 1))
    print(f"refused after {took:.1f} s", file=sys.stderr)
    assert not hears_ssh(web.shell, db.address)

    cluster.mine.let_in("tcp", 22, f"{web.address}/32")
    lab.wait_for("open port", lambda: hears_ssh(web.shell, db.address))
    assert not web.shell.pings(db.address), "the rule is for one port"

    ask("PUT", f"/network/v2.0/ports/{web.port}", {"port": {"security_groups": before}})
    lab.wait_for("member again", lambda: web.shell.pings(db.address))


def test_a_floating_address_is_reached_from_outside_and_its_gateway_moves_when_its_host_dies(cluster: Cluster) -> None:
    """The guest is on the other host than the gateway, so what comes from outside goes through the tunnel."""
    lab, ask = cluster.lab, cluster.mine.tenant.ask
    public = external_network(cluster)
    wanted = {"name": "edge", "external_gateway_info": {"network_id": public}}
    router = ask("POST", "/network/v2.0/routers", {"router": wanted})["router"]["id"]
    ask("PUT", f"/network/v2.0/routers/{router}/add_router_interface", {"subnet_id": cluster.mine.subnet})
    lab.wait_for("gateway", lab.gateway)
    [carrier] = [host for host in lab.hosts if host.name == lab.gateway()]
    [other] = [host for host in lab.hosts if host is not carrier]
    guest = cluster.db if carrier is lab.hosts[0] else cluster.web

    leases(lab, guest, "0.0.0.0/0 10.0.0.1")
    answer = f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 10 {OUTSIDE} {lab.cloud.port} | head -c 5"
    lab.wait_for("answer from outside", lambda: guest.shell.run(answer) == "HTTP/")

    asked = {"floating_network_id": public, "port_id": guest.port}
    floating = ask("POST", "/network/v2.0/floatingips", {"floatingip": asked})["floatingip"]["floating_ip_address"]
    rule = cluster.mine.let_in("tcp", 22, "0.0.0.0/0")
    before = tunnelled(carrier)
    lab.wait_for("ssh server at the floating address", lambda: hears_ssh_from_here(carrier, floating))
    assert tunnelled(carrier) > before
    ask("DELETE", rule)
    lab.wait_for("refusal", lambda: not hears_ssh_from_here(carrier, floating))
    cluster.mine.let_in("tcp", 22, "0.0.0.0/0")

    lab.hosts = [other]
    carrier.power_off()
    took = lab.wait_for("gateway at the other host", lambda: lab.gateway() == other.name, 900)
    print(f"the gateway has moved after {took:.1f} s", file=sys.stderr)
    took = lab.wait_for("ssh server behind it", lambda: hears_ssh_from_here(other, floating))
    print(f"and is reached after {took:.1f} s", file=sys.stderr)


def external_network(cluster: Cluster) -> str:
    """The network of the lab hosts' first cards, from which this machine reaches them, as an external network."""
    wanted = {"name": "public", "router:external": True, "provider:network_type": "flat"}
    wanted["provider:physical_network"] = "outside"
    made = str(cluster.lab.admin.ask("POST", "/network/v2.0/networks", {"network": wanted})["network"]["id"])
    pool = [{"start": "10.0.2.210", "end": "10.0.2.219"}]
    subnet = {"network_id": made, "ip_version": 4, "cidr": "10.0.2.0/24", "gateway_ip": OUTSIDE, "enable_dhcp": False}
    cluster.lab.admin.ask("POST", "/network/v2.0/subnets", {"subnet": subnet | {"allocation_pools": pool}})
    return made
