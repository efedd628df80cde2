"""Accepting servers takes a bounded number of statements on both databases, however many are asked for at once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from busway.control.networks import list_networks
from busway.control.servers.create import create_servers
from busway.domain.requests import CreateServer, NetworkRef
from busway.store import audit, events
from tests.api.many import NOON, counted
from tests.control.clouds import ADMIN, Cloud

# What is read ahead, the locks, what is read within, and all rows at once. SQLite needs no locks, and a statement for each table.
_ON_POSTGRES, _ON_SQLITE = 4, 9


def _act() -> audit.Act:
    return audit.Act(audit.Record(NOON, "req-1", "create", "POST", "servers"), table="servers")


@pytest.mark.parametrize("count", [1, 20])
def test_accepting_takes_as_many_statements_for_one_as_for_many(cloud: Cloud, count: int) -> None:
    wish = CreateServer("s", cloud.plain, cloud.image, min_count=count, max_count=count)
    create_servers(cloud.control, ADMIN, replace(wish, max_count=1, min_count=1), "req-0")

    with counted(cloud.control.db) as work, audit.acting(_act()) as act:
        made = create_servers(cloud.control, ADMIN, wish, "req-1")

    most = _ON_SQLITE if cloud.control.db.is_sqlite else _ON_POSTGRES
    assert len(work.statements) == most, "\n".join(work.statements)
    assert act is not None and act.is_written
    with cloud.control.db.read() as tx:
        [record] = audit.list_records(tx, audit.AuditFilter(request_id="req-1"))
        said = [each.reason for each in events.list_events(tx, server_id=made[0].id)]
    assert record.target == f"servers/{','.join(each.id for each in made)}"[:1000]
    assert said == [f"created by {ADMIN.user_name}"]
    for each in made:
        server = cloud.server(each.id)
        assert server.status == "BUILD" and server.addresses


def test_two_cards_on_one_network_have_addresses_of_their_own(cloud: Cloud) -> None:
    create_servers(cloud.control, ADMIN, CreateServer("s", cloud.plain, cloud.image), "req-0")
    [network] = [each.id for each in list_networks(cloud.control, ADMIN)]
    wish = CreateServer(
        "s", cloud.plain, cloud.image, min_count=2, max_count=2, networks=(NetworkRef(network), NetworkRef(network))
    )

    made = create_servers(cloud.control, ADMIN, wish, "req-1")

    addresses = [each.address for one in made for each in cloud.server(one.id).addresses if ":" not in each.address]
    assert len(addresses) == len(set(addresses)) == 4
