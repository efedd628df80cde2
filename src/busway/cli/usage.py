"""`busway usage`: who used which devices for how long, and what it comes to."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from busway.cli.listing import Columns, Listing, Row, list_options
from busway.cli.output import clouds_option

if TYPE_CHECKING:
    from busway.cli.client import Client
    from busway.cli.prices import Prices

_BY = ("project", "user", "model", "server", "host")
_PAGE = 1000


@click.command()
@click.option(
    "--by",
    default="project",
    show_default=True,
    metavar="|".join(_BY),
    help="Group by these, such as --by project,model.",
)
@click.option("--project", help="Only this project, by name or id. Default: your own.")
@click.option("--all-projects", is_flag=True, help="All projects; for admins and readers of the system.")
@click.option("--start", help="From this time on (ISO 8601, UTC). Default: 30 days before the end.")
@click.option("--end", help="Before this time. Default: now.")
@click.option(
    "--prices", type=click.Path(exists=True, path_type=Path), metavar="FILE", help="A price list: adds costs."
)
@click.option("--entries", is_flag=True, help="List each claim on a device with its times instead of sums.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, all columns, times in seconds.")
@clouds_option
@list_options
def usage(listing: Listing, prices: Path | None, entries: bool, as_csv: bool, clouds: str | None, **asked: Any) -> None:
    """Report device-hours of projects, users or models.

    ALLOCATED is the time from the first run of the server with the device until the server no longer needs it. HELD
    is the whole time in which nobody else could have the device. Companions of a card are not counted.
    """
    from busway.cli.client import Client, find_clouds
    from busway.cli.prices import read_prices

    if entries and prices is not None:
        raise click.UsageError("--prices adds costs to sums; leave --entries out.")
    listed = read_prices(prices) if prices is not None else None
    with Client(find_clouds(clouds)) as client:
        rows = list(_entries(client, asked)) if entries else _sums(client, asked, listed)
    columns = _ENTRY if entries else _columns(rows, listed)
    if as_csv:
        _write_csv(rows, columns)
    else:
        listing.show(rows, columns, "Nothing was used in that time.")


def _params(asked: dict[str, Any]) -> dict[str, Any]:
    everyone = "true" if asked["all_projects"] else None
    return {"start": asked["start"], "end": asked["end"], "project": asked["project"], "all_projects": everyone}


def _sums(client: Client, asked: dict[str, Any], prices: Prices | None) -> list[Row]:
    by = asked["by"]
    if prices is not None and "model" not in by.split(","):
        by += ",model"
    rows: list[Row] = client.request("GET", "usage", params={**_params(asked), "by": by})["usage"]["lines"]
    if prices is None:
        return rows
    return [{**row, "cost": str(prices.cost(row)), "currency": prices.currency} for row in rows]


def _entries(client: Client, asked: dict[str, Any]) -> Iterator[Row]:
    marker: str | None = None
    params = _params(asked)
    while True:
        page = client.request("GET", "usage/entries", params={**params, "limit": _PAGE, "marker": marker})
        yield from page["entries"]
        # Each page asks for the same time, whatever the clock says meanwhile.
        params, marker = {**params, "start": page["start"], "end": page["end"]}, page["marker"]
        if marker is None:
            return


def _hours(key: str) -> Any:
    return lambda row: f"{row[key] / 3600:.2f}"


def _columns(rows: Sequence[Row], prices: Prices | None) -> Columns:
    first = rows[0] if rows else {}
    wanted: dict[str, Any] = {
        "PROJECT": ("project_id", lambda row: row["project_name"] or row["project_id"]),
        "USER": ("user_id", lambda row: row["user_name"] or row["user_id"]),
        "SERVER": ("server_id", lambda row: row["server_name"] or row["server_id"]),
        "FLAVOR": ("flavor", "flavor"),
        "HOST": ("host", "host"),
        "MODEL": ("vendor_id", lambda row: row["model"] or f"{row['vendor_id']}:{row['product_id']}"),
    }
    found = {title: maker for title, (key, maker) in wanted.items() if key in first}
    costs = {"COST": lambda row: f"{row['cost']} {row['currency']}".strip()} if prices is not None else {}
    hours = {"ALLOCATED H": _hours("allocated_seconds"), "HELD H": _hours("held_seconds")}
    return {**found, "DEVICES": "devices", **hours, **costs}


_ENTRY: Columns = {
    "SERVER": lambda row: row["server_name"] or row["server_id"],
    "HOST": "host",
    "ADDRESS": "address",
    "MODEL": lambda row: row["model"] or f"{row['vendor_id']}:{row['product_id']}",
    "CLAIMED": "claimed",
    "ALLOCATED": "allocated",
    "RELEASED": "released",
    "FREED": "freed",
}


def _write_csv(rows: Sequence[Row], columns: Columns) -> None:
    """Writes the API's answer with its own names. A text that a spreadsheet would take for a formula gets a quote."""
    names = list(rows[0]) if rows else [title.lower() for title in columns]
    writer = csv.DictWriter(sys.stdout, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _safe(value) for key, value in row.items()} for row in rows)


def _safe(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
