"""Several control processes on one PostgreSQL, killed meanwhile: zero double claims, zero leaks, no request lost.

`make test-load` runs it with 16 processes and 10,000 requests; `make test` with 6 processes and 200.
"""

import os
from pathlib import Path

import psycopg
import pytest

from tests.processes.load import LoadCloud, Size, traces

FULL = os.environ.get("BUSWAY_LOAD") == "full"
SIZE = Size(4, 12, 1, 10_000, 5.0) if FULL else Size(2, 4, 1, 200, 1.0)

pytestmark = [pytest.mark.processes, pytest.mark.postgres, pytest.mark.timeout(5400 if FULL else 300)]

# Two claims on one device of which the second began before the first was freed.
DOUBLE = """
SELECT one.server_id, other.server_id, one.device_id FROM claims one JOIN claims other
ON one.device_id = other.device_id AND one.id <> other.id AND one.created <= other.created
WHERE one.state <> 'freed' OR other.created < one.updated
"""
LOST = "SELECT id FROM unnest(%s::text[]) AS id WHERE id NOT IN (SELECT id FROM servers WHERE status = 'DELETED')"
# What a host says when it is asked to give one device to two.
REFUSED = (
    "SELECT reason FROM events WHERE reason LIKE '%%is in use by driver%%' OR reason LIKE '%%still held for server%%'"
)


def test_no_device_is_given_twice_and_nothing_is_lost_or_left_while_control_processes_are_killed(
    postgres_url: str, tmp_path: Path
) -> None:
    cloud = LoadCloud(tmp_path, postgres_url, SIZE)
    try:
        cloud.start()
        outcome = cloud.run()
        cloud.settle()
    finally:
        cloud.down()
    with psycopg.connect(postgres_url) as connection:
        claimed = connection.execute("SELECT count(*) FROM claims").fetchone()
        assert connection.execute(DOUBLE).fetchall() == []
        assert connection.execute("SELECT id FROM claims WHERE state <> 'freed'").fetchall() == []
        assert connection.execute(LOST, [outcome.accepted]).fetchall() == []
        assert connection.execute(REFUSED).fetchall() == []
        assert connection.execute("SELECT id FROM servers WHERE intent <> 'gone'").fetchall() == []
    told = f"{len(outcome.accepted)} accepted, {outcome.unanswered} unanswered, {claimed} claims, {outcome.kills} kills"
    print(f"{told}, seen {dict(outcome.seen)}, in {outcome.seconds:.0f} s")
    assert traces(tmp_path) == []
    assert len(outcome.accepted) + outcome.unanswered == SIZE.requests
    assert outcome.kills >= 2
    assert outcome.seen["ACTIVE"] > 0
    assert outcome.seen["ERROR"] > 0
