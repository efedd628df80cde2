"""SQLite moves into PostgreSQL whole, or not at all."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect, text

from busway.bootstrap.backup.migrate import migrate_database
from busway.bootstrap.config import Config, read_config
from busway.domain.errors import BuswayError
from busway.store.database import Database
from busway.store.schema import differences, revisions, upgrade
from tests.bootstrap.test_backup import filled, rows
from tests.store.revisions import fill

pytestmark = pytest.mark.postgres


@pytest.fixture
def config(tmp_path: Path, postgres_url: str) -> Config:
    """Return a configuration that names an empty PostgreSQL database, with a full SQLite database in the state folder."""
    path = tmp_path / "busway.conf"
    path.write_text(f"[database]\nconnection = {postgres_url}\n")
    shutil.copyfile(filled(), tmp_path / "busway.db")
    return read_config(path, state_path=tmp_path)


def test_every_row_moves(config: Config) -> None:
    told: dict[str, int] = {}

    count = migrate_database(config, None, told.__setitem__)

    old = rows(f"sqlite:///{config.state / 'busway.db'}")
    assert rows(config.database) == old
    assert count == sum(told.values()) + 1  # the row with the revision
    assert all(told[name] == len(found) > 0 for name, found in old.items())
    with _opened(config.database).read() as tx:
        assert differences(tx) == []


def test_new_rows_are_numbered_after_the_old_ones(config: Config) -> None:
    migrate_database(config, None, lambda _name, _rows: None)

    database = _opened(config.database)
    with database.write() as tx:
        [sequence] = tx.execute(text("SELECT nextval(pg_get_serial_sequence('audit', 'id'))")).scalars()
        highest = tx.execute(text("SELECT max(id) FROM audit")).scalar_one()
    assert sequence == highest + 1


@pytest.mark.thorough
def test_a_database_of_an_older_busway_moves_and_stays_as_it_is(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old = Database(f"sqlite:///{path}")
    fill(old, revisions()[0])
    old.close()
    before = path.read_bytes()

    migrate_database(config, path, lambda _name, _rows: None)

    assert upgrade(_opened(config.database)) == ()
    assert path.read_bytes() == before


def test_a_target_that_is_not_empty_is_refused(config: Config) -> None:
    migrate_database(config, None, lambda _name, _rows: None)

    assert _refusal(config) == "database-not-empty"


def test_a_database_in_use_is_refused(config: Config) -> None:
    busy = Database(f"sqlite:///{config.state / 'busway.db'}")
    with busy.read() as tx:
        tx.execute(text("SELECT 1"))  # and its connection waits in the pool

    assert _refusal(config) == "database-in-use"
    busy.close()
    migrate_database(config, None, lambda _name, _rows: None)


def test_a_row_that_does_not_fit_leaves_the_target_empty(config: Config) -> None:
    old = Database(f"sqlite:///{config.state / 'busway.db'}")
    with old.write() as tx:
        tx.execute(text("UPDATE servers SET name = :long"), {"long": "x" * 5000})
    old.close()

    assert _refusal(config) == "row-unfit"
    with _opened(config.database).read() as tx:
        assert inspect(tx).get_table_names() == []


def test_a_configuration_without_postgresql_is_refused(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "sqlite.conf"
    path.write_text("")

    assert _refusal(read_config(path, state_path=tmp_path)) == "migrate-target"


_open: list[Database] = []


@pytest.fixture(autouse=True)
def _closing() -> Any:
    yield
    while _open:
        _open.pop().close()


def _opened(url: str) -> Database:
    _open.append(Database(url))
    return _open[-1]


def _refusal(config: Config) -> str:
    with pytest.raises(BuswayError) as refused:
        migrate_database(config, None, lambda _name, _rows: None)
    return str(refused.value.code)
