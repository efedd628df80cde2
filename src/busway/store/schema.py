"""The schema of a database: created, upgraded to the newest revision, or refused if it is not Busway's.

A database has its revision in the table `schema_revision`. One from before migrations has none: it is taken for the
first revision if the upgrade from there gives the newest schema; otherwise it is left as it was.
"""

from __future__ import annotations

import importlib
import pkgutil
import threading
from functools import cache
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect
from sqlalchemy.exc import DBAPIError, OperationalError

import busway.store
from busway.domain.errors import InvalidConfig, Unavailable
from busway.store.database import Database, Tx
from busway.store.metadata import metadata

FIRST = "first"
_FOLDER = Path(__file__).parent / "migrations"
# Not Alembic's own name, which another program's tables in the same database may use.
VERSION_TABLE = "schema_revision"
# Alembic's `op` and `context` are one per process.
_alembic = threading.Lock()


def upgrade(db: Database, revision: str = "head") -> tuple[str, ...]:
    """Upgrades a database to a revision, in one transaction and one process at a time; returns the applied revisions.

    An empty database gets all tables. Raises `InvalidConfig`, and changes nothing, for a database of a newer Busway
    or of another program; `Unavailable` if it can't be reached.
    """
    if _first_look(db) == newest_revision():
        return ()
    with _alembic, db.alter() as tx:
        current = _revision(tx)
        if current is not None and current not in revisions():
            raise _newer(current)
        if current is None and set(inspect(tx).get_table_names()) & _first_tables():
            _adopt(tx)
            current = FIRST
        command.upgrade(_config(tx), revision)
        done = _revision(tx)
    known = revisions()
    return known[known.index(current) + 1 if current else 0 : known.index(done) + 1 if done else 0]


def upgrade_within(tx: Tx) -> None:
    """Creates all tables in an empty database, within a transaction of `Database.alter`."""
    with _alembic:
        command.upgrade(_config(tx), "head")


def revision_of(db: Database) -> str:
    """Returns the revision of a database; raises `InvalidConfig` if it is not Busway's."""
    found = _first_look(db)
    if found is None:
        raise _foreign("It does not say its revision.")
    return found


def require_known(revision: str) -> None:
    """Raises `InvalidConfig` for a revision of a newer Busway."""
    if revision not in revisions():
        raise _newer(revision)


@cache
def revisions() -> tuple[str, ...]:
    """Returns the names of all revisions, oldest first."""
    return tuple(script.revision for script in reversed(list(_scripts().walk_revisions())))


@cache
def newest_revision() -> str:
    """Returns the revision that this Busway works with."""
    return str(_scripts().get_current_head())


def load_tables() -> MetaData:
    """Returns all tables of the store; imports their modules."""
    for module in pkgutil.iter_modules(busway.store.__path__, "busway.store."):
        importlib.import_module(module.name)
    return metadata


def differences(tx: Tx) -> list[str]:
    """Lists how the tables of a database differ from the code; tables of other programs are ignored."""
    ours = load_tables().tables

    def is_ours(_thing: object, name: str | None, kind: str, reflected: bool, _compared: object) -> bool:
        return not (kind == "table" and reflected and name not in ours)

    context = MigrationContext.configure(tx, opts={"compare_type": True, "include_object": is_ours})
    return [str(difference) for difference in compare_metadata(context, metadata)]


def _first_look(db: Database) -> str | None:
    """Returns the revision of a database, on the first connection to it; raises `Unavailable` if that fails."""
    try:
        with db.read() as tx:
            return _revision(tx)
    except OperationalError as error:
        raise Unavailable(
            f"The database {db.url.render_as_string()} can't be opened",
            detail=" ".join(str(error.orig).split()),
            remedy="Check that it runs and accepts this user, or set another one in [database] connection.",
            code="database-unreachable",
        ) from error


def _adopt(tx: Tx) -> None:
    """Takes tables from before migrations for the first revision; checks that the upgrade gives the newest schema."""
    missing = sorted(_first_tables() - set(inspect(tx).get_table_names()))
    if missing:
        raise _foreign(f"It has no table {', '.join(missing)}.")
    try:
        command.stamp(_config(tx), FIRST)
        command.upgrade(_config(tx), "head")
    except DBAPIError as error:
        raise _foreign(str(error.orig)) from error
    if found := differences(tx):
        raise _foreign(f"{len(found)} objects in its tables differ from the expected ones, such as {found[0]}.")


def _newer(revision: str) -> InvalidConfig:
    return InvalidConfig(
        f"The database was created by a newer Busway: its schema is {revision}",
        detail=f"This Busway knows the schemas up to {newest_revision()}; there is no downgrade.",
        remedy="Install the newer Busway again, or restore a backup of the database from before its upgrade.",
        code="database-newer",
    )


def _foreign(detail: str) -> InvalidConfig:
    return InvalidConfig(
        "The database has tables with names of Busway's tables, but not their structure",
        detail=detail,
        remedy="Set [database] connection to an empty database, or to Busway's own.",
        code="database-foreign",
    )


def _first_tables() -> frozenset[str]:
    return frozenset(_scripts().get_revision(FIRST).module.TABLES)


def _revision(tx: Tx) -> str | None:
    heads = MigrationContext.configure(tx, opts={"version_table": VERSION_TABLE}).get_current_heads()
    return heads[0] if heads else None


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(_FOLDER)


def _config(tx: Tx) -> Config:
    config = Config(attributes={"connection": tx, "version_table": VERSION_TABLE})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config
