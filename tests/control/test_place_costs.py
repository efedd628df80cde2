"""A turn of the placer takes as many statements for many servers on many hosts as for one server on one."""

from __future__ import annotations

from busway.control.placement.place import place_round
from busway.control.placement.snapshot import take_snapshot
from busway.domain.placement import HostState
from busway.store.claims import list_live_claims
from busway.store.ledger import list_open
from tests.api.many import counted
from tests.control.clouds import Cloud


def _statements_of_a_turn(cloud: Cloud, name: str, count: int) -> list[str]:
    cloud.create(name, count=count)
    with counted(cloud.control.db) as work:
        assert place_round(cloud.control) == count
    return work.statements


def test_a_turn_takes_as_many_statements_for_many_servers_on_many_hosts_as_for_one(cloud: Cloud) -> None:
    for number in range(12):
        cloud.host(f"h{number:02}")
    _statements_of_a_turn(cloud, "first", 1)  # a process reads some things once

    one = _statements_of_a_turn(cloud, "one", 1)
    many = _statements_of_a_turn(cloud, "many", 10)

    assert len(many) == len(one) <= 30, "\n".join(many)
    with cloud.control.db.read() as tx:
        held, entries = list_live_claims(tx), list_open(tx)
    assert len({claim.host_id for claim in held}) == 12
    assert {(e.id, e.host_id, e.device_id, e.server_id) for e in entries} == {
        (c.id, c.host_id, c.device_id, c.server_id) for c in held
    }


def test_the_state_of_a_host_is_made_again_only_when_something_of_it_has_changed(cloud: Cloud) -> None:
    hosts = [cloud.host(f"h{number}", 2) for number in range(3)]

    def look() -> dict[str, HostState]:
        with cloud.control.db.read() as tx:
            return {host.name: host for host in take_snapshot(cloud.control, tx).hosts}

    before = look()
    [server] = cloud.boot()
    placed = next(host.name for host in hosts if host.id == server.host_id)
    after = look()

    assert [name for name in before if before[name] is not after[name]] == [placed]
    cloud.wait(cloud.control.settings.lease_seconds + 1)
    assert all(not host.up for host in look().values())
