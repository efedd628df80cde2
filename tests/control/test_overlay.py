"""Networks of type geneve: what hosts are told, and what OVN's northbound database, a real one, holds after a turn."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from busway.control.loops.overlay import LOOP
from busway.control.networks import network, port, router, router_interface, security_group, subnet
from busway.control.networks.network import NewNetwork
from busway.control.networks.port import PortFields
from busway.control.networks.security_group import NewRule
from busway.control.networks.subnet import NewSubnet
from busway.control.placement import place
from busway.control.placement.plan import plan
from busway.control.servers.create import create_servers
from busway.control.servers.delete import delete_server
from busway.control.servers.interfaces import attach_interface
from busway.domain.documents import HostResources
from busway.domain.errors import BadInput, Conflict, NotFound, NotSupported, Unavailable
from busway.domain.guest_network import OVERLAY
from busway.domain.host_facts import Chassis, GuestAct
from busway.domain.ids import ServerId
from busway.domain.live_move import LiveStage
from busway.domain.network import FixedIp, Network, Port
from busway.domain.requests import CreateServer, NetworkRef
from busway.domain.security_group import default_group_id
from busway.domain.server import PowerState, ServerStatus
from busway.ovn.connection import Address
from busway.ovn.northbound import Northbound
from busway.store.port_list import PortFilter
from tests.control.clouds import ADMIN, USER, Cloud, Host
from tests.control.test_live import Pair
from tests.networking.ovn import kill, start_database

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("ovsdb-tool", "ovn-nbctl"))), reason="needs openvswitch-switch and ovn-central"
)


class Ovn:
    """A cloud with the northbound database of an OVN, whose other parts it does not need."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud, self._socket = cloud, start_database(folder, "nb")
        cloud.control = replace(cloud.control, northbound=Northbound([Address(path=str(self._socket))]))

    def turn(self) -> None:
        LOOP.turn(self.cloud.control)

    def network(self, name: str, cidr: str = "10.0.0.0/24") -> Network:
        made = network.create_network(self.cloud.control, USER, NewNetwork(name, driver=OVERLAY))
        return subnet.create_subnet(self.cloud.control, USER, NewSubnet(made.id, name, cidr))[0]

    def boot(self, name: str, on: Network) -> str:
        request = CreateServer(name, self.cloud.plain, self.cloud.image, networks=(NetworkRef(on.id),))
        [made] = create_servers(self.cloud.control, USER, request, f"req-{name}")
        return made.id

    def chassis(self, *names: str) -> list[Host]:
        """Hosts that are chassis `ovn-NAME`."""
        return [self.cloud.host(name, 0, resources=told(Chassis(f"ovn-{name}"))) for name in names]

    def requested(self, server: str) -> str:
        """Where OVN may bind the port of a server."""
        [mine] = port.list_ports(self.cloud.control, USER, PortFilter(equal={"device_id": [server]}))
        return self.of_port(mine, "options")

    def of_port(self, one: Port, columns: str) -> str:
        """What OVN has of a port, a line for each column."""
        return self._list("Logical_Switch_Port", columns, one.id)

    def rows(self, table: str, column: str) -> list[str]:
        return sorted(line for line in self._list(table, column).splitlines() if line)

    def _list(self, table: str, columns: str, *rows: str) -> str:
        argv = ("--timeout=20", "--bare", f"--columns={columns}", "list", table, *rows)
        command = ("ovn-nbctl", f"--db=unix:{self._socket}", *argv)
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.rstrip("\n")


def told(chassis: Chassis | None) -> HostResources:
    """What a host has; None is an agent that does not tell."""
    return HostResources(16, 65536, 1000, acts=tuple(GuestAct), chassis=chassis)


@pytest.fixture
def ovn(cloud: Cloud, tmp_path: Path) -> Iterator[Ovn]:
    try:
        yield Ovn(cloud, tmp_path)
    finally:
        kill(tmp_path, "nb")


def test_two_projects_may_have_the_same_addresses_and_each_turn_writes_what_is_new(ovn: Ovn) -> None:
    mine, other = ovn.network("mine"), ovn.network("other")
    ovn.boot("web", mine)
    ovn.boot("web", other)

    ovn.turn()

    assert ovn.rows("Logical_Switch", "name") == sorted([f"busway-{mine.id}", f"busway-{other.id}"])
    assert ovn.rows("DHCP_Options", "cidr") == ["10.0.0.0/24"] * 2
    records = ovn.rows("DNS", "records")
    assert records == ["web=10.0.0.2 web.busway.internal=10.0.0.2"] * 2


def test_a_server_that_goes_takes_its_port_along_and_a_network_its_switch(ovn: Ovn) -> None:
    mine = ovn.network("mine")
    server = ovn.boot("web", mine)
    ovn.turn()
    assert len(ovn.rows("Logical_Switch_Port", "name")) == 2

    delete_server(ovn.cloud.control, USER, server, "req-delete")
    ovn.turn()
    assert ovn.rows("Logical_Switch_Port", "name") == [f"services-{mine.id}"]
    network.delete_network(ovn.cloud.control, USER, mine.id)
    ovn.turn()

    assert (
        ovn.rows("Logical_Switch", "name") == ovn.rows("Port_Group", "name") == ovn.rows("DHCP_Options", "cidr") == []
    )


def test_a_rule_is_an_acl_of_its_group_on_each_network(ovn: Ovn) -> None:
    mine = ovn.network("mine")
    port.create_port(ovn.cloud.control, USER, mine.id, PortFields())
    group = default_group_id(USER.project_id)
    wanted = NewRule(group, "ingress", protocol="tcp", port_min=22, port_max=22, remote_cidr="198.51.100.0/24")
    _group, rule = security_group.create_rule(ovn.cloud.control, USER, wanted)

    ovn.turn()
    with_rule = ovn.rows("ACL", "match")
    security_group.delete_rule(ovn.cloud.control, USER, rule.id)
    ovn.turn()

    own = f"sg_{group.replace('-', '')}_{mine.id.replace('-', '')}"
    lost = set(with_rule) - set(ovn.rows("ACL", "match"))
    assert lost == {f"outport == @{own} && ip4 && ip4.src == 198.51.100.0/24 && tcp && tcp.dst == 22"}
    assert f"outport == @{own} && ip4 && ip4.src == ${own}_ip4" in with_rule


def test_a_host_is_told_the_card_and_leaves_its_traffic_to_ovn(ovn: Ovn) -> None:
    host = ovn.cloud.host("h1", 0)
    server = ovn.boot("web", ovn.network("mine"))
    place.place_round(ovn.cloud.control)

    told = host.desired()
    [known], [nic] = told.networks, told.servers[0].nics
    assert told.servers[0].id == server
    assert (known.driver, known.mtu, known.dhcp, known.ra) == (OVERLAY, 1442, False, False)
    assert (nic.driver, nic.groups, told.groups) == (OVERLAY, (), ())
    data = json.loads(told.servers[0].config_drive.network_data)
    [net] = data["networks"]
    assert net["routes"] == [
        {"network": "169.254.169.254", "netmask": "255.255.255.255", "gateway": "10.0.0.1"},
        {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"},
    ]
    assert data["services"] == [{"type": "dns", "address": "10.0.0.1"}]


def test_ovn_shuts_the_ports_of_a_network_that_is_off_and_tells_the_mtu_of_one_that_changed(ovn: Ovn) -> None:
    mine = ovn.network("mine")
    ovn.boot("web", mine)
    joined = router.create_router(ovn.cloud.control, USER, router.NewRouter("edge"))
    router_interface.add_interface(ovn.cloud.control, USER, joined.id, subnet_id=mine.subnets[0].id)

    def told(**fields: object) -> tuple[list[str], str]:
        network.update_network(ovn.cloud.control, USER, mine.id, **fields)  # type: ignore[arg-type]
        ovn.turn()
        [options] = ovn.rows("DHCP_Options", "options")
        return ovn.rows("Logical_Switch_Port", "type,enabled"), options

    off, before = told(up=False)
    on, after = told(up=True, mtu=1300)

    assert off == sorted(["false", "router", "false", "localport", "true"])
    assert on == sorted(["true", "router", "true", "localport", "true"])
    assert ("mtu=1442" in before, "mtu=1300" in after) == (True, True)


def test_ovn_knows_all_addresses_of_a_port_the_first_one_first(ovn: Ovn) -> None:
    fixed = tuple(FixedIp(address=f"10.0.0.{n}") for n in (9, 7))
    made = port.create_port(ovn.cloud.control, USER, ovn.network("mine").id, PortFields(fixed_ips=fixed))

    ovn.turn()

    assert f"{made.mac} 10.0.0.9 10.0.0.7" in ovn.rows("Logical_Switch_Port", "addresses")
    [allowed] = ovn.rows("Logical_Switch_Port", "port_security")
    assert allowed.startswith(f"{made.mac} 10.0.0.9 10.0.0.7 fe80:")


def test_members_on_an_overlay_network_let_nobody_in_on_a_hosts_network(ovn: Ovn) -> None:
    """Their addresses may be those of a stranger there."""
    host = ovn.cloud.host("h1", 1)
    ovn.cloud.boot("web", caller=USER)
    port.create_port(
        ovn.cloud.control, USER, ovn.network("mine").id, PortFields(fixed_ips=(FixedIp(address="10.0.0.77"),))
    )

    [group] = host.desired().groups

    assert "10.66.0.10" in group.members
    assert "10.0.0.77" not in group.members


def test_a_network_does_not_take_addresses_from_those_of_hosts(ovn: Ovn) -> None:
    ovn.network("mine", "10.67.0.0/16")
    local = network.create_network(ovn.cloud.control, USER, NewNetwork("local"))

    subnet.create_subnet(ovn.cloud.control, USER, NewSubnet(local.id, "local", "10.67.1.0/24"))

    with pytest.raises(BadInput, match="no guest can have"):
        ovn.network("nobody", "169.254.0.0/16")


def test_ipv6_is_on_the_configuration_drive_and_only_routers_announce_it(ovn: Ovn) -> None:
    mine = ovn.network("mine")
    _changed, v6 = subnet.create_subnet(ovn.cloud.control, USER, NewSubnet(mine.id, "v6", "fd00::/64"))
    made = port.create_port(ovn.cloud.control, USER, mine.id, PortFields())
    ovn.turn()

    assert (v6.dhcp, made.address6.startswith("fd00::")) == (False, True)
    assert f"{made.mac} {made.address} {made.address6}" in ovn.rows("Logical_Switch_Port", "addresses")
    made_router = router.create_router(ovn.cloud.control, USER, router.NewRouter("r"))
    router_interface.add_interface(ovn.cloud.control, USER, made_router.id, subnet_id=v6.id)
    ovn.turn()
    assert ovn.rows("Logical_Router_Port", "networks") == ["fd00::1/64"]
    assert ovn.rows("Logical_Router_Port", "ipv6_ra_configs") == []
    subnet.update_subnet(ovn.cloud.control, USER, v6.id, dhcp=True)
    ovn.turn()
    assert ovn.rows("Logical_Router_Port", "ipv6_ra_configs") == ["address_mode=slaac mtu=1442 send_periodic=true"]


def test_a_cloud_without_ovn_refuses_such_networks_and_says_when_it_has_some(cloud: Cloud) -> None:
    LOOP.turn(cloud.control)
    with pytest.raises(NotSupported, match="no networks of type geneve"):
        network.create_network(cloud.control, ADMIN, NewNetwork("mine", driver=OVERLAY))
    nowhere = replace(cloud.control, northbound=Northbound([Address(path="/run/nobody.sock")]))
    network.create_network(nowhere, ADMIN, NewNetwork("mine", driver=OVERLAY))

    with pytest.raises(Unavailable, match="does not answer"):
        LOOP.turn(nowhere)
    with pytest.raises(Unavailable, match="not kept up to date"):
        LOOP.turn(cloud.control)


def test_a_server_on_such_a_network_goes_to_a_chassis_and_to_no_other_host(ovn: Ovn) -> None:
    mine = ovn.network("mine")
    without = ovn.cloud.host("h1", 0, resources=told(Chassis(lacks="Open vSwitch does not answer")))
    refused = ovn.boot("early", mine)
    place.place_round(ovn.cloud.control)
    [_chassis] = ovn.chassis("h2")

    placed = ovn.boot("web", mine)
    place.place_round(ovn.cloud.control)

    found = ovn.cloud.server(refused)
    assert found.status is ServerStatus.ERROR and found.fault is not None
    assert "OverlayFilter" in found.fault.details
    assert "it is no chassis of OVN: Open vSwitch does not answer" in found.fault.details
    assert ovn.cloud.server(placed).host_name == "h2"
    assert not without.desired().servers


def test_a_card_on_such_a_network_is_refused_to_a_server_whose_host_is_no_chassis(ovn: Ovn) -> None:
    mine = ovn.network("mine")
    host = ovn.cloud.host("h1", 0, resources=told(Chassis(lacks="Open vSwitch does not answer")))
    [server] = ovn.cloud.boot("web", gpu=False, caller=USER)
    host.obey()

    with pytest.raises(Conflict) as refused:
        attach_interface(ovn.cloud.control, USER, server.id, NetworkRef(mine.id), "", "req-attach")

    assert refused.value.code == "no-chassis"
    assert port.list_ports(ovn.cloud.control, USER, PortFilter(equal={"network_id": [mine.id]})) == []


def test_a_plan_with_such_a_network_says_which_hosts_lack_ovn(ovn: Ovn) -> None:
    ovn.network("mine")
    ovn.cloud.host("h1", 0, resources=told(Chassis("ovn-h1", "ovn-controller does not answer under /run/ovn")))
    control, flavor = ovn.cloud.control, ovn.cloud.plain.id

    assert plan(control, ADMIN, flavor).refusal is None
    refusal = plan(control, ADMIN, flavor, network="mine").refusal

    assert refusal is not None
    assert refusal.hosts == {"OverlayFilter": 1}
    assert "ovn-controller does not answer" in refusal.facts
    assert any("make host h1 a chassis of OVN" in each for each in refusal.remedies)
    with pytest.raises(NotFound, match="Network elsewhere could not be found"):
        plan(control, ADMIN, flavor, network="elsewhere")


def test_an_agent_that_does_not_tell_of_ovn_gets_such_servers_and_no_chassis_is_named(ovn: Ovn) -> None:
    ovn.cloud.host("h1", 0, resources=told(None))

    server = ovn.boot("web", ovn.network("mine"))
    place.place_round(ovn.cloud.control)
    ovn.turn()

    assert ovn.cloud.server(server).host_name == "h1"
    assert ovn.requested(server) == ""


def test_a_port_is_bound_at_its_servers_host_alone_and_at_both_while_the_server_moves(ovn: Ovn) -> None:
    mine = ovn.network("mine")
    hosts = tuple(ovn.chassis("h1", "h2"))
    server = ServerId(ovn.boot("web", mine))
    ovn.turn()
    assert ovn.requested(server) == "", "it is nowhere yet"

    place.place_round(ovn.cloud.control)
    ovn.turn()
    first = ovn.cloud.server(server).host_name
    assert ovn.requested(server) == f"requested-chassis=ovn-{first}"

    pair = Pair(ovn.cloud, hosts, server)
    ovn.turn()
    assert ovn.requested(server) == f"requested-chassis=ovn-{first},ovn-{pair.two.name}"

    pair.listens()
    pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.HANDED)
    ovn.turn()
    assert ovn.requested(server).startswith(f"requested-chassis=ovn-{pair.two.name}")
    pair.tell(pair.two, PowerState.RUNNING)
    pair.one.report()
    ovn.turn()
    assert ovn.requested(server) == f"requested-chassis=ovn-{pair.two.name}"


def test_what_is_placed_changed_and_deleted_while_ovn_is_away_is_as_it_must_be_when_it_answers_again(
    ovn: Ovn, tmp_path: Path
) -> None:
    mine = ovn.network("mine")
    [host] = ovn.chassis("h1")
    old = ovn.boot("old", mine)
    place.place_round(ovn.cloud.control)
    host.obey()
    ovn.turn()
    before = ovn.rows("Logical_Switch_Port", "name")

    kill(tmp_path, "nb")
    new = ovn.boot("new", mine)
    place.place_round(ovn.cloud.control)
    delete_server(ovn.cloud.control, USER, old, "req-delete")
    host.obey()
    with pytest.raises(Unavailable, match="does not answer"):
        ovn.turn()
    assert ovn.cloud.server(new).host_name == "h1", "a placement waits for nobody"
    start_database(tmp_path, "nb")
    assert ovn.rows("Logical_Switch_Port", "name") == before, "what is there when it comes back is of before"
    ovn.turn()

    assert ovn.requested(new) == "requested-chassis=ovn-h1"
    [left] = [name for name in ovn.rows("Logical_Switch_Port", "name") if not name.startswith("services-")]
    assert left not in before
    assert all("old" not in each for each in ovn.rows("DNS", "records"))
