"""Lists of servers in SQL say what the same comparison of all rows says, on both databases."""

from datetime import timedelta

import pytest

from busway.control.pattern import compile_pattern
from busway.domain.errors import BadInput
from busway.domain.ids import ServerId
from busway.domain.requests import ServerFilter
from busway.domain.server import PowerState, ServerStatus
from busway.store.database import Database
from busway.store.hosts import hosts
from busway.store.paging import narrowed
from busway.store.server_list import SERVER_SORT_KEYS, list_page
from busway.store.servers import servers
from tests.store.rows import H1, NOON, P1, P2, add_host, add_server

NAMES = ("gpu-1", "GPU-1", "gpu.1", "gpu_1", "a%b", "a*b", "a?b", "[x]", "back\\slash", "slash\\", "gpu-12", "x gpu-1")
PATTERNS = (
    *(
        "gpu-1",
        "^gpu-1$",
        "^gpu",
        "1$",
        "gpu.1",
        r"gpu\.1",
        "g.*1",
        "^.*-1$",
        "%",
        "_",
        r"a\*b",
        r"a\?b",
        r"\[x\]",
        "GPU",
    ),
    *(
        "gpu-[0-9]+$",
        "(a|x)",
        "a?b",
        r"\\",
        r"h\\$",
        r"^back\\slash$",
        r"1\$",
        "",
        ".",
        "g.*.*.*.*1",
        r"\d",
        "gpu-1{1}",
        "^$",
    ),
)


@pytest.fixture
def named(database: Database) -> Database:
    with database.write() as tx:
        for number, name in enumerate(NAMES):
            add_server(tx, ServerId(f"s{number:02}"), name=name, tags=[f"t{number % 2}", f"u{number % 3}"])
    return database


def ids(database: Database, **wanted: object) -> list[str]:
    with database.read() as tx:
        return [row.id for row in list_page(tx, ServerFilter(**wanted), compile_pattern)]  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("limit", [None, 2])
def test_a_pattern_finds_what_it_matches(named: Database, pattern: str, limit: int | None) -> None:
    compiled = compile_pattern(pattern, "name")
    expected = [f"s{n:02}" for n in reversed(range(len(NAMES))) if compiled.search(NAMES[n])]

    assert ids(named, patterns={"name": pattern}, limit=limit) == expected[:limit]


def test_simple_patterns_are_compared_by_the_database(database: Database) -> None:
    with database.read() as tx:
        whole = {pattern: narrowed(tx, servers.c.name, pattern)[1] for pattern in PATTERNS}

    assert whole["^gpu-1$"] and whole["gpu.1"] and whole[r"gpu\.1"]
    assert not whole["gpu-[0-9]+$"] and not whole["g.*.*.*.*1"]


@pytest.mark.parametrize("key", sorted(SERVER_SORT_KEYS))
@pytest.mark.parametrize("descending", [True, False])
def test_pages_by_any_key_hold_every_server_once(database: Database, key: str, descending: bool) -> None:
    with database.write() as tx:
        add_host(tx)
        for number in range(9):
            odd = {"host_id": H1, "key_name": f"k{number}", "launched": NOON, "power": PowerState.RUNNING}
            add_server(tx, ServerId(f"s{number}"), name="ab"[number % 2], **(odd if number % 2 else {}))
    sort = ((key, descending),)
    whole = ids(database, sort=sort)
    pages: list[str] = []
    while page := ids(database, sort=sort, limit=2, marker=pages[-1] if pages else None):
        pages += page

    assert pages == whole
    assert sorted(whole) == [f"s{number}" for number in range(9)]
    if key == "display_name":
        assert [int(server[1:]) % 2 for server in whole] == sorted((n % 2 for n in range(9)), reverse=descending)
    if key == "key_name":  # servers without a key come last, or first if descending
        assert ("s1" in whole[:4]) is not descending


def test_tags_are_all_any_or_none(named: Database) -> None:
    numbers = range(len(NAMES))

    def of(test: list[bool]) -> list[str]:
        return [f"s{n:02}" for n in reversed(numbers) if test[n]]

    both = [n % 2 == 0 and n % 3 == 0 for n in numbers]
    one = [n % 2 == 0 or n % 3 == 0 for n in numbers]
    assert ids(named, tags=("t0", "u0")) == of(both)
    assert ids(named, any_tags=("t0", "u0")) == of(one)
    assert ids(named, not_tags=("t0", "u0")) == of([not each for each in both])
    assert ids(named, not_any_tags=("t0", "u0")) == of([not each for each in one])


def test_statuses_times_hosts_and_reservations_narrow_a_list(database: Database) -> None:
    later = NOON + timedelta(seconds=90)
    with database.write() as tx:
        add_host(tx)
        name = tx.execute(hosts.select()).one().name
        add_server(
            tx, ServerId("0123abcd-1"), status=ServerStatus.ACTIVE, host_id=H1, updated=later, reservation_id="r-1"
        )
        add_server(tx, ServerId("0123abce-2"), status=ServerStatus.ERROR, project_id=P2)
        add_server(tx, ServerId("0123abcf-3"), status=ServerStatus.DELETED, updated=later)

    assert ids(database) == ["0123abce-2", "0123abcd-1"]
    assert ids(database, project_id=P1) == ["0123abcd-1"]
    assert ids(database, statuses=frozenset({ServerStatus.ERROR})) == ["0123abce-2"]
    assert ids(database, deleted=True) == ["0123abcf-3"]
    assert ids(database, changes_since=later) == ["0123abcf-3", "0123abcd-1"]
    assert ids(database, changes_before=NOON) == ["0123abce-2"]
    assert ids(database, host=name) == ["0123abcd-1"]
    assert ids(database, host="another") == []
    assert ids(database, zone="nova") == ["0123abce-2", "0123abcd-1"]
    assert ids(database, zone="another") == []
    assert ids(database, reservation="r-1") == ["0123abcd-1"]
    assert ids(database, within={"created": NOON}) == ["0123abce-2", "0123abcd-1"]
    assert ids(database, equal={"flavor_id": "f"}) == ["0123abce-2", "0123abcd-1"]
    assert ids(database, nothing=True) == []


def test_a_marker_of_nobody_or_of_another_project_is_refused(named: Database) -> None:
    for marker in ("s99", "s01"):
        with pytest.raises(BadInput, match="not found"):
            ids(named, marker=marker, project_id=P2)
