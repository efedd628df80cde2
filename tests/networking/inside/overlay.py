"""Run within a network namespace: OVN with two hosts, from Busway's rows to what guests can send each other."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from busway.domain.errors import HostError, Unavailable
from busway.domain.guest_network import OVERLAY, AddressPair, HostNetwork, HostRoute, NicRule
from busway.domain.host_facts import Chassis as HostFact
from busway.domain.ids import NetworkId, PortId, ProjectId, SecurityGroupId, ServerId
from busway.domain.network import Network, Port, Subnet
from busway.networking.chassis import read_chassis
from busway.networking.overlay import OverlayDriver
from busway.ovn.connection import Address
from busway.ovn.northbound import Northbound
from busway.ovn.rows import Overlay, rows_of
from tests.networking.ovn import PYTHON, Central, Chassis, Guest, ip, kill, start_database, wait_for

NOW = datetime(2026, 1, 1, tzinfo=UTC)
V4 = Subnet(
    "11111111-0000-4000-8000-0000000000a4",
    "mine",
    "10.0.0.0/24",
    "10.0.0.1",
    (("10.0.0.2", "10.0.0.254"),),
    routes=(HostRoute("198.51.100.0/24", "10.0.0.2"),),
)
MINE = Network(
    NetworkId("11111111-0000-4000-8000-000000000001"), "mine", ProjectId("p1"), NOW, False, OVERLAY, mtu=1442,
    v4=V4,
    v6=Subnet("11111111-0000-4000-8000-0000000000a6", "mine6", "fd11::/64", "fd11::1", dhcp=False),
)  # fmt: skip
THEIRS = replace(
    MINE, id=NetworkId("22222222-0000-4000-8000-000000000001"), owner=ProjectId("p2"),
    v4=replace(V4, id="22222222-0000-4000-8000-0000000000a4"), v6=None,
)  # fmt: skip
DEFAULT, OPEN, STRANGE = (SecurityGroupId(f"{digit * 8}-0000-4000-8000-00000000000f") for digit in "def")
OUT = (NicRule("egress", "IPv4"), NicRule("egress", "IPv6"))
RULES = {
    DEFAULT: (
        *OUT, NicRule("ingress", "IPv4", remote_group=DEFAULT), NicRule("ingress", "IPv6", remote_group=DEFAULT),
        NicRule("ingress", "IPv4", 6, 80, 80),
    ),
    OPEN: OUT,
    STRANGE: (*OUT, NicRule("ingress", "IPv4", remote_group=STRANGE)),
}  # fmt: skip


def port(digit: str, network: Network, address: str, group: SecurityGroupId) -> Port:
    return Port(
        PortId(f"{digit * 8}-0000-4000-8000-0000000000aa"), network, network.owner, ServerId(f"s{digit}"), address,
        f"fa:16:3e:00:00:0{digit}", NOW, groups=(group,),
    )  # fmt: skip


WEB, DB = port("1", MINE, "10.0.0.11", DEFAULT), port("2", MINE, "10.0.0.12", DEFAULT)
OTHER, FAR = port("3", MINE, "10.0.0.13", OPEN), port("4", THEIRS, "10.0.0.14", STRANGE)
TWIN = port("5", THEIRS, "10.0.0.12", STRANGE)  # the address of DB, on another network
NAMES = {
    ServerId("s1"): "web",
    ServerId("s2"): "db",
    ServerId("s3"): "other",
    ServerId("s4"): "far",
    ServerId("s5"): "db",
}
CLOUD = Overlay((MINE, THEIRS), (WEB, DB, OTHER, FAR, TWIN), RULES, NAMES, "busway.internal")


def main(folder: Path) -> None:
    ip("link set lo up")
    ip("link add underlay type bridge")
    ip("link set underlay up")
    central = Central(folder / "ovn")
    north = Northbound([Address(path=str(central.north))])
    one, two = Chassis(central, 1), Chassis(central, 2)
    the_driver_knows_a_chassis(one, folder)
    a_host_tells_whether_it_is_a_chassis(one, folder)
    assert north.converge(rows_of(CLOUD)) > 0
    assert north.converge(rows_of(CLOUD)) == 0, "a second turn changes nothing"

    web, other, twin = (
        one.plug(name, each.mac, each.id) for name, each in (("web", WEB), ("other", OTHER), ("twin", TWIN))
    )
    db, far = (two.plug(name, each.mac, each.id) for name, each in (("db", DB), ("far", FAR)))
    central.settle()

    lease = web.lease()
    told = {key: lease.get(key) for key in ("ip", "mask", "mtu", "dns", "staticroutes", "router", "domain", "serverid")}
    assert told == {
        "ip": "10.0.0.11", "mask": "24", "mtu": "1442", "dns": "10.0.0.1", "staticroutes": "169.254.169.254/32 10.0.0.1 198.51.100.0/24 10.0.0.2",
        "router": None, "domain": "busway.internal", "serverid": "10.0.0.1",
    }, told  # fmt: skip
    assert db.lease()["ip"] == TWIN.address == twin.lease()["ip"]
    for guest, each in ((web, WEB), (db, DB), (other, OTHER), (far, FAR), (twin, TWIN)):
        guest.has(f"{each.address}/24")
    web.has(f"{WEB.address6}/64")
    db.has(f"{DB.address6}/64")

    wait_for(lambda: web.pings("10.0.0.12"))  # the first packets of a tunnel may be lost
    wait_for(lambda: web.pings(DB.address6))
    wait_for(lambda: far.pings("10.0.0.12"))  # the twin, and not its namesake on the other network
    assert not far.pings("10.0.0.11"), "a stranger's project does not reach a network"
    assert not other.pings("10.0.0.12"), "who is in no group of the rules does not come in"
    print("addresses, members and strangers")

    assert web.asks_dns("db.busway.internal", "10.0.0.1") == "0 10.0.0.12" == far.asks_dns("db", "10.0.0.1")
    assert web.asks_dns("db", "10.0.0.1", 28) == f"0 {DB.address6}"
    assert far.asks_dns("web.busway.internal", "10.0.0.1") == "", "a name of another network"
    print("names")

    each_host_answers_its_own_guests(one, folder, web, twin, db)

    servers = [db.listens("10.0.0.12", number) for number in (80, 81)]
    try:
        wait_for(lambda: other.connects("10.0.0.12", 80))
        assert not other.connects("10.0.0.12", 81), "no rule lets that port through"
        assert web.connects("10.0.0.12", 81)
        print("ports")

        nobody_passes_for_another(web, db)
        forged_answers_are_dropped(other, web, db)

        shut = replace(CLOUD, rules={**RULES, DEFAULT: RULES[DEFAULT][:-1]})
        assert north.converge(rows_of(shut)) > 0
        central.settle()
        assert not other.connects("10.0.0.12", 80), "a rule that is gone lets nothing through"
        assert web.connects("10.0.0.12", 80)
        print("a change of rules")

        drift_is_repaired(central, north)
        central.settle()
        wait_for(lambda: other.connects("10.0.0.12", 80))
        assert not other.connects("10.0.0.12", 81)
    finally:
        for process in servers:
            process.kill()
            process.wait()
    pairs_and_open_ports(central, north, web, db)
    only_its_hosts_may_have_a_port(central, north, web)
    a_controller_may_die(central, north, two, web, other)

    central.nbctl("ls-add", "operators-own")
    assert north.converge(()) > 0
    assert central.nbctl("--bare", "--columns=name", "list", "Logical_Switch").split() == ["operators-own"]
    for table in ("Logical_Switch_Port", "DHCP_Options", "DNS", "Port_Group", "ACL"):
        assert central.nbctl("--bare", "list", table) == "", table
    the_database_may_die(central, north)
    for log in central.folder.glob("*/controller.log"):
        written = log.read_text()
        assert "error parsing match" not in written and "parsing expression failed" not in written, written
    a_dead_switch_is_noticed(two, folder)
    print("all is well")


def the_driver_knows_a_chassis(host: Chassis, folder: Path) -> None:
    network = HostNetwork(MINE.id, "mine", OVERLAY)
    assert OverlayDriver(host.database).ensure(network) == "br-int"
    empty = folder / "empty"
    empty.mkdir()
    for database in (f"unix:{start_database(empty, 'conf')}", "unix:/run/nobody.sock"):
        try:
            OverlayDriver(database).ensure(network)
        except HostError as error:
            assert error.code == "no-ovn", error
        else:
            raise AssertionError("a host without OVN is told so")
    kill(empty, "conf")


def a_host_tells_whether_it_is_a_chassis(host: Chassis, folder: Path) -> None:
    """Its name, and the first thing that is missing, each time that it is asked."""
    root = host.root(folder / "root")
    assert read_chassis(root) == HostFact("host1")
    host.ids("remove", "Open_vSwitch", ".", "external_ids", "ovn-encap-ip")
    assert read_chassis(root) == HostFact("host1", "external_ids of Open vSwitch lack ovn-encap-ip")
    host.ids("set", "Open_vSwitch", ".", "external_ids:ovn-encap-ip=192.0.2.1")
    host.ids("set", "Open_vSwitch", ".", "external_ids:system-id=a,b")
    assert "has characters other than" in read_chassis(root).lacks
    host.ids("set", "Open_vSwitch", ".", "external_ids:system-id=host1")
    host.kill_controller()
    assert read_chassis(root) == HostFact("host1", "ovn-controller does not answer under /run/ovn")
    host.start_controller()
    assert read_chassis(root) == HostFact("host1")
    assert "Open vSwitch does not answer at /run/openvswitch/db.sock" in read_chassis(folder / "nowhere").lacks
    print("chassis")


def a_dead_switch_is_noticed(host: Chassis, folder: Path) -> None:
    """Its database and ovn-controller go on, and a bridge is still listed; but nobody forwards a frame."""
    root = host.root(folder / "switched")
    assert read_chassis(root) == HostFact(host.name)
    host.kill_switch()
    assert read_chassis(root) == HostFact(host.name, "ovs-vswitchd does not answer under /run/openvswitch")
    print("a dead switch")


def only_its_hosts_may_have_a_port(central: Central, north: Northbound, web: Guest) -> None:
    """OVN binds a port at the chassis of its server alone; while the server moves, at both."""

    def bound() -> set[str]:
        columns = "--columns=chassis,additional_chassis"
        found = central.sbctl("--bare", columns, "find", "Port_Binding", f"logical_port={WEB.id}").split()
        return {central.sbctl("--bare", "--columns=name", "list", "Chassis", each).strip() for each in found}

    def at(*chassis: str) -> None:
        north.converge(rows_of(replace(CLOUD, chassis={ServerId("s1"): chassis})))
        central.settle()

    assert bound() == {"host1"}
    at("host2")
    wait_for(lambda: bound() == set())
    assert not web.pings("10.0.0.12"), "a card that is plugged in elsewhere under its id is nothing"
    at("host1", "host2")
    wait_for(lambda: bound() == {"host1"})
    wait_for(lambda: web.pings("10.0.0.12"))
    at("host1")
    wait_for(lambda: web.pings("10.0.0.12"))
    print("requested chassis")


def a_controller_may_die(central: Central, north: Northbound, host: Chassis, web: Guest, other: Guest) -> None:
    """Guests go on meanwhile; what has changed is so as soon as it is back."""
    host.kill_controller()
    assert web.pings("10.0.0.12"), "what was there stays"
    north.converge(rows_of(replace(CLOUD, rules={**RULES, DEFAULT: (*RULES[DEFAULT], NicRule("ingress", "IPv4", 1))})))
    assert not other.pings("10.0.0.12")
    host.start_controller()
    central.settle()
    wait_for(lambda: other.pings("10.0.0.12"))
    north.converge(rows_of(CLOUD))
    central.settle()
    wait_for(lambda: not other.pings("10.0.0.12"))
    assert web.pings("10.0.0.12")
    print("a controller that died")


def each_host_answers_its_own_guests(host: Chassis, folder: Path, web: Guest, twin: Guest, db: Guest) -> None:
    """Metadata, and what OVN leaves of DNS; with overlapping networks, after kill -9, and gone when the guests are."""
    for guest in (web, twin, db):
        guest.do("ip", "route", "replace", "169.254.169.254", "via", "10.0.0.1")
    assert web.fetches("openstack/latest/meta_data.json") == ""
    for end in ("kill", "leave"):
        agent = host.agent("tests.networking.inside.overlay_host", host.database, str(folder / "networks"))
        assert agent.stdin is not None
        wait_for(lambda: web.fetches("openstack/latest/meta_data.json") == '{"name": "server-1"}')
        wait_for(lambda: twin.fetches("openstack/latest/meta_data.json") == '{"name": "server-2"}')
        assert db.fetches("openstack/latest/meta_data.json") == "", "a guest of another host"
        assert web.asks_dns("other.busway.internal", "10.0.0.1", 16) == "0 -", "no text of that name"
        assert web.asks_dns("www.example.org", "10.0.0.1") == "5 -", "a name of elsewhere"
        assert web.asks_dns("db.busway.internal", "10.0.0.1") == "0 10.0.0.12"
        print("metadata", end)
        if end == "kill":
            agent.kill()
        agent.communicate("leave\n" if end == "leave" else None, timeout=30)
    assert agent.returncode == 0
    assert not [name for name in host.ports() if name.startswith("bws")]
    print("metadata")


_OTHER = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0x88b5))
own = s.getsockname()[4]
s.send(bytes.fromhex("ffffffffffff") + own + bytes.fromhex("88b5") + b"heard" * 12)
"""
_OTHER_HEARD = """
import socket
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88b5))
print("listening", flush=True)
print(s.recv(99)[14:19].decode())
"""


def nobody_passes_for_another(web: Guest, db: Guest) -> None:
    """An address or a MAC that is not the port's own."""
    web.has("10.0.0.77/24")
    assert not web.pings_as("10.0.0.77", "10.0.0.12"), "a forged address"
    web.do("ip", "address", "delete", "10.0.0.77/24", "dev", "eth0")
    assert web.pings("10.0.0.12")
    assert another_ethertype(web, db) == "", "neither IP nor ARP"
    web.do("ip", "link", "set", "eth0", "address", "fa:16:3e:00:00:99")
    assert not web.pings("10.0.0.12"), "a forged MAC"
    web.do("ip", "link", "set", "eth0", "address", WEB.mac)
    wait_for(lambda: web.pings("10.0.0.12"))
    print("forged addresses")


def another_ethertype(sender: Guest, receiver: Guest) -> str:
    """What one of them hears of a frame that is neither IP nor ARP."""
    hearing = receiver.start(*PYTHON, _OTHER_HEARD)
    sender.do(*PYTHON, _OTHER)
    return what_was_heard(hearing, 1)


def what_was_heard(process: subprocess.Popen[str], seconds: float) -> str:
    """What a listener prints within some seconds of the end of the sender, "" for nothing."""
    try:
        return process.communicate(timeout=seconds)[0].strip()
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return ""


_HEAR = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.0.0.12", 9999))
print("listening", flush=True)
print(s.recv(9).decode())
"""
_SAY = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("", int(sys.argv[1])))
for _ in range(3): s.sendto(b"heard", ("10.0.0.12", 9999))
"""


def forged_answers_are_dropped(other: Guest, web: Guest, db: Guest) -> None:
    """OVN lets what comes from port 53 in to everybody, for its own answers: no guest may send that."""

    def heard(sender: Guest, source: int, seconds: float) -> str:
        hearing = db.start(*PYTHON, _HEAR)
        sender.do(*PYTHON, _SAY, str(source))
        return what_was_heard(hearing, seconds)

    assert heard(web, 5353, 15) == "heard"
    assert heard(other, 53, 1) == ""
    print("forged answers")


def drift_is_repaired(central: Central, north: Northbound) -> None:
    """What somebody removes, changes or doubles in the northbound database is as it was after one turn."""
    rows = rows_of(CLOUD)
    north.converge(rows)
    before = dump(central)
    central.nbctl("lsp-del", WEB.id)
    central.nbctl("pg-del", f"secured_{MINE.id.replace('-', '')}")
    central.nbctl("ls-del", f"busway-{THEIRS.id}")
    central.nbctl("lsp-set-port-security", DB.id)
    central.nbctl("acl-add", f"busway-{MINE.id}", "to-lport", "3000", "ip", "allow")
    central.nbctl("create", "Logical_Switch", "name=double", f"external_ids={{owner=busway,busway={MINE.id}}}")
    assert dump(central) != before
    north.converge(rows)
    assert dump(central) == before
    assert north.converge(rows) == 0
    print("drift")


def dump(central: Central) -> list[str]:
    """The northbound database without the ids that it chooses."""
    found = []
    for table, columns in {
        "Logical_Switch": "name,other_config", "Logical_Switch_Port": "name,addresses,port_security,type",
        "Port_Group": "name", "ACL": "direction,priority,match,action", "DNS": "records", "DHCP_Options": "cidr,options",
    }.items():  # fmt: skip
        lines = central.nbctl("--bare", "--format=csv", f"--columns={columns}", "list", table).splitlines()
        found += sorted(f"{table}: {line}" for line in lines)
    for name in sorted(central.nbctl("--bare", "--columns=name", "list", "Logical_Switch").split()):
        found += sorted(line.split()[1] for line in central.nbctl("lsp-list", name).splitlines())
        found.append(central.nbctl("acl-list", name))
    for name in sorted(central.nbctl("--bare", "--columns=name", "list", "Port_Group").split()):
        found.append(central.nbctl("--type=port-group", "acl-list", name))
    return found


def pairs_and_open_ports(central: Central, north: Northbound, web: Guest, db: Guest) -> None:
    """An allowed pair lets a card send from another address; without port security it sends as it likes."""
    web.has("10.0.0.99/24")
    assert not db.pings("10.0.0.99")
    paired = replace(WEB, pairs=(AddressPair(WEB.mac, "10.0.0.96/30"),))
    opened = replace(DB, security=False, groups=())
    north.converge(rows_of(replace(CLOUD, ports=(paired, opened, OTHER, FAR, TWIN))))
    central.settle()
    wait_for(lambda: web.pings_as("10.0.0.99", "10.0.0.12"))
    assert another_ethertype(db, web) == "heard", "without port security"
    db.has("10.0.0.88/24")
    allowed = NicRule("ingress", "IPv4", 1)
    north.converge(
        rows_of(replace(CLOUD, ports=(paired, opened, OTHER, FAR, TWIN), rules={**RULES, DEFAULT: (*OUT, allowed)}))
    )
    central.settle()
    wait_for(lambda: db.pings_as("10.0.0.88", "10.0.0.11"))
    north.converge(rows_of(replace(CLOUD, ports=(WEB, replace(DB, up=False), OTHER, FAR, TWIN))))
    central.settle()
    assert not web.pings("10.0.0.12"), "a port that is switched off"
    north.converge(rows_of(CLOUD))
    central.settle()
    web.comes_to("10.0.0.12")
    print("pairs, ports without security, and ports that are off")


def the_database_may_die(central: Central, north: Northbound) -> None:
    """A killed server is an error of its turn; the next turn finds what was written, or writes it."""
    north.converge(rows_of(CLOUD))
    kill(central.folder, "nb")
    try:
        north.converge(rows_of(CLOUD))
    except Unavailable as error:
        assert error.code == "ovn-unreachable"
    else:
        raise AssertionError("nobody answers")
    start_database(central.folder, "nb")
    assert north.converge(rows_of(CLOUD)) == 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
