"""Requests that lock several things take them in one order, so that none waits for another that waits for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text

from busway.control.networks import list_networks, network, port, security_group, subnet
from busway.control.networks.network import NewNetwork
from busway.control.networks.port import PortFields
from busway.control.networks.security_group import NewRule
from busway.control.servers.create import create_servers
from busway.domain.errors import Raced
from busway.domain.ids import ProjectId
from busway.domain.requests import CreateServer, NetworkRef
from busway.domain.security_group import default_group_id
from busway.store import ports
from tests.control.clouds import ADMIN, Cloud
from tests.store.turns import until_someone_waits

# One statement may lock both: what it locks first is in a WITH, and the rows last of all.
_LOCK = re.compile(r"pg_advisory_xact_lock|FROM (?:turn, )?(\w+).*FOR UPDATE", re.DOTALL)


def _server(cloud: Cloud, *networks: Any) -> None:
    wanted = tuple(NetworkRef(each) for each in networks)
    create_servers(
        cloud.control, ADMIN, CreateServer("s", cloud.plain, cloud.image, networks=wanted or "auto"), "req-1"
    )


def _subnet(cloud: Cloud, network_id: str) -> None:
    fresh = network.create_network(cloud.control, ADMIN, NewNetwork("fresh"))
    subnet.create_subnet(cloud.control, ADMIN, subnet.NewSubnet(fresh.id, "fresh", "10.9.0.0/24"))


def _rule(cloud: Cloud, network_id: str) -> None:
    wanted = NewRule(default_group_id(ADMIN.project_id), "ingress", protocol="tcp", port_min=22, port_max=22)
    security_group.create_rule(cloud.control, ADMIN, wanted)


ADDING: dict[str, Callable[[Cloud, Any], object]] = {
    "a server on the default network": lambda cloud, _network: _server(cloud),
    "a server on a named network": _server,
    "a port": lambda cloud, network_id: port.create_port(cloud.control, ADMIN, network_id, PortFields()),
    "a subnet": _subnet,
    "a rule": _rule,
}


@pytest.mark.parametrize("adding", ADDING)
def test_what_a_project_has_is_locked_before_any_row(cloud: Cloud, adding: str) -> None:
    if cloud.control.db.is_sqlite:
        pytest.skip("SQLite has one lock")
    cloud.boot("first", gpu=False)  # the default security group is there
    [known] = list_networks(cloud.control, ADMIN)
    found: list[list[str]] = []

    def begun(_connection: object) -> None:
        found.append([])

    def seen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        found[-1] += [match.group(1) or "turn" for match in _LOCK.finditer(statement)]

    engine = cloud.control.db.engine
    event.listen(engine, "begin", begun)
    event.listen(engine, "before_cursor_execute", seen)
    ADDING[adding](cloud, known.id)

    locked = [each for each in found if len(set(each)) > 1]
    assert locked and all(each[0] == "turn" for each in locked), found


def test_servers_that_name_the_same_networks_in_other_orders_never_wait_for_each_other(cloud: Cloud) -> None:
    made = [network.create_network(cloud.control, ADMIN, NewNetwork(f"n{number}", shared=True)) for number in range(2)]
    for number, each in enumerate(made):
        subnet.create_subnet(cloud.control, ADMIN, subnet.NewSubnet(each.id, "s", f"10.{number + 1}.0.0/24"))
    ids = [each.id for each in made]

    def ask(number: int) -> None:
        project = ProjectId(f"p-{number % 4}")
        order = ids if number % 2 else ids[::-1]
        wanted = CreateServer("s", cloud.plain, cloud.image, networks=tuple(NetworkRef(each) for each in order))
        for turn in range(3):
            create_servers(cloud.control, replace(ADMIN, project_id=project), wanted, f"req-{number}-{turn}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))


def test_a_server_locks_the_ports_that_it_names_in_their_order_and_not_in_the_requests(cloud: Cloud) -> None:
    if cloud.control.db.is_sqlite:
        pytest.skip("SQLite has one lock")
    [known] = list_networks(cloud.control, ADMIN)
    first, second = sorted(port.create_port(cloud.control, ADMIN, known.id, PortFields()).id for _ in range(2))
    refs = tuple(NetworkRef(port_id=each) for each in (second, first))

    with ThreadPoolExecutor(1) as pool:
        with cloud.control.db.write() as tx:
            ports.lock_ports(tx, [first])
            wanted = CreateServer("s", cloud.plain, cloud.image, networks=refs)
            made = pool.submit(create_servers, cloud.control, ADMIN, wanted, "req-1")
            until_someone_waits(cloud.control.db)
            ports.lock_ports(tx, [second])  # a deadlock, if the server had it

        assert made.result(60)


def test_a_deadlock_is_a_race_that_may_be_tried_again(cloud: Cloud) -> None:
    if cloud.control.db.is_sqlite:
        pytest.skip("SQLite has one lock")

    def ask(first: str, second: str) -> str:
        try:
            with cloud.control.db.write() as tx:
                for name in (first, second):
                    tx.execute(text("SELECT pg_advisory_xact_lock(hashtext(:name))"), {"name": name})
                    tx.execute(text("SELECT pg_sleep(0.3)"))
        except Raced as error:
            return error.code
        return "committed"

    with ThreadPoolExecutor(2) as pool:
        answers = {each.result() for each in (pool.submit(ask, "a", "b"), pool.submit(ask, "b", "a"))}
    assert answers == {"committed", "database-raced"}
