"""Cards that come to a server and go again: what its host must have, and what a report makes of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from busway.control.networks.port import EVERY_PORT, PortFields, create_port, list_ports, update_port
from busway.control.servers.interfaces import attach_interface, detach_interface
from busway.control.servers.power import stop_server
from busway.control.servers.read import list_actions
from busway.domain.documents import Nic, Observed
from busway.domain.errors import Conflict, NotFound, OverQuota
from busway.domain.grant import Fault
from busway.domain.ids import PortId
from busway.domain.network import Plug, Port
from busway.domain.requests import NetworkRef
from busway.domain.server import Server, ServerStatus
from busway.store import ports, quotas, servers
from tests.control.clouds import ADMIN, Cloud, Host

ANY = NetworkRef()


@pytest.fixture
def host(cloud: Cloud) -> Host:
    return cloud.host("h1")


@pytest.fixture
def server(cloud: Cloud, host: Host) -> Server:
    [server] = cloud.boot(gpu=False)
    host.obey()
    return server


def attach(cloud: Cloud, server: Server, wanted: NetworkRef = ANY) -> Port:
    return attach_interface(cloud.control, ADMIN, server.id, wanted, "", "req-a")


def detach(cloud: Cloud, server: Server, port: Port) -> None:
    detach_interface(cloud.control, ADMIN, server.id, port.id, "req-d")


def held(cloud: Cloud, server: Server) -> list[Port]:
    with cloud.control.db.read() as tx:
        return ports.server_ports(tx, [server.id]).get(server.id, [])


def cards(host: Host) -> tuple[Nic, ...]:
    return host.desired().servers[0].nics


def test_a_port_that_leaves_its_server_keeps_what_its_user_changed_meanwhile(cloud: Cloud, server: Server) -> None:
    own = create_port(cloud.control, ADMIN, held(cloud, server)[0].network.id, PortFields(name="before"))
    attach(cloud, server, NetworkRef(port_id=own.id))
    [read] = [port for port in held(cloud, server) if port.id == own.id]
    update_port(cloud.control, ADMIN, own.id, PortFields(name="after", security=False))

    with cloud.control.db.write() as tx:
        ports.release_port(tx, read)
        found = ports.find_port(tx, own.id)

    assert found is not None
    assert (found.name, found.security, found.server_id, found.plug) == ("after", False, None, None)


def seeing(change: Callable[[tuple[str, ...]], tuple[str, ...]], **more: object) -> Callable[[Observed], Observed]:
    """A report that tells of other cards than are desired."""

    def changed(observed: Observed) -> Observed:
        [seen] = observed.servers
        return replace(observed, servers=(replace(seen, cards=change(seen.cards or ()), **more),))  # type: ignore[arg-type]

    return changed


def test_a_card_is_down_until_its_host_has_seen_it(cloud: Cloud, host: Host, server: Server) -> None:
    port = attach(cloud, server)
    before = held(cloud, server)[-1]
    host.obey()

    assert (port.plug, before.is_active) == (Plug.COMING, False)
    assert held(cloud, server)[-1].plug is Plug.IN
    assert held(cloud, server)[-1].is_active


def test_each_card_keeps_its_place_when_others_go(cloud: Cloud, host: Host, server: Server) -> None:
    first, second, third = held(cloud, server)[0], attach(cloud, server), attach(cloud, server)
    host.obey()
    places = {nic.port: nic.root_port for nic in cards(host)}
    detach(cloud, server, second)
    host.obey()
    fourth = attach(cloud, server)

    assert places == {first.id: 1, second.id: 2, third.id: 3}
    assert {nic.port: nic.root_port for nic in cards(host)} == {first.id: 1, third.id: 3, fourth.id: 2}
    assert host.desired().servers[0].root_ports == 1


def test_a_guest_that_runs_takes_as_many_as_it_has_root_ports(cloud: Cloud, host: Host, server: Server) -> None:
    attach(cloud, server)
    attach(cloud, server)

    with pytest.raises(Conflict, match="no free root port"):
        attach(cloud, server)


def test_the_root_port_of_a_card_that_goes_is_not_free_before_it_is_gone(
    cloud: Cloud, host: Host, server: Server
) -> None:
    gone = attach(cloud, server)
    attach(cloud, server)
    host.obey()
    detach(cloud, server, gone)

    with pytest.raises(Conflict, match="no free root port"):
        attach(cloud, server)
    host.obey()
    assert attach(cloud, server).root_port == gone.root_port


def test_a_guest_that_is_off_gets_one_more_root_port(cloud: Cloud, host: Host, server: Server) -> None:
    attach(cloud, server)
    attach(cloud, server)
    host.obey()
    stop_server(cloud.control, ADMIN, server.id, "req-s")
    host.obey()

    port = attach(cloud, server)

    assert port.root_port == 4
    assert host.desired().servers[0].root_ports == 2


def test_a_port_is_the_server_s_until_the_guest_was_seen_without_it(cloud: Cloud, host: Host, server: Server) -> None:
    own = create_port(cloud.control, ADMIN, held(cloud, server)[0].network.id, PortFields(name="mine"))
    attach(cloud, server, NetworkRef(port_id=own.id))
    host.obey()
    detach(cloud, server, own)
    host.as_of = seeing(lambda macs: (*macs, own.mac))
    host.obey()
    kept = held(cloud, server)[-1]
    with pytest.raises(Conflict, match="still in use"):
        attach(cloud, server, NetworkRef(port_id=own.id))
    host.as_of = lambda observed: observed
    host.obey()

    assert (kept.id, kept.plug) == (own.id, Plug.GOING)
    [free] = [port for port in list_ports(cloud.control, ADMIN, EVERY_PORT) if port.id == own.id]
    assert (free.server_id, free.plug, free.root_port) == (None, None, 0)
    assert attach(cloud, server, NetworkRef(port_id=own.id)).id == own.id


def test_a_report_of_an_older_document_tells_nothing_of_a_card_that_goes(
    cloud: Cloud, host: Host, server: Server
) -> None:
    older = host.desired()
    port = attach(cloud, server)
    detach(cloud, server, port)
    host.report([server.id], of=older)

    assert [each.id for each in held(cloud, server)][-1] == port.id


def test_a_guest_that_ignores_it_is_told_of_once_and_may_still_follow(cloud: Cloud, host: Host, server: Server) -> None:
    port = attach(cloud, server)
    host.obey()
    detach(cloud, server, port)
    host.as_of = seeing(lambda macs: (*macs, port.mac), ignored=(port.mac,))
    host.obey()
    host.obey()
    [action] = [each for each in list_actions(cloud.control, ADMIN, server.id) if each.action == "detach_interface"]
    host.as_of = lambda observed: observed
    host.obey()

    assert "let go of network card" in (action.message or "")
    assert len(held(cloud, server)) == 1


def test_a_card_that_its_host_can_not_plug_in_is_taken_back(cloud: Cloud, host: Host, server: Server) -> None:
    own = create_port(cloud.control, ADMIN, held(cloud, server)[0].network.id, PortFields())
    attach(cloud, server, NetworkRef(port_id=own.id))
    fault = Fault("PlugCard", "libvirt could not plug it", "no more available PCI slots")
    host.as_of = seeing(lambda macs: macs[:1], fault=fault)
    host.obey()

    [action] = [each for each in list_actions(cloud.control, ADMIN, server.id) if each.action == "attach_interface"]
    assert "no more available PCI slots" in (action.message or "")
    assert len(held(cloud, server)) == len(cards(host)) == 1
    assert cloud.server(server.id).status is ServerStatus.ACTIVE


def test_the_quota_of_ports_holds(cloud: Cloud, host: Host, server: Server) -> None:
    with cloud.control.db.write() as tx:
        quotas.set_limits(tx, ADMIN.project_id, {"port": 1})

    with pytest.raises(OverQuota):
        attach(cloud, server)


def test_a_paused_guest_is_refused_with_the_reason(cloud: Cloud, host: Host, server: Server) -> None:
    with cloud.control.db.write() as tx:
        servers.update_server(tx, server.id, cloud.control.now(), status=ServerStatus.PAUSED)

    with pytest.raises(Conflict, match="while it is PAUSED"):
        attach(cloud, server)


def test_a_port_that_the_server_has_not_is_not_found(cloud: Cloud, host: Host, server: Server) -> None:
    with pytest.raises(NotFound):
        detach_interface(cloud.control, ADMIN, server.id, PortId("no"), "req-d")
