"""`busway audit`: who did what."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import click

from busway.cli.listing import Listing, list_options
from busway.cli.output import clouds_option

if TYPE_CHECKING:
    from busway.cli.client import Client

_F = TypeVar("_F", bound=Callable[..., Any])
_PAGE = 1000


def _filters(command: _F) -> _F:
    for option in (
        click.option("--until", help="Only those before this time (ISO 8601)."),
        click.option("--since", help="Only those from this time on (ISO 8601)."),
        click.option("--target", help="Only those about this; a part of it is enough, such as a server's id."),
        click.option("--result", type=click.Choice(["success", "denied", "failed"]), help="Only those that ended so."),
        click.option("--operation", help="Only those of this rule, such as os_compute_api:servers:create."),
        click.option("--request", help="Only that of this request id."),
        click.option("--project", help="Only those in the project with this id."),
        click.option("--user", help="Only those of the user with this id."),
    ):
        command = option(command)
    return command


@click.group()
def audit() -> None:
    """Audit: who did what, when, from where, and how it ended."""


@audit.command("list")
@_filters
@click.option("--limit", default=50, show_default=True, help="The newest so many.")
@clouds_option
@list_options
def list_(limit: int, clouds: str | None, listing: Listing, **wanted: str | None) -> None:
    """Lists records, newest first."""
    from busway.cli.client import Client, find_clouds

    with Client(find_clouds(clouds)) as client:
        rows = client.request("GET", "audit", params={**wanted, "limit": limit})["records"]
    same = {name.upper(): name for name in ("address", "operation", "target", "result")}
    listed = {"TIME": "at", "USER": "user_name", **same}
    listing.show(rows, listed, "Nothing is recorded.")


@audit.command()
@_filters
@click.option(
    "--format",
    "form",
    type=click.Choice(["jsonl", "cadf"]),
    default="jsonl",
    show_default=True,
    help="Busway's own records, or events of CADF; one JSON object a line.",
)
@clouds_option
def export(form: str, clouds: str | None, **wanted: str | None) -> None:
    """Writes all records to the standard output, newest first."""
    from busway.cli.client import Client, find_clouds

    client = Client(find_clouds(clouds))
    for record in _pages(client, {**wanted, "format": "cadf" if form == "cadf" else None}):
        click.echo(json.dumps(record))


def _pages(client: Client, wanted: dict[str, str | None]) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while True:
        rows = client.request("GET", "audit", params={**wanted, "limit": _PAGE, "before": before})["records"]
        yield from rows
        if len(rows) < _PAGE:
            return
        before = int(str(rows[-1]["id"]).rpartition(":")[2])
