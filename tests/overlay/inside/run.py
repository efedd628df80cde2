"""Guests of libvirt on OVN's logical switches. Run as `python -m tests.overlay.inside.run FOLDER IMAGE`.

It must be in a network, mount and process namespace of its own: whatever it starts ends with it.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.live.inside.cloud import until
from tests.overlay.inside.asking import metadata
from tests.overlay.inside.cloud import Guest, OverlayCloud, Project, seconds_until


def main() -> None:
    folder, image = Path(sys.argv[1]), Path(sys.argv[2])
    cloud = OverlayCloud(folder)
    try:
        began = time.monotonic()
        cloud.up(image)
        mine, theirs = cloud.project("mine"), cloud.project("theirs")
        for project in (mine, theirs):
            project.make_network()
        web, db = mine.boot("web", "h1", "10.0.0.11"), mine.boot("db", "h2", "10.0.0.12")
        far = theirs.boot("far", "h2", "10.0.0.13")
        for guest in (web, db, far):
            guest.wait()
            guest.prepare()
        said("three guests have booted", began)
        no_server_goes_elsewhere(cloud, mine)
        addresses_come_from_ovn(web, db, far)
        they_reach_each_other(cloud, web, db, far)
        names_and_metadata(web, db, far)
        security_groups(mine, web, db)
        nobody_passes_for_another(web, db)
        goes_over(cloud, web, db)
        a_controller_dies(cloud, web, db, far)
        the_database_is_away(cloud, mine, web)
        a_switch_dies(cloud, mine)
    except BaseException:
        for log in sorted(folder.glob("*.log")):
            print(f"== {log.name}", log.read_text(errors="replace")[-6000:], sep="\n")
        for chassis in cloud.chassis.values():
            print(f"== {chassis.name}", chassis.log(), sep="\n")
        raise
    finally:
        cloud.down()
    print("all is well")


def said(what: str, began: float) -> None:
    print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)


def no_server_goes_elsewhere(cloud: OverlayCloud, mine: Project) -> None:
    """A host without OVN gets none of them, and its user hears why."""
    nowhere = mine.boot("nowhere", "h3", "10.0.0.14")
    until("refusal", lambda: nowhere.status() == "ERROR", 60)
    fault = cloud.server(nowhere.id)["fault"]["message"]
    assert "OverlayFilter" in fault and "it is no chassis of OVN: Open vSwitch does not answer" in fault, fault


def addresses_come_from_ovn(*guests: Guest) -> None:
    """The card of a guest has the address of its port, by DHCP, with the MTU and the way to the metadata."""
    began = time.monotonic()
    for guest in guests:
        assert guest.lease(), f"{guest.name} gets no address"
        told = {key: guest.told.get(key) for key in ("ip", "mask", "mtu", "dns", "staticroutes", "router", "domain")}
        assert told == {
            "ip": guest.address, "mask": "24", "mtu": "1442", "dns": "10.0.0.1", "domain": "busway.internal",
            "staticroutes": "169.254.169.254/32 10.0.0.1", "router": None,
        }, told  # fmt: skip
    said("addresses by DHCP", began)


def they_reach_each_other(cloud: OverlayCloud, web: Guest, db: Guest, far: Guest) -> None:
    """Members on two hosts, by ICMP and TCP, through a tunnel; nobody of another project, on the same host or not."""
    began = time.monotonic()
    before = cloud.chassis["h1"].tunnelled()
    until("ping from host to host", lambda: web.reaches(db.address), 60)
    assert db.reaches(web.address)
    until("frames in the tunnel", lambda: cloud.chassis["h1"].tunnelled() > before, 30)
    assert web.hears_ssh(db) and db.hears_ssh(web)
    for guest in (web, db):
        assert not far.reaches(guest.address) and not far.hears_ssh(guest), f"a stranger reaches {guest.name}"
        assert not guest.reaches(far.address), f"{guest.name} reaches a stranger"
    said("from host to host, and no stranger", began)


def names_and_metadata(web: Guest, db: Guest, far: Guest) -> None:
    """Each guest knows the names of its own network, and reads its own documents."""
    began = time.monotonic()
    assert db.address in web.shell.run("nslookup db.busway.internal 10.0.0.1")
    assert db.address not in far.shell.run("nslookup db.busway.internal 10.0.0.1")
    for guest in (web, db, far):
        assert metadata(guest.shell).get("uuid") == guest.id
    said("names and metadata", began)


def security_groups(mine: Project, web: Guest, db: Guest) -> None:
    """Who leaves the group is refused, and a rule lets one port in again."""
    began = time.monotonic()
    [default] = mine.call("GET", "/network/v2.0/security-groups?name=default")["security_groups"]
    closed = mine.call("POST", "/network/v2.0/security-groups", {"security_group": {"name": "closed"}})[
        "security_group"
    ]
    mine.call("PUT", f"/network/v2.0/ports/{web.port}", {"port": {"security_groups": [closed["id"]]}})
    took = seconds_until("refusal", lambda: not web.shell.pings(db.address, 1), 60)
    assert not web.hears_ssh(db)
    rule = {
        "security_group_id": default["id"], "direction": "ingress", "protocol": "tcp", "port_range_min": 22,
        "port_range_max": 22, "remote_ip_prefix": f"{web.address}/32",
    }  # fmt: skip
    mine.call("POST", "/network/v2.0/security-group-rules", {"security_group_rule": rule})
    until("open port", lambda: web.hears_ssh(db), 60)
    assert not web.reaches(db.address), "the rule is for one port"
    mine.call("PUT", f"/network/v2.0/ports/{web.port}", {"port": {"security_groups": [default["id"]]}})
    until("member again", lambda: web.reaches(db.address), 60)
    said(f"security groups ({took:.1f} s until the refusal)", began)


def nobody_passes_for_another(web: Guest, db: Guest) -> None:
    """An address or a MAC that is not the port's own gets no answer."""
    began = time.monotonic()
    web.shell.run("ip address add 10.0.0.77/24 dev eth0")
    assert not web.shell.pings(db.address, source="10.0.0.77"), "a forged address"
    web.shell.run("ip address delete 10.0.0.77/24 dev eth0")
    assert web.reaches(db.address)
    web.shell.run("ip link set eth0 down; ip link set eth0 address fa:16:3e:00:00:99; ip link set eth0 up; sleep 1")
    assert not web.reaches(db.address), "a forged MAC"
    web.shell.run(f"ip link set eth0 down; ip link set eth0 address {web.mac}; ip link set eth0 up; sleep 1")
    until("own MAC again", lambda: web.reaches(db.address), 60)
    said("forged addresses", began)


def goes_over(cloud: OverlayCloud, web: Guest, db: Guest) -> None:
    """A live migration: OVN lets both hosts have the port meanwhile, then the target alone, and the address stays."""
    began = time.monotonic()
    db.leave_shell()
    cloud.act(db.id, **{"os-migrateLive": {"host": None, "block_migration": "auto"}})
    until("both chassis", lambda: cloud.requested(db.port) == "chassis-h2,chassis-h1", 60)
    until("end of the migration", lambda: db.status() != "MIGRATING")
    assert (db.status(), db.host) == ("ACTIVE", "h1")
    until("port on the target alone", lambda: cloud.requested(db.port) == "chassis-h1", 60)
    until("port bound on the target", lambda: cloud.bound(db.port) == "h1", 60)
    took = seconds_until("ping after the migration", lambda: web.shell.pings(db.address, 1), 60)
    assert db.reaches(web.address)
    said(f"live migration ({took:.1f} s until it was reached again)", began)


def a_controller_dies(cloud: OverlayCloud, web: Guest, near: Guest, far: Guest) -> None:
    """What was there stays while ovn-controller is away; the host is no place for new guests, and is one again."""
    began = time.monotonic()
    host = cloud.chassis["h1"]
    host.kill_controller()
    assert web.reaches(near.address) and near.reaches(web.address)
    until("report of what is missing", lambda: "ovn-controller does not answer" in cloud.lacks("h1"), 60)
    host.start_controller()
    until("chassis again", lambda: not cloud.lacks("h1"), 60)
    assert not far.reaches(web.address)
    said("an ovn-controller that died", began)


def a_switch_dies(cloud: OverlayCloud, mine: Project) -> None:
    """A host whose ovs-vswitchd is dead gets no servers on such networks, and its user hears why."""
    began = time.monotonic()
    cloud.chassis["h2"].kill_switch()
    until("report of what is missing", lambda: "ovs-vswitchd does not answer" in cloud.lacks("h2"), 60)
    refused = mine.boot("refused", "h2", "10.0.0.16")
    until("refusal", lambda: refused.status() == "ERROR", 60)
    fault = cloud.server(refused.id)["fault"]["message"]
    assert "it is no chassis of OVN: ovs-vswitchd does not answer" in fault, fault
    said("an ovs-vswitchd that died", began)


def the_database_is_away(cloud: OverlayCloud, mine: Project, web: Guest) -> None:
    """A guest starts while ovn-central is away, another goes; afterwards the new one has its address and the old one no port."""
    began = time.monotonic()
    gone = mine.call("POST", "/network/v2.0/ports", {"port": {"network_id": mine.network}})["port"]["id"]
    until("port", lambda: gone in cloud.north("Logical_Switch_Port", "name"), 60)
    cloud.kill_north()
    late = mine.boot("late", "h2", "10.0.0.15")
    mine.call("DELETE", f"/network/v2.0/ports/{gone}")
    late.wait()
    late.prepare()
    assert not late.lease(), "nobody has told OVN"
    cloud.start_north()
    took = seconds_until("port of the new guest", lambda: late.port in cloud.north("Logical_Switch_Port", "name"), 60)
    assert gone not in cloud.north("Logical_Switch_Port", "name")
    until("lease", late.lease, 60)
    until("ping", lambda: late.reaches(web.address), 60)
    said(f"a database that was away ({took:.1f} s from its start to the new port)", began)


if __name__ == "__main__":
    main()
