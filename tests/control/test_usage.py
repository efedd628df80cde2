"""The ledger: whatever happens in whatever order, it says what an independent count of the claims says, to the second."""

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from busway.control.hosts.forget import delete_host
from busway.control.moves.kinds.migrate import migrate_server
from busway.control.moves.verify import confirm_resize, revert_resize
from busway.control.placement import place
from busway.control.servers.delete import delete_server
from busway.control.usage import list_entries, sum_usage
from busway.domain.errors import BuswayError, Forbidden
from busway.domain.server import ServerStatus
from busway.store.database import Database
from busway.store.ledger import BY, list_open
from tests.control.clouds import ADMIN, USER, Cloud, Host
from tests.databases import add_tables

MEMORY = Path("/dev/shm")


class _Died(Exception):
    """A control plane ended in the midst of something."""


class History:
    """A cloud with two hosts, and a count of its claims that is made from outside, whenever time passes."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.hosts = [cloud.host("h1", 2), cloud.host("h2", 2)]
        self.began = cloud.time
        self.held: Counter[str] = Counter()
        self.allocated: Counter[str] = Counter()
        self.dies_at = ""
        cloud.control = replace(cloud.control, crashpoint=self._crashpoint)

    def act(self, use_case: Callable[..., object], *arguments: object) -> None:
        with suppress(BuswayError, _Died):
            use_case(*arguments)

    def wait(self, seconds: float) -> None:
        """Time passes: whoever has a device now has had it for so much longer."""
        with self.cloud.control.db.read() as tx:
            rows = tx.execute(text("SELECT server_id, state FROM claims WHERE state <> 'freed'")).all()
        micros = round(seconds * 1_000_000)
        for server_id, state in rows:
            self.held[server_id] += micros
            self.allocated[server_id] += micros if state == "allocated" else 0
        self.cloud.wait(seconds)

    def check(self) -> None:
        lines = sum_usage(self.cloud.control, ADMIN, self.began, self.cloud.time, ["server"], None).lines
        assert {line.group["server_id"]: line.held_us for line in lines if line.held_us} == +self.held
        assert {line.group["server_id"]: line.allocated_us for line in lines if line.allocated_us} == +self.allocated

    def server(self, number: int) -> str:
        with self.cloud.control.db.read() as tx:
            ids = list(tx.execute(text("SELECT id FROM servers ORDER BY number")).scalars())
        return ids[number % len(ids)] if ids else "none"

    def host(self, number: int) -> Host:
        return self.hosts[number % 2]

    def obey(self, number: int) -> None:
        self.host(number).obey()

    def _crashpoint(self, name: str) -> None:
        if name == self.dies_at:
            self.dies_at = ""
            raise _Died


def _create(history: History, _number: int) -> None:
    history.act(history.cloud.create)


def _place(history: History, _number: int) -> None:
    history.act(place.place_round, history.cloud.control)


def _obey(history: History, number: int) -> None:
    history.act(history.obey, number)


def _silent(history: History, number: int) -> None:
    """A host of which nothing is left reports."""
    history.act(history.host(number).report)


def _on_server(use_case: Callable[..., object], *more: object) -> Callable[[History, int], None]:
    def act(history: History, number: int) -> None:
        history.act(use_case, history.cloud.control, ADMIN, history.server(number), *more)

    return act


ACTS = [
    _create,
    _place,
    _obey,
    _obey,
    _silent,
    _on_server(delete_server, "req"),
    _on_server(migrate_server, "req"),
    _on_server(confirm_resize, "req"),
    _on_server(revert_resize, "req"),
]
POINTS = ["", "", "place:before-commit", "place:after-commit", "observe:before-commit", "delete:after-commit"]
histories = st.lists(
    st.tuples(
        st.sampled_from(ACTS),
        st.integers(0, 3),
        st.sampled_from([0, 1, 0.5, 0.000001, 59.999999, 3600]),
        st.sampled_from(POINTS),
    ),
    min_size=5,
    max_size=40,
)


@pytest.mark.thorough
@given(histories)
@settings(max_examples=25, deadline=None)
def test_the_ledger_says_what_an_independent_count_says(
    acts: list[tuple[Callable[[History, int], None], int, float, str]],
) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        database = Database(f"sqlite:///{folder}/busway.db")
        add_tables(database)
        history = History(Cloud(database, Path(folder)))
        for act, number, seconds, dies_at in [(_create, 0, 1.0, ""), (_place, 0, 1.0, ""), *acts]:
            history.dies_at = dies_at
            act(history, number)
            history.wait(seconds)
        history.check()
        database.close()


def test_times_are_those_of_the_claim(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    times = [cloud.time]
    acts: list[Callable[[], object]] = [host.obey, partial(delete_server, cloud.control, ADMIN, server.id, "req")]
    for act in (*acts, host.report):
        cloud.wait(10.5)
        act()
        times.append(cloud.time)

    [entry] = list_entries(cloud.control, ADMIN, times[0], cloud.time, None, 10, "").entries

    assert [entry.claimed, entry.allocated, entry.released, entry.freed] == times
    assert (entry.server_name, entry.project_id, entry.user_id) == ("s", ADMIN.project_id, ADMIN.user_id)
    assert (entry.host, entry.address, entry.vendor_id, entry.product_id) == ("h1", "0000:41:00.0", "1234", "1111")


@pytest.mark.parametrize("by", BY)
def test_a_window_cuts_what_lies_outside(cloud: Cloud, by: str) -> None:
    cloud.host("h1")
    cloud.boot()
    start = cloud.time
    cloud.wait(100)

    [inside] = sum_usage(cloud.control, ADMIN, *_between(start, 30, 70), [by], None).lines
    later = sum_usage(cloud.control, ADMIN, *_between(start, 90, 5000), [by], None)

    assert (inside.held_us, inside.allocated_us) == (40_000_000, 0)
    assert later.end == cloud.time and later.lines[0].held_us == 10_000_000
    assert not sum_usage(cloud.control, ADMIN, *_between(start, -50, 0), [by], None).lines


def test_a_user_reads_the_usage_of_their_own_project_only(cloud: Cloud) -> None:
    cloud.host("h1", 2)
    cloud.boot("mine")
    cloud.boot("theirs", caller=USER)
    cloud.wait(7)
    ends = (cloud.time - timedelta(seconds=10), cloud.time)

    reader = replace(USER, roles=frozenset({"reader"}))

    [line] = sum_usage(cloud.control, reader, *ends, ["project"], USER.project_id).lines

    assert (line.group["project_id"], line.held_us) == (USER.project_id, 7_000_000)
    for project in (None, ADMIN.project_id):
        with pytest.raises(Forbidden):
            sum_usage(cloud.control, reader, *ends, ["project"], project)
        with pytest.raises(Forbidden):
            list_entries(cloud.control, reader, *ends, project, 10, "")


def test_pages_of_the_ledger_follow_each_other(cloud: Cloud) -> None:
    cloud.host("h1", 3)
    cloud.boot(count=3)
    cloud.wait(1)
    seen, marker = [], ""
    while True:
        page = list_entries(cloud.control, ADMIN, cloud.time - timedelta(1), cloud.time, None, 2, marker)
        seen += [entry.id for entry in page.entries]
        marker = page.marker
        if not marker:
            break

    assert len(seen) == len(set(seen)) == 3


def test_a_lost_host_ends_its_entries(cloud: Cloud) -> None:
    host = cloud.host("h1")
    [server] = cloud.boot()
    host.obey()
    delete_server(cloud.control, ADMIN, server.id, "req")
    cloud.wait(1000)
    delete_host(cloud.control, ADMIN, "h1", lost=True)
    lost = cloud.time
    cloud.wait(1000)

    [entry] = list_entries(cloud.control, ADMIN, lost - timedelta(1), cloud.time, None, 10, "").entries

    assert cloud.server(server.id).status is ServerStatus.DELETED
    assert entry.freed == lost and entry.released == lost - timedelta(seconds=1000)
    with cloud.control.db.read() as tx:
        assert list_open(tx) == []


def _between(start: datetime, first: float, last: float) -> tuple[datetime, datetime]:
    return start + timedelta(seconds=first), start + timedelta(seconds=last)
