"""The PostgreSQL programs of `make setup` start a server, as another user when root runs the tests."""

from pathlib import Path

import psycopg
import pytest

pytestmark = pytest.mark.postgres


def test_a_private_server_starts_and_answers(postgres_server: Path) -> None:
    with psycopg.connect(host=str(postgres_server), user="busway", dbname="postgres", connect_timeout=10) as connection:
        assert connection.info.server_version >= 150000
