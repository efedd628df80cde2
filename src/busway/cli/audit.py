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
        click.option("--until", help="Only records before this time (ISO 8601)."),
        click.option("--since", help="Only records from this time on (ISO 8601)."),
        click.option("--target", help="Only records whose target contains this text, such as a server's id."),
        click.option(
            "--result", type=click.Choice(["success", "denied", "failed"]), help="Only records with this result."
        ),
        click.option("--operation", help="Only records of this rule, such as os_compute_api:servers:create."),
        click.option("--request", help="Only records with this request id."),
        click.option("--project", help="Only records of this project, by name or id."),
        click.option("--user", help="Only records of this user, by name or id."),
    ):
        command = option(command)
    return command


@click.group()
def audit() -> None:
    """Show who did what, when, and with which result."""


@audit.command("list")
@_filters
@click.option("--limit", default=50, show_default=True, help="The number of newest entries to list.")
@clouds_option
@list_options
def list_(limit: int, clouds: str | None, listing: Listing, **wanted: str | None) -> None:
    """List records, newest first."""
    from busway.cli.client import Client, find_clouds

    with Client(find_clouds(clouds)) as client:
        rows = client.request("GET", "audit", params={**_with_ids(client, wanted), "limit": limit})["records"]
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
    help="jsonl: Busway's own records; cadf: CADF events. One JSON object a line.",
)
@clouds_option
def export(form: str, clouds: str | None, **wanted: str | None) -> None:
    """Write all records to standard output, newest first."""
    from busway.cli.client import Client, find_clouds

    with Client(find_clouds(clouds)) as client:
        for record in _pages(client, {**_with_ids(client, wanted), "format": "cadf" if form == "cadf" else None}):
            click.echo(json.dumps(record))


def _with_ids(client: Client, wanted: dict[str, str | None]) -> dict[str, str | None]:
    """The filters, with the ids of the user and the project that are named."""
    from busway.cli.find import PROJECT, USER, account_id

    user, project = account_id(client, USER, wanted["user"]), account_id(client, PROJECT, wanted["project"])
    return {**wanted, "user": user, "project": project}


def _pages(client: Client, wanted: dict[str, str | None]) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while True:
        rows = client.request("GET", "audit", params={**wanted, "limit": _PAGE, "before": before})["records"]
        yield from rows
        if len(rows) < _PAGE:
            return
        before = int(str(rows[-1]["id"]).rpartition(":")[2])
