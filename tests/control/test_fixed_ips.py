"""Several who want addresses of one network at once: each address is given once, first and further ones alike."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from busway.control.networks import network, port, subnet
from busway.control.networks.network import NewNetwork
from busway.control.networks.port import PortFields
from busway.control.networks.subnet import NewSubnet
from busway.control.servers.create import create_servers
from busway.domain.errors import Conflict
from busway.domain.network import FixedIp
from busway.domain.requests import CreateServer, NetworkRef
from busway.store import ports
from tests.control.clouds import USER, Cloud

CHOSEN = FixedIp(address="10.67.1.77")


def test_no_address_is_given_twice_to_those_who_ask_at_once(shared: Cloud) -> None:
    control = shared.control
    net = network.create_network(control, USER, NewNetwork("mine")).id
    pools = (("10.67.1.2", "10.67.1.5"), ("10.67.1.9", "10.67.1.12"))
    any_one = FixedIp(subnet.create_subnet(control, USER, NewSubnet(net, "mine", "10.67.1.0/24", pools=pools))[1].id)
    held = [port.create_port(control, USER, net, PortFields()).id for _n in range(2)]
    server = CreateServer("s", shared.plain, shared.image, networks=(NetworkRef(net),))
    more = PortFields(fixed_ips=(any_one, any_one, CHOSEN))
    wishes: list[Callable[[], object]] = [
        *(partial(port.update_port, control, USER, each, more) for each in held),
        partial(port.create_port, control, USER, net, PortFields(fixed_ips=(CHOSEN, any_one))),
        partial(port.create_port, control, USER, net, PortFields(fixed_ips=(any_one, any_one))),
        partial(create_servers, control, USER, server, "req-1"),
        partial(create_servers, control, USER, server, "req-2"),
    ]

    def ask(wish: Callable[[], object]) -> str:
        try:
            wish()
        except Conflict as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(wishes)) as pool:
        answers = [each.result(60) for each in [pool.submit(ask, wish) for wish in wishes]]

    with control.db.read() as tx:
        given = [address for each in ports.list_ports(tx, network_id=net) for address in each.addresses]
    assert len(given) == len(set(given)) and set(given) <= {f"10.67.1.{n}" for n in (2, 3, 4, 5, 9, 10, 11, 12, 77)}
    assert sorted(answers[:3]) == ["address-taken", "address-taken", "done"] and set(answers[3:]) == {"done"}, answers
