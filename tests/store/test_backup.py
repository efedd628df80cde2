"""A backup of a database in use, as the page says, is a cloud that goes on."""

import shutil
import subprocess
from pathlib import Path

import pytest

from busway.store import servers
from busway.store.database import Database
from busway.store.schema import upgrade
from tests.control.clouds import Cloud
from tests.databases import add_tables
from tests.project.checkout import text


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="needs the sqlite3 program")
def test_a_backup_of_sqlite_in_use_is_whole(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'busway.db'}")
    add_tables(database)
    cloud = Cloud(database, tmp_path)
    [server] = cloud.create(gpu=False)
    [command] = [line.strip() for line in text("docs/how-to/backup-and-restore.md").splitlines() if "sqlite3" in line]
    copied = command.replace("/var/lib/busway", str(tmp_path)).replace("/backup/busway.db", str(tmp_path / "copy.db"))

    with database.read():  # somebody reads meanwhile
        subprocess.run(["sh", "-c", copied], check=True, timeout=60)

    copy = Database(f"sqlite:///{tmp_path / 'copy.db'}")
    assert upgrade(copy) == ()
    with copy.read() as tx:
        assert [row.id for row in servers.list_servers(tx)] == [server.id]
    copy.close()
    database.close()
