"""A row of the northbound database as a value, and its form on the wire (RFC 7047)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OWNER, KEY = "owner", "busway"
OWNED = {OWNER: KEY}  # the external id of every row that Busway made; others are left alone


@dataclass(frozen=True, slots=True)
class Refs:
    """References to rows of one table by their keys, as a set."""

    table: str
    keys: frozenset[str]


Value = str | int | bool | frozenset[str] | frozenset[int] | Mapping[str, str] | Refs


@dataclass(frozen=True, slots=True)
class Row:
    """One row that must be there; `key` tells it from the others of its table, in `external_ids` under `busway`.

    Columns that are not named belong to OVN or have their defaults.
    """

    table: str
    key: str
    columns: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Found:
    """One row that is there, its columns as the database sent them."""

    uuid: str
    columns: Mapping[str, Any]

    @property
    def key(self) -> str:
        """The key under which Busway made it, "" for none."""
        return _pairs(self.columns.get("external_ids")).get(KEY, "")

    def holds(self, column: str, wanted: Value, uuids: Mapping[tuple[str, str], str]) -> bool:
        """True when a column has a value; `uuids` are those of the rows that references may mean, by table and key."""
        there = self.columns.get(column)
        if isinstance(wanted, Refs):
            meant = {uuids.get((wanted.table, key)) for key in wanted.keys}
            return None not in meant and meant == {str(atom[1]) for atom in _atoms(there)}
        if isinstance(wanted, Mapping):
            return _pairs(there) == dict(wanted)
        if isinstance(wanted, frozenset):
            return frozenset(_atoms(there)) == wanted
        return bool(there == wanted)


def _pairs(sent: object) -> dict[str, str]:
    """A map, which the database sends as ["map", [[key, value], ...]]."""
    if isinstance(sent, list) and len(sent) == 2 and sent[0] == "map":
        return {str(key): str(value) for key, value in sent[1]}
    return {}


def _atoms(sent: object) -> list[Any]:
    """The members of a set, which the database sends as ["set", [...]], or bare when there is one."""
    if isinstance(sent, list) and len(sent) == 2 and sent[0] == "set":
        return list(sent[1])
    return [] if sent is None else [sent]
