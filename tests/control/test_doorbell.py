"""Both doorbells by one contract, within a process and between processes; and what happens when no ring is heard."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest

from busway.control.doorbell import Doorbell, LocalDoorbell, SharedDoorbell, doorbell_for
from busway.control.loops import placer
from busway.control.loops.run import running
from busway.domain.server import TaskState
from busway.store.database import Database
from busway.testing.doorbell import HEARD_SECONDS, OF_ALL, OF_HEARING, DeafDoorbell
from tests.control.clouds import Cloud
from tests.processes.cloud import wait_for

postgres = pytest.mark.postgres
KINDS = ["local", pytest.param("shared", marks=postgres), pytest.param("between", marks=postgres)]


@pytest.fixture
def shared(postgres_url: str) -> Iterator[Callable[[], SharedDoorbell]]:
    """Makes doorbells on one database, as the control processes on it have them."""
    database = Database(postgres_url)
    made: list[SharedDoorbell] = []

    def make() -> SharedDoorbell:
        made.append(SharedDoorbell(database))
        return made[-1]

    yield make
    for bell in made:
        bell.close()
    database.close()


@pytest.fixture
def bells(request: pytest.FixtureRequest) -> tuple[Doorbell, Doorbell]:
    """Who rings and who hears: one bell, or those of two processes that have begun to hear each other."""
    if request.param == "local":
        bell = LocalDoorbell()
        return bell, bell
    make = request.getfixturevalue("shared")
    one, other = make(), make()
    hear_each_other(one, other)
    return (one, one) if request.param == "shared" else (one, other)


def hear_each_other(one: Doorbell, other: Doorbell) -> None:
    def heard() -> bool:
        seen = other.count("hello")
        one.ring("hello")
        return other.wait("hello", seen, 0.2)

    wait_for("a ring to be heard", heard)


@pytest.mark.parametrize("bells", KINDS, indirect=True)
@pytest.mark.parametrize("check", OF_HEARING, ids=lambda check: check.__name__)
def test_a_doorbell_that_hears(bells: tuple[Doorbell, Doorbell], check: Callable[[Doorbell, Doorbell], None]) -> None:
    check(*bells)


@pytest.mark.parametrize("bells", KINDS, indirect=True)
@pytest.mark.parametrize("check", OF_ALL, ids=lambda check: check.__name__)
def test_a_doorbell_of_any_kind(bells: tuple[Doorbell, Doorbell], check: Callable[[Doorbell], None]) -> None:
    check(bells[0])


@pytest.mark.parametrize("check", OF_ALL, ids=lambda check: check.__name__)
def test_a_deaf_doorbell_too(check: Callable[[Doorbell], None]) -> None:
    check(DeafDoorbell())


def test_a_database_has_the_doorbell_that_reaches_all_its_control_processes(database: Database) -> None:
    bell = doorbell_for(database)
    assert isinstance(bell, SharedDoorbell) is not database.is_sqlite
    bell.close()


@postgres
def test_a_lost_connection_is_made_anew_and_all_are_woken(
    shared: Callable[[], SharedDoorbell], postgres_url: str
) -> None:
    one, other = shared(), shared()
    hear_each_other(one, other)
    seen = other.count("place")
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND (query LIKE 'LISTEN%' OR query LIKE '%pg_notify(%')"
        ).fetchall()
    assert len(ended) == 2
    assert other.wait("place", seen, HEARD_SECONDS), "nobody was woken after the connection was lost"
    hear_each_other(one, other)


def test_with_a_deaf_doorbell_a_server_is_placed_all_the_same(cloud: Cloud) -> None:
    cloud.host("h1")
    with running(replace(cloud.control, bell=DeafDoorbell()), [placer.LOOP]):
        [made] = cloud.create()
        wait_for("the server to be placed", lambda: cloud.server(made.id).task_state is TaskState.SPAWNING, 20)
