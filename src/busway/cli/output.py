"""Tables for people, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
clouds_option = click.option("--clouds", metavar="FILE", help="The clouds.yaml to use. Default: the state folder's.")


def print_json(value: Any) -> None:
    """Prints JSON with two spaces of indentation."""
    click.echo(json.dumps(value, indent=2))


def print_table(columns: Iterable[str], rows: Iterable[Iterable[object]], empty: str) -> None:
    """Prints a table, or a sentence when there is nothing to show."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        table.add_column(name, overflow="fold")  # a narrow terminal breaks a long word, and hides nothing of it
    filled = [[_cell(value) for value in row] for row in rows]
    if not filled:
        click.echo(empty)
        return
    for row in filled:
        table.add_row(*row)
    # Without these, rich reads ":ab:" in 0000:ab:00.0 as a picture, and [abcd:0001] as a style.
    console = Console(highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = console.measure(table, options=console.options.update(max_width=1000)).maximum
    console.print(table)


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
