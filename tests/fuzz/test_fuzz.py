"""`make fuzz`: random requests over the OpenAPI document, by all kinds of callers, on both databases."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from busway.api import openapi
from busway.api.microversion import MAXIMUM, MINIMUM
from busway.store.database import Database
from busway.store.schema import upgrade
from tests.api.serving import ApiServer, start_api_server
from tests.fuzz.attack import Attack

pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.processes,
    # A request that is under way when the server stops leaves its connection of PostgreSQL to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
# In `make test` all parts together take at most 90 s; by hand as long as one likes.
SECONDS = float(os.environ.get("BUSWAY_FUZZ_SECONDS", "6"))
SEED = int(os.environ.get("BUSWAY_FUZZ_SEED", "0"))
PUBLIC = {(each.method, each.path) for table in openapi.SERVICES.values() for each in table if each.public}


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[ApiServer]:
    """A control plane with an image and a host that hands out GPUs."""
    database = Database(database_url)
    upgrade(database)
    server = start_api_server(tmp_path, database=database)
    server.image()
    server.host()
    yield server
    server.stop()


@pytest.mark.timeout(0)
def test_an_admin_breaks_nothing(server: ApiServer) -> None:
    attacks = [_attack(server, server.admin, version) for version in (MAXIMUM, MINIMUM)]

    for attack in attacks:
        attack.alone(time.monotonic() + SECONDS, SEED)
        attack.in_chains(time.monotonic() + SECONDS, SEED)

    _judge(server, *attacks)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("role", ["member", "reader"])
def test_a_user_breaks_nothing(server: ApiServer, role: str) -> None:
    attack = _attack(server, server.user("u", role), MAXIMUM)

    attack.alone(time.monotonic() + SECONDS / 2, SEED)
    attack.in_chains(time.monotonic() + SECONDS / 2, SEED)

    _judge(server, attack)


@pytest.mark.timeout(0)
def test_a_stranger_gets_nothing_but_what_is_public(server: ApiServer) -> None:
    attack = Attack(server.url, {}, MAXIMUM, allowed=lambda method, path: (method, path) in PUBLIC)

    attack.alone(time.monotonic() + SECONDS / 2, SEED)

    _judge(server, attack)


def _attack(server: ApiServer, token: str, version: int) -> Attack:
    return Attack(server.url, {"X-Auth-Token": token}, version)


def _judge(server: ApiServer, *attacks: Attack) -> None:
    for attack in attacks:
        print(f"{sum(attack.answers.values())} requests: {dict(sorted(attack.answers.items()))}")
    assert {name: told for attack in attacks for name, told in attack.failures.items()} == {}
    assert sum(attack.answers.total() for attack in attacks) > 0
    assert server.client().get("/compute/v2.1/servers").status_code in (200, 401)
