"""What watchers cost, in statements and not in seconds: thousands of streams, and scrapes without end among 1,000 hosts."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from busway.api.closing import Closing
from busway.api.operation import Threads
from busway.control.context import Control
from busway.control.figures import read_figures
from busway.control.identity.bearer import authenticate
from busway.metrics.control import FAMILIES
from busway.metrics.meters import Meters
from busway.store import devices
from busway.web import live
from busway.web.live import Listener, Live
from tests.api.many import PER_HOST, Work, counted, fill
from tests.api.serving import ApiServer, start_api_server
from tests.web.console import logged_in

FEW_HOSTS, MANY_HOSTS = 20, 1000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, api_template: Path) -> Iterator[ApiServer]:
    """A cloud of 1,000 hosts."""
    yield from _filled(tmp_path_factory.mktemp("large"), api_template, MANY_HOSTS)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, api_template: Path) -> Iterator[ApiServer]:
    yield from _filled(tmp_path_factory.mktemp("small"), api_template, FEW_HOSTS)


def _filled(folder: Path, template: Path, hosts: int) -> Iterator[ApiServer]:
    server = start_api_server(folder, template)
    admin = authenticate(server.control, server.admin)
    fill(server.control.db, hosts * PER_HOST, admin.project_id, admin.user_id)
    yield server
    server.stop()


def _looks(server: ApiServer, listeners: int) -> tuple[Work, Work, int]:
    """What an idle look costs, and one after a change of a device; and how many listeners heard of it."""
    admin = authenticate(server.control, server.admin)

    async def look() -> tuple[Work, Work, int]:
        watcher = Live(server.control, Threads(1), Closing())
        heard = [Listener(admin, sees_devices=True) for _ in range(listeners)]
        watcher._listeners.update(heard)
        await watcher._look()
        with counted(server.control.db) as idle:
            await watcher._look()
        _toggle(server.control)
        before = [each.queue.qsize() for each in heard]
        with counted(server.control.db) as moved:
            await watcher._look()
        told = sum(each.queue.qsize() > count for each, count in zip(heard, before, strict=True))
        return idle, moved, told

    return asyncio.run(look())


def _toggle(control: Control) -> None:
    with control.db.write() as tx:
        row = min(devices.list_devices(tx), key=lambda each: each.id)
        devices.set_quarantine(tx, row.id, None if row.quarantined else "tried")


@pytest.mark.thorough
def test_a_look_costs_as_much_for_five_hundred_who_listen_as_for_one(large: ApiServer) -> None:
    one, many = _looks(large, 1), _looks(large, live.MOST_STREAMS)

    assert [len(each.statements) for each in many[:2]] == [len(each.statements) for each in one[:2]]
    assert (one[2], many[2]) == (1, live.MOST_STREAMS)


@pytest.mark.thorough
def test_an_idle_look_takes_as_many_statements_among_many_hosts(large: ApiServer, small: ApiServer) -> None:
    few, many = _looks(small, 1), _looks(large, 1)

    assert len(many[0].statements) == len(few[0].statements) <= 8
    assert len(many[1].statements) == len(few[1].statements)


def test_streams_of_strangers_get_nothing_and_cost_no_statement(large: ApiServer) -> None:
    with counted(large.control.db) as work, httpx.Client(base_url=large.url) as client:
        answers = [client.get("/ui/live").status_code for _ in range(200)]

    assert set(answers) == {401}
    assert work.statements == []


def test_streams_over_the_bound_are_refused_without_a_statement(
    api_server: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 0)
    console = logged_in(api_server)

    with counted(api_server.control.db) as work:
        answers = {console.http.get("/ui/live").status_code for _ in range(200)}

    assert (answers, work.statements) == ({503}, [])


@pytest.mark.thorough
def test_a_scrape_each_second_among_a_thousand_hosts_takes_a_fixed_number_of_statements(
    large: ApiServer, small: ApiServer
) -> None:
    now = [0.0]
    costs = []
    for server in (small, large):
        meters = Meters(FAMILIES, lambda: now[0])
        meters.read_from(partial(read_figures, server.control))
        meters.text()
        with counted(server.control.db) as work:
            for _ in range(2):  # two seconds, in each of which forty ask
                now[0] += 1
                texts = {meters.text() for _ in range(40)}
                assert len(texts) == 1
        costs.append(len(work.statements))

    assert costs[0] == costs[1] <= 2 * 20
    assert meters.text().count(b"busway_host_up{") == MANY_HOSTS
