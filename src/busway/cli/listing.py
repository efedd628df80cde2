"""One way for all lists: a table for people that a pipe never wraps, JSON for programs, columns and order by choice."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from busway.cli.output import json_option, print_json, print_table
from busway.domain.errors import BadInput

_F = TypeVar("_F", bound=Callable[..., Any])
Row = dict[str, Any]
# The title of each column, and the key of its value in a row or what makes it of one.
Columns = Mapping[str, str | Callable[[Row], object]]


@dataclass(frozen=True, slots=True)
class Listing:
    """How a list was asked for: as a table or JSON, which columns, and by which it is sorted ("-NAME" from the end)."""

    as_json: bool = False
    columns: tuple[str, ...] = ()
    sort: str = ""

    def show(
        self,
        rows: Sequence[Row],
        columns: Columns,
        empty: str,
        *,
        envelope: Row | None = None,
        key: str = "",
        least: Sequence[str] = (),
    ) -> None:
        """Prints rows; as JSON they are whole, unless columns were chosen.

        With `envelope` whole rows are printed under `key` of it, with whatever else it holds. `least` are the columns
        that a narrow terminal may do without.
        """
        chosen = self._chosen(columns)
        ordered = self._ordered(rows, columns)
        if self.as_json and not self.columns:
            print_json(ordered if envelope is None else {**envelope, key: ordered})
        elif self.as_json:
            print_json([{_key(title): _value(columns[title], row) for title in chosen} for row in ordered])
        else:
            shown = [[_value(columns[title], row) for title in chosen] for row in ordered]
            print_table(chosen, shown, empty, () if self.columns else least)

    def _chosen(self, columns: Columns) -> list[str]:
        return [_find(name, columns) for name in self.columns] or list(columns)

    def _ordered(self, rows: Sequence[Row], columns: Columns) -> list[Row]:
        if not self.sort:
            return list(rows)
        maker = columns[_find(self.sort.removeprefix("-"), columns)]
        return sorted(rows, key=lambda row: _natural(_value(maker, row)), reverse=self.sort.startswith("-"))


def list_options(command: _F) -> _F:
    """Gives a command --json, --columns and --sort, and hands it what was chosen as `listing`."""

    @functools.wraps(command)
    def run(*arguments: Any, as_json: bool, columns: str | None, sort: str | None, **options: Any) -> Any:
        names = tuple(name.strip() for name in (columns or "").split(",") if name.strip())
        return command(*arguments, listing=Listing(as_json, names, sort or ""), **options)

    for option in (
        click.option("--sort", metavar="COLUMN", help="Sort by this column; -COLUMN sorts in descending order."),
        click.option("--columns", metavar="NAMES", help="Only these columns, in this order: --columns host,status."),
        json_option,
    ):
        run = option(run)
    return run  # type: ignore[return-value]


def _key(title: str) -> str:
    return title.lower().replace(" ", "_")


def _find(name: str, columns: Columns) -> str:
    """The title of a column by its name, in any case, with spaces or underscores."""
    wanted = _key(name.strip())
    found = next((title for title in columns if _key(title) == wanted), None)
    if found is None:
        raise BadInput(
            f"There is no column {name}",
            remedy=f"One of: {', '.join(_key(title) for title in columns)}.",
            code="column-unknown",
        )
    return found


def _value(maker: str | Callable[[Row], object], row: Row) -> object:
    return row.get(maker) if isinstance(maker, str) else maker(row)


def _natural(value: object) -> tuple[int, float, tuple[tuple[int, int, str], ...]]:
    """Numbers by size, text with its numbers by size, and nothing last."""
    if value is None or value == "":
        return (2, 0.0, ())
    if isinstance(value, int | float):
        return (0, float(value), ())
    parts = re.findall(r"\d+|\D+", str(value))
    return (1, 0.0, tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts))
