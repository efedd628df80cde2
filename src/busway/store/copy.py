"""Backup and restore of a whole database: to one file while it is in use, and from it into an empty database.

SQLite copies with its online backup, PostgreSQL with pg_dump from the snapshot in which the rows were counted. So
the counts belong to the copy, and a restore compares them.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from sqlalchemy import func, inspect, select, table, text

from busway.domain.errors import Conflict, InvalidConfig, Unavailable
from busway.store.database import Database, Tx
from busway.store.schema import VERSION_TABLE, load_tables

COPY_SECONDS = 24 * 3600
_PROGRAMS = Path("/usr/lib/postgresql")


def copy_out(db: Database, path: Path) -> dict[str, int]:
    """Writes a copy of a database to a new file; returns the number of rows by table.

    Raises `Unavailable` if PostgreSQL's programs are missing or fail.
    """
    path.touch(mode=0o600, exist_ok=False)
    if not db.is_sqlite:
        with db.read() as tx:
            snapshot = str(tx.execute(text("SELECT pg_export_snapshot()")).scalar_one())
            _postgres(db, "pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={path}")
            return count_rows(tx)
    with closing(sqlite3.connect(str(db.url.database))) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    return check_copy(path)


def copy_in(db: Database, path: Path) -> None:
    """Restores a copy of a PostgreSQL database into an empty one, in one transaction."""
    _postgres(db, "pg_restore", "--exit-on-error", "--single-transaction", str(path))


def check_copy(path: Path, names: Iterable[str] = ()) -> dict[str, int]:
    """Checks a SQLite file with SQLite's own integrity check; returns the number of rows by table."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
        try:
            words = [str(row[0]) for row in copy.execute("PRAGMA integrity_check")]
            broken = copy.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            raise _damaged(str(error)) from error
    if words != ["ok"] or broken:
        raise _damaged("; ".join(words[:3]) if words != ["ok"] else f"{len(broken)} rows point at nothing.")
    db = Database(f"sqlite:///{path}")
    try:
        with db.engine.connect() as tx:
            return count_rows(tx, names)
    finally:
        db.close()


def count_rows(tx: Tx, names: Iterable[str] = ()) -> dict[str, int]:
    """Returns the number of rows of each of Busway's tables, or of those in `names`, that exist."""
    there = sorted(set(inspect(tx).get_table_names()) & set(names) if names else our_tables(tx))
    return {name: int(tx.execute(select(func.count()).select_from(table(name))).scalar_one()) for name in there}


def our_tables(tx: Tx) -> set[str]:
    """Lists the tables of a database that have names of Busway's tables."""
    return set(inspect(tx).get_table_names()) & {*load_tables().tables, VERSION_TABLE}


def require_empty(db: Database) -> None:
    """Raises `Conflict` for a database that has tables with names of Busway's."""
    with db.read() as tx:
        if found := sorted(our_tables(tx)):
            raise Conflict(
                f"The database {db.url.render_as_string()} is not empty",
                detail=f"It has {len(found)} tables with names of Busway's tables, such as {found[0]}. Nothing was "
                "changed.",
                remedy="Set [database] connection to an empty database.",
                code="database-not-empty",
            )


def require_same(wanted: Mapping[str, int], found: Mapping[str, int]) -> None:
    """Raises `InvalidConfig` if the rows of a copy are not as many as they should be."""
    if differing := [name for name in sorted({*wanted, *found}) if wanted.get(name) != found.get(name)]:
        name = differing[0]
        raise _damaged(f"{name} has {found.get(name)} rows and should have {wanted.get(name)}.")


def _damaged(detail: str) -> InvalidConfig:
    remedy = "Take another backup: this one can't be trusted."
    return InvalidConfig("The copy of the database is damaged", detail=detail, remedy=remedy, code="backup-damaged")


def _postgres(db: Database, program: str, *arguments: str) -> None:
    """Runs a program of PostgreSQL on a database; the password is in the environment, which other users can't read."""
    address = db.url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
    environment = {**os.environ, **({"PGPASSWORD": str(db.url.password)} if db.url.password else {})}
    command = [_find(program), "--no-owner", "--no-privileges", f"--dbname={address}", *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=COPY_SECONDS, check=False, errors="replace"
    )
    if done.returncode != 0:
        raise Unavailable(
            f"{program} ended with {done.returncode}",
            detail=" ".join(done.stderr.split()[-60:]),
            remedy=f"Read its message; {program} must not be older than the server.",
            code="postgresql-program-failed",
        )


def _find(program: str) -> str:
    """Returns the path of a program: on PATH, or else in the newest of Debian's folders."""
    found = shutil.which(program) or next(
        (str(path) for path in sorted(_PROGRAMS.glob(f"*/bin/{program}"), reverse=True)), None
    )
    if found is None:
        raise Unavailable(
            f"The program {program} is not installed",
            detail="It copies a PostgreSQL database, and comes with PostgreSQL's client programs.",
            remedy="apt-get install postgresql-client",
            code="postgresql-program-missing",
        )
    return found
