"""Rows as a Busway of each revision wrote them: NAME.json has rows for the tables that revision NAME made or changed."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import DateTime, MetaData, Table, select

from busway.store.database import Database, Tx
from busway.store.schema import revisions, upgrade

# Columns that a later revision calls otherwise.
RENAMED = {"servers": {"absent_generation": "generation"}, "images": {"sha512": "hash_value"}}

Rows = dict[str, list[dict[str, Any]]]


def fill(database: Database, last: str) -> Rows:
    """Goes through the revisions up to `last`, as years of use would, and writes each one's rows; returns them all."""
    written: Rows = {}
    for revision in revisions()[: revisions().index(last) + 1]:
        upgrade(database, revision)
        path = Path(__file__).with_name(f"{revision}.json")
        rows: Rows = json.loads(path.read_text("utf-8")) if path.exists() else {}
        with database.write() as tx:
            for name, values in rows.items():
                _insert(tx, name, values)
        written = {name: written.get(name, []) + rows.get(name, []) for name in {**written, **rows}}
    return written


def as_of_now(written: Rows) -> Rows:
    """The rows that revisions wrote, where they are now and with the names that columns have now."""
    words: dict[str, dict[str, str]] = {name: RENAMED.get(name, {}) for name in written}
    found = {
        name: [{words[name].get(key, key): value for key, value in row.items()} for row in rows]
        for name, rows in written.items()
    }
    for image in found.get("images", []):
        if "hash_value" in image:
            image.setdefault("hash_algo", "sha512")  # since revision `image_hashes`
    for network in found.get("networks", []):
        if "first" in network:
            network["pools"] = [[network.pop("first"), network.pop("last")]]  # since revision `pools`
    return _assignments(found)


def _assignments(found: Rows) -> Rows:
    """Two tables became one, and credentials name roles by their ids, in revision `domains`."""
    now: Rows = {name: rows for name, rows in found.items() if name not in _PLACES}
    for name, place in _PLACES.items():
        for row in found.get(name, []):
            place_id = row.get("project_id", "")
            named = {"actor_id": row["user_id"], "place_id": place_id, "role_id": row["role_id"]}
            how = {"actor": "user", "place": place, "inherited": False}
            now.setdefault("assignments", []).append({**named, **how})
    ids = {row["name"]: row["id"] for row in found.get("roles", [])}
    for row in now.get("application_credentials", []):
        row["roles"] = [ids.get(each, each) for each in row["roles"]]
    return now


_PLACES = {"role_assignments": "project", "system_assignments": "system"}


def read_rows(tx: Tx, name: str) -> list[dict[str, Any]]:
    """All rows of a table as they are written in a file: times as text, without what is null."""
    rows = tx.execute(select(_table(tx, name))).all()
    return [{key: _plain(value) for key, value in row._mapping.items() if value is not None} for row in rows]


def _insert(tx: Tx, name: str, rows: list[dict[str, Any]]) -> None:
    table = _table(tx, name)
    times = {column.name for column in table.c if isinstance(column.type, DateTime)}
    for row in rows:
        tx.execute(
            table.insert().values(
                {key: datetime.fromisoformat(value) if key in times else value for key, value in row.items()}
            )
        )


def _plain(value: Any) -> Any:
    return value.strftime("%Y-%m-%dT%H:%M:%S+00:00") if isinstance(value, datetime) else value


def _table(tx: Tx, name: str) -> Table:
    return Table(name, MetaData(), autoload_with=tx, resolve_fks=False)
