"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from busway.cli.narrow import narrowed

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
clouds_option = click.option("--clouds", metavar="FILE", help="The clouds.yaml to use. Default: the state folder's.")


def print_json(value: Any) -> None:
    """Prints JSON with two spaces of indentation."""
    click.echo(json.dumps(value, indent=2))


def print_table(
    columns: Iterable[str], rows: Iterable[Iterable[object]], empty: str, least: Sequence[str] = ()
) -> None:
    """Prints a table, or a sentence when there is nothing to show; a pipe gets all of it, a terminal what fits."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    names, filled = list(columns), [[_cell(value) for value in row] for row in rows]
    if not filled:
        click.echo(empty)
        return
    # Without these, rich reads ":ab:" in 0000:ab:00.0 as a picture, and [abcd:0001] as a style.
    console = Console(highlight=False, emoji=False, markup=False)
    shown = narrowed(names, filled, console.width if console.is_terminal else sys.maxsize, least)
    # Lines are for people: in a pipe each line is the header or a row.
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False)
    for name, width in zip(shown.columns, shown.widths, strict=True):
        table.add_column(name, overflow="fold", max_width=width)
    for row in shown.rows:
        table.add_row(*row)
    if not console.is_terminal:
        console.width = console.measure(table, options=console.options.update(max_width=1000)).maximum
    console.print(table)
    if shown.left_out:
        words = ", ".join(name.lower().replace(" ", "_") for name in shown.left_out)
        click.echo(f"No room for: {words} (see --columns).")


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Prints one object as name and value lines."""
    pairs = list(fields)
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        click.echo(f"{name.ljust(width)}  {_cell(value)}")


def _cell(value: object) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
