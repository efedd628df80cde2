"""`make fuzz`: random requests over the OpenAPI document, by all kinds of callers, on both databases."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from busway.api import openapi
from busway.api.microversion import MAXIMUM, MINIMUM
from busway.store.database import Database
from busway.store.schema import upgrade
from tests.api.rights import table_of_rights
from tests.api.serving import ApiServer, start_api_server
from tests.fuzz.attack import Attack
from tests.fuzz.victim import things_of_another

pytestmark = [
    pytest.mark.fuzz,
    pytest.mark.processes,
    # A request that is under way when the server stops leaves its connection of PostgreSQL to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
# In `make test` all parts together take at most 90 s; by hand as long as one likes.
SECONDS = float(os.environ.get("BUSWAY_FUZZ_SECONDS", "5"))
SEED = int(os.environ.get("BUSWAY_FUZZ_SEED", "0"))
PUBLIC = {
    (each.method, re.sub(r"{[^}]*}", "{}", each.path))
    for table in openapi.SERVICES.values()
    for each in table
    if each.public
}
# The table's request is about the default domain, which nobody deletes; an admin deletes others.
_ADMINS = {("DELETE", "/identity/v3/domains/{}")}


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
def test_a_user_breaks_nothing_and_gets_nothing_without_the_right(server: ApiServer, role: str) -> None:
    attack = _attack(server, server.user("u", role), MAXIMUM, role, foreign=things_of_another(server))

    attack.alone(time.monotonic() + SECONDS / 2, SEED)
    attack.in_chains(time.monotonic() + SECONDS / 2, SEED)

    _judge(server, attack)


@pytest.mark.timeout(0)
def test_no_kind_of_caller_gets_anything_without_the_right(server: ApiServer) -> None:
    """Those whom a cloud has few of: each says what it may do by the table of rights."""
    foreign = things_of_another(server)
    with server.client() as admin:
        admin.post("/identity/v3/roles", json={"role": {"name": "odd"}}).raise_for_status()
    tokens = {role: server.user(f"u-{role}", role) for role in ("manager", "odd", "service")}
    tokens["unscoped"] = server.authenticate("u-odd", "pw", None).headers["x-subject-token"]
    attacks = [
        _attack(server, token, MAXIMUM, who, foreign={} if who == "service" else foreign)
        for who, token in tokens.items()
    ]

    for attack in attacks:
        attack.alone(time.monotonic() + SECONDS / 3, SEED)

    _judge(server, *attacks)


@pytest.mark.timeout(0)
def test_a_stranger_gets_nothing_but_what_is_public(server: ApiServer) -> None:
    attack = Attack(server.url, {}, MAXIMUM, allowed=lambda *asked: _without_names(*asked) in PUBLIC)

    attack.alone(time.monotonic() + SECONDS / 2, SEED)

    _judge(server, attack)


def test_an_attack_tells_of_a_success_without_the_right_and_of_a_thing_of_another(server: ApiServer) -> None:
    """The oracle itself: with a table that forbids all, and with the admin's own thing for another's, it must speak."""
    foreign = things_of_another(server)
    forbidden = Attack(server.url, {"X-Auth-Token": server.admin}, MAXIMUM, allowed=lambda *_: False)
    aimed = Attack(server.url, {"X-Auth-Token": server.admin}, MAXIMUM, foreign=foreign)

    for attack, told in ((forbidden, "without the right"), (aimed, "of another project")):
        deadline = time.monotonic() + 60  # which requests come first is by chance
        for seed in itertools.count(SEED):
            attack.alone(time.monotonic() + 2, seed)
            if any(told in name for name in attack.failures) or time.monotonic() > deadline:
                break

        assert any(told in name for name in attack.failures)


def may_succeed(who: str) -> Callable[[str, str], bool]:
    """By the golden table of rights: an operation that answers this kind of token with 401 or 403 never succeeds."""
    possible = {
        _without_names(*name.split()[:2]) for name, row in table_of_rights().items() if row[who] not in (401, 403)
    }
    if who == "admin":
        possible |= _ADMINS
    return lambda method, path: _without_names(method, path) in possible | PUBLIC


def _without_names(method: str, path: str) -> tuple[str, str]:
    return method, re.sub(r"{[^}]*}", "{}", path)


def _attack(
    server: ApiServer, token: str, version: int, who: str = "admin", foreign: Mapping[str, str] | None = None
) -> Attack:
    return Attack(server.url, {"X-Auth-Token": token}, version, may_succeed(who), foreign or {})


def _judge(server: ApiServer, *attacks: Attack) -> None:
    for attack in attacks:
        print(f"{sum(attack.answers.values())} requests: {dict(sorted(attack.answers.items()))}")
    assert {name: told for attack in attacks for name, told in attack.failures.items()} == {}
    assert sum(attack.answers.total() for attack in attacks) > 0
    assert server.client().get("/compute/v2.1/servers").status_code in (200, 401)
