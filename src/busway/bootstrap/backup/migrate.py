"""Moves the database of a control plane from SQLite to PostgreSQL; images, keys and agents stay as they are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from busway.bootstrap.config import Config
from busway.domain.errors import InvalidConfig, NotFound
from busway.store.copy import copy_out
from busway.store.database import Database
from busway.store.schema import upgrade
from busway.store.transfer import require_alone, transfer


def migrate_database(config: Config, source: Path | None, report: Callable[[str, int], None]) -> int:
    """Copies every row of `source`, the state folder's busway.db by default, to the database that `config` names.

    The source stays as it is: its copy is brought to the newest schema, not itself. Returns the number of rows. Raises
    `Conflict` while a control process has the source open, and for a target that is not empty.
    """
    path = source or config.state / "busway.db"
    if not path.is_file():
        raise NotFound(f"There is no database {path}", remedy="Set its path with --from.", code="database-not-found")
    if not config.database.startswith("postgresql"):
        raise InvalidConfig(
            "The configuration names no PostgreSQL database",
            detail=f"Its database is {config.database}.",
            remedy="Set the new database in [database] connection, and use that file with --config.",
            code="migrate-target",
        )
    require_alone(path)
    target = Database(config.database)
    try:
        with tempfile.TemporaryDirectory(prefix=".busway-migrate-", dir=path.parent) as folder:
            copied = Path(folder) / "busway.db"
            _copy(path, copied)
            copy = Database(f"sqlite:///{copied}")
            try:
                upgrade(copy)
                return transfer(copy, target, report)
            finally:
                copy.close()
    finally:
        target.close()


def _copy(path: Path, to: Path) -> None:
    db = Database(f"sqlite:///{path}")
    try:
        copy_out(db, to)
    finally:
        db.close()
