"""What OVN's northbound database, a real one, holds of the ports that trunks carry."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from busway.control.networks import network, port, trunk
from busway.control.networks.network import NewNetwork
from busway.control.networks.port import PortFields
from busway.control.networks.trunk import NewTrunk
from busway.control.placement import place
from busway.control.servers.delete import delete_server
from busway.domain.errors import Conflict, NotFound
from busway.domain.guest_network import OVERLAY
from busway.domain.ids import ServerId
from busway.domain.live_move import LiveStage
from busway.domain.network import Port
from busway.domain.server import PowerState
from busway.domain.trunk import SubPort
from busway.ovn.northbound import Northbound
from busway.store.port_list import PortFilter
from tests.control.clouds import USER, Cloud
from tests.control.test_live import Pair
from tests.control.test_overlay import Ovn, ovn

__all__ = ["ovn"]  # the fixture
pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, ("ovsdb-tool", "ovn-nbctl"))), reason="needs openvswitch-switch and ovn-central"
)


def carried(cloud: Ovn, server: str) -> tuple[Port, Port]:
    """The card of a server, and a port of another network that it carries."""
    [card] = port.list_ports(cloud.cloud.control, USER, PortFilter(equal={"device_id": [server]}))
    other = cloud.network("other", "10.2.0.0/24")
    sub = port.create_port(cloud.cloud.control, USER, other.id, PortFields())
    trunk.create_trunk(cloud.cloud.control, USER, NewTrunk(card.id, sub_ports=(SubPort(sub.id, 42),)))
    return card, sub


def test_a_sub_port_is_bound_where_its_parent_is_and_moves_along(ovn: Ovn) -> None:
    hosts = tuple(ovn.chassis("h1", "h2"))
    server = ServerId(ovn.boot("web", ovn.network("mine")))
    card, sub = carried(ovn, server)
    place.place_round(ovn.cloud.control)

    def bound() -> tuple[str, str]:
        ovn.turn()
        assert ovn.of_port(sub, "parent_name,tag") == f"{card.id}\n42"
        return ovn.of_port(card, "options"), ovn.of_port(sub, "options")

    at_first = bound()
    pair = Pair(ovn.cloud, hosts, server)
    moving = bound()
    pair.listens()
    pair.tell(pair.one, PowerState.SHUTOFF, LiveStage.HANDED)
    pair.tell(pair.two, PowerState.RUNNING)
    pair.one.report()
    moved = bound()

    assert at_first == (f"requested-chassis=ovn-{pair.one.name}",) * 2
    assert moving == (f"requested-chassis=ovn-{pair.one.name},ovn-{pair.two.name}",) * 2
    assert moved == (f"requested-chassis=ovn-{pair.two.name}",) * 2
    assert port.hosts_of_ports(ovn.cloud.control, [port.get_port(ovn.cloud.control, USER, sub.id)]) == {
        server: pair.two.name
    }


def test_a_server_a_port_and_a_network_that_go_leave_nothing_of_a_trunk(ovn: Ovn) -> None:
    [host] = ovn.chassis("h1")
    control = ovn.cloud.control
    server = ServerId(ovn.boot("web", ovn.network("mine")))
    card, sub = carried(ovn, server)
    place.place_round(control)
    ovn.turn()
    assert f"web={sub.address} web.busway.internal={sub.address}" in ovn.rows("DNS", "records")

    delete_server(control, USER, server, "req-delete")
    host.report()
    ovn.turn()
    assert (ovn.of_port(card, "options"), ovn.of_port(sub, "options,parent_name")) == ("", f"\n{card.id}")
    [made] = trunk.list_trunks(control, USER)
    assert not made.is_active

    trunk.delete_trunk(control, USER, made.id)
    ovn.turn()
    assert ovn.of_port(sub, "parent_name,tag") == ""
    for each in (card, sub):
        port.delete_port(control, USER, each.id)
        network.delete_network(control, USER, each.network.id)
    ovn.turn()
    assert ovn.rows("Logical_Switch_Port", "name") == ovn.rows("Logical_Switch", "name") == []


@pytest.mark.postgres
def test_of_those_who_want_a_port_at_once_one_gets_it(shared: Cloud) -> None:
    control = shared.control = replace(shared.control, northbound=Northbound(()))
    net = network.create_network(control, USER, NewNetwork("mine", driver=OVERLAY)).id
    one, other, wanted = (port.create_port(control, USER, net, PortFields()).id for _ in range(3))

    def carry(parent: str) -> None:
        trunk.create_trunk(control, USER, NewTrunk(parent, sub_ports=(SubPort(wanted, 1),)))

    acts = (lambda: carry(one), lambda: carry(other), lambda: port.delete_port(control, USER, wanted))
    with ThreadPoolExecutor(len(acts)) as pool:
        ends = list(pool.map(_end, acts))

    assert sorted(ends) == ["done", "refused", "refused"], ends
    assert len(trunk.list_trunks(control, USER)) == (0 if ends[2] == "done" else 1)


def _end(act: Callable[[], None]) -> str:
    try:
        act()
    except (Conflict, NotFound):
        return "refused"
    return "done"
