"""`busway event`: the history of devices, servers and hosts."""

from __future__ import annotations

import click

from busway.cli.output import clouds_option, json_option, print_json, print_table
from busway.cli.words import Words


@click.group(cls=Words)
def event() -> None:
    """List what happened, with time and reason."""


@event.command("list")
@click.option("--server", help="Only those of the server with this id.")
@click.option("--device", help="Only those of the device with this id (see `busway device show`).")
@click.option("--limit", default=50, show_default=True, help="The newest so many.")
@clouds_option
@json_option
def list_(server: str | None, device: str | None, limit: int, clouds: str | None, as_json: bool) -> None:
    """List events, oldest first."""
    from busway.cli.client import Client, find_clouds

    params = {"server": server, "device": device, "limit": limit}
    rows = Client(find_clouds(clouds)).request("GET", "events", params=params)["events"]
    if as_json:
        print_json(rows)
        return
    table = [(r["at"], r["subject"], r["old"], r["new"], r["server_id"], r["reason"]) for r in rows]
    print_table(("TIME", "WHAT", "FROM", "TO", "SERVER", "REASON"), table, "Nothing has happened yet.")
