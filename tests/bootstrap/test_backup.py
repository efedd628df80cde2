"""A backup is whole, refuses to overwrite, and comes back as it was: rows, keys, images; on both databases."""

import dataclasses
import functools
import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update

from busway.bootstrap.backup.restore import restore, verify
from busway.bootstrap.backup.write import back_up
from busway.bootstrap.config import Config, read_config
from busway.domain.errors import BuswayError
from busway.domain.image_store import ImageStore, ImageStores
from busway.store.database import Database
from busway.store.images import images
from busway.store.schema import load_tables, newest_revision
from tests.databases import new_postgres
from tests.store.revisions import fill

DATA = b"an image's data"
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def config(tmp_path: Path, database_url: str) -> Iterator[Config]:
    """Return the configuration of a control plane with rows in each table, keys, and one image."""
    state = tmp_path / "state"
    (state / "tls").mkdir(parents=True)
    (state / "images").mkdir()
    (state / "agent").mkdir()
    for name, data in _STATE.items():
        (state / name).write_bytes(data)
    (state / "images" / SHA256).write_bytes(DATA)
    (state / "agent" / "disk").write_bytes(b"a guest's disk")
    made = _configure(tmp_path / "busway.conf", state, database_url)
    if made.database.startswith("sqlite"):
        shutil.copyfile(filled(), made.database.removeprefix("sqlite:///"))
    database = Database(made.database)
    if not database.is_sqlite:
        fill(database, newest_revision())
    with database.write() as tx:
        tx.execute(update(images).values(sha256=SHA256, size=len(DATA)))
    yield made
    database.close()


_STATE = {"clouds.yaml": b"password", "openrc": b"password", "tls/authority.pem": b"key", "tls/ca.pem": b"certificate"}


@functools.cache
def filled() -> Path:
    """Return a SQLite database with rows in each table, which is made once in each process."""
    path = Path(tempfile.mkdtemp(prefix="busway-filled-")) / "busway.db"
    database = Database(f"sqlite:///{path}")
    fill(database, newest_revision())
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


def _configure(path: Path, state: Path, url: str) -> Config:
    path.write_text(f"[database]\nconnection = {url}\n")
    return read_config(path, state_path=state)


@pytest.fixture
def elsewhere(config: Config, tmp_path: Path, request: pytest.FixtureRequest) -> Config:
    """Return the configuration of an empty control plane with a database of the same kind."""
    url = f"sqlite:///{tmp_path / 'new' / 'busway.db'}"
    if config.database.startswith("postgresql"):
        url = new_postgres(request.getfixturevalue("postgres_server"))
    return _configure(tmp_path / "new.conf", tmp_path / "new", url)


_on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def rows(url: str) -> dict[str, list[tuple[Any, ...]]]:
    database = Database(url)
    with database.read() as tx:
        found = {
            name: sorted((tuple(row) for row in tx.execute(select(table))), key=repr)
            for name, table in load_tables().tables.items()
        }
    database.close()
    return found


def test_what_is_restored_is_what_was_backed_up(config: Config, elsewhere: Config, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"

    made = back_up(config, tmp_path / "busway.conf", archive, with_images=True)
    done = restore(elsewhere, archive)

    assert rows(elsewhere.database) == rows(config.database)
    assert {name: (elsewhere.state / name).read_bytes() for name in _STATE} == _STATE
    assert (elsewhere.state / "images" / SHA256).read_bytes() == DATA
    assert (elsewhere.state / "restored-busway.conf").read_text() == (tmp_path / "busway.conf").read_text()
    assert not (elsewhere.state / "agent").exists()
    assert sum(made.rows.values()) == sum(map(len, rows(config.database).values())) + 1  # the row with the revision
    assert done.missing == ()
    assert archive.stat().st_mode & 0o777 == 0o600
    assert (elsewhere.state / "tls" / "authority.pem").stat().st_mode & 0o777 == 0o600


@_on_sqlite
def test_images_come_back_to_each_of_their_stores(config: Config, elsewhere: Config, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    database = Database(config.database)
    with database.write() as tx:
        tx.execute(update(images).values(stores=["file", "large", "gone"]))
    database.close()
    (config.state / "large").mkdir()
    (config.state / "images" / SHA256).rename(config.state / "large" / SHA256)  # any copy is as good
    here, there = (_with_large_store(each) for each in (config, elsewhere))

    made = back_up(here, None, archive, with_images=True)
    done = restore(there, archive)

    assert [member.name for member in made.members if SHA256 in member.name] == [f"images/{SHA256}"]
    assert [(there.state / folder / SHA256).read_bytes() for folder in ("images", "large")] == [DATA, DATA]
    assert done.missing == ()


def _with_large_store(config: Config) -> Config:
    stores = ImageStores((ImageStore("file"), ImageStore("large", str(config.state / "large"))))
    return dataclasses.replace(config, settings=dataclasses.replace(config.settings, image_stores=stores))


@_on_sqlite
def test_images_that_are_left_out_are_named(config: Config, elsewhere: Config, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"

    made = back_up(config, None, archive, with_images=False)
    done = restore(elsewhere, archive)

    assert {image.sha256 for image in made.images} == {SHA256}
    assert len(done.missing) == len(made.images) > 0
    assert SHA256 in done.missing[0]


@_on_sqlite
def test_images_that_are_there_already_are_taken(config: Config, elsewhere: Config, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    back_up(config, None, archive, with_images=False)
    (elsewhere.state / "images").mkdir(parents=True)
    (elsewhere.state / "images" / SHA256).write_bytes(DATA)

    assert restore(elsewhere, archive).missing == ()


def test_nothing_is_overwritten(config: Config, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    back_up(config, None, archive, with_images=False)
    before = archive.read_bytes()

    assert _refusal(lambda: back_up(config, None, archive, with_images=False)) == "backup-exists"
    assert _refusal(lambda: restore(config, archive)) in {"restore-not-empty", "database-not-empty"}
    assert archive.read_bytes() == before
    assert [path.name for path in tmp_path.glob(".busway-*")] == []


@_on_sqlite
def test_one_file_of_before_is_enough_to_refuse(config: Config, elsewhere: Config, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    back_up(config, None, archive, with_images=False)
    elsewhere.state.mkdir()
    (elsewhere.state / "openrc").write_text("mine")

    assert _refusal(lambda: restore(elsewhere, archive)) == "restore-not-empty"
    assert (elsewhere.state / "openrc").read_text() == "mine"
    assert not (elsewhere.state / "clouds.yaml").exists()


@_on_sqlite
@pytest.mark.parametrize("at", ["database", "key", "end"])
def test_a_damaged_backup_is_refused_before_anything_is_written(
    config: Config, elsewhere: Config, tmp_path: Path, at: str
) -> None:
    archive = tmp_path / "backup.tar"
    back_up(config, None, archive, with_images=False)
    whole = bytearray(archive.read_bytes())
    if at == "end":
        whole = whole[: len(whole) // 2]
    else:
        place = whole.index(b"key" if at == "key" else b"SQLite format 3")
        whole[place + 1] ^= 1
    archive.write_bytes(whole)

    assert _refusal(lambda: restore(elsewhere, archive)) == "backup-damaged"
    assert not elsewhere.state.exists()


@_on_sqlite
def test_a_backup_of_a_newer_busway_is_refused(config: Config, elsewhere: Config, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    back_up(config, None, archive, with_images=False)
    _rewrite(archive, lambda manifest: manifest.update(revision="of-tomorrow"))

    assert _refusal(lambda: restore(elsewhere, archive)) == "database-newer"


@_on_sqlite
def test_a_backup_that_would_write_elsewhere_is_refused(config: Config, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    back_up(config, None, archive, with_images=False)
    _rewrite(archive, lambda manifest: manifest["members"][1].update(name="state/../../etc/passwd"))

    assert _refusal(lambda: verify(archive)) == "backup-unreadable"


def test_rows_that_are_not_as_many_as_were_counted_are_told(config: Config, elsewhere: Config, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    back_up(config, None, archive, with_images=False)
    _rewrite(archive, lambda manifest: manifest["rows"].update(hosts=99))

    assert _refusal(lambda: restore(elsewhere, archive)) == "backup-damaged"
    assert not (elsewhere.state / "clouds.yaml").exists()


def test_a_backup_in_use_has_what_was_committed_and_nothing_else(
    config: Config, elsewhere: Config, tmp_path: Path
) -> None:
    archive, before = tmp_path / "backup.tar", rows(config.database)
    busy = Database(config.database)
    with busy.engine.connect() as tx:
        tx.execute(text("BEGIN IMMEDIATE" if busy.is_sqlite else "SELECT 1"))
        tx.execute(text("DELETE FROM audit"))
        back_up(config, None, archive, with_images=False)
        tx.rollback()
    busy.close()
    restore(elsewhere, archive)

    assert rows(elsewhere.database) == before
    assert before["audit"]


@_on_sqlite
def test_a_backup_goes_to_a_database_of_its_own_kind(config: Config, tmp_path: Path) -> None:
    archive = tmp_path / "backup.tar"
    back_up(config, None, archive, with_images=False)
    other = "sqlite:////nowhere/busway.db" if config.database.startswith("postgresql") else "postgresql://x@/y?host=/z"

    changed = dataclasses.replace(config, database=other, state=tmp_path / "other")

    assert _refusal(lambda: restore(changed, archive)) == "backup-kind"


def _refusal(act: Any) -> str:
    with pytest.raises(BuswayError) as refused:
        act()
    return str(refused.value.code)


def _rewrite(archive: Path, change: Any) -> None:
    """Writes the archive anew with another manifest."""
    with tarfile.open(archive) as old:
        members = [(info, old.extractfile(info).read()) for info in old]  # type: ignore[union-attr]
    with tarfile.open(archive, "w") as new:
        for info, data in members:
            if info.name == "manifest.json":
                manifest = json.loads(data)
                change(manifest)
                data = json.dumps(manifest).encode()
                info.size = len(data)
            new.addfile(info, io.BytesIO(data))
