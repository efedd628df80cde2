"""Several SELECTs in one statement: one round trip and one consistent view instead of several.

The statement is a UNION ALL of the SELECTs, each with its own columns and NULL for those of the others, so that
every value is converted by the type of its own column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import CompoundSelect, Connection, Select, cast, literal_column, null, union_all


class Found:
    """One row: its values as attributes, and all of them as `_mapping`, like a row of SQLAlchemy."""

    __slots__ = ("_mapping",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._mapping = values

    def __getattr__(self, name: str) -> Any:
        try:
            return self._mapping[name]
        except KeyError as error:
            raise AttributeError(name) from error


class SelectMany:
    """A statement that is built once; `read` gets the values of its bound parameters by name."""

    def __init__(self, **selects: Select[Any]) -> None:
        self._names: dict[str, list[str]] = {}
        self._starts: dict[str, int] = {}
        columns: list[Any] = []
        for kind, select in selects.items():
            own = list(select.selected_columns)
            self._starts[kind] = 1 + len(columns)
            self._names[kind] = [str(column.key) for column in own]
            columns += own
        self._statement: CompoundSelect[Any] = union_all(*self._parts(selects, columns))

    def read(self, tx: Connection, **given: Any) -> dict[str, list[Found]]:
        """Returns the rows of each SELECT by its name, in no order."""
        found: dict[str, list[Found]] = {kind: [] for kind in self._names}
        for row in tx.execute(self._statement, given):
            kind = row[0]
            start, names = self._starts[kind], self._names[kind]
            found[kind].append(Found(dict(zip(names, row[start : start + len(names)], strict=True))))
        return found

    def _parts(self, selects: Mapping[str, Select[Any]], columns: list[Any]) -> Iterator[Select[Any]]:
        for kind, select in selects.items():
            start = self._starts[kind] - 1
            own = range(start, start + len(self._names[kind]))
            slots = [
                (column if number in own else cast(null(), column.type)).label(f"c{number}")
                for number, column in enumerate(columns)
            ]
            yield select.with_only_columns(
                literal_column(f"'{kind}'").label("kind"), *slots, maintain_column_froms=True
            )
