"""`busway event`: the history of devices, servers and hosts."""

from __future__ import annotations

import click

from busway.cli.listing import Listing, list_options
from busway.cli.output import clouds_option
from busway.cli.words import Words


@click.group(cls=Words)
def event() -> None:
    """List what happened, with time and reason."""


@event.command("list")
@click.option("--server", help="Only events of this server, by name or id.")
@click.option("--device", help="Only events of this device: HOST:ADDRESS, ADDRESS or an id.")
@click.option("--limit", default=50, show_default=True, help="The number of newest entries to list.")
@clouds_option
@list_options
def list_(server: str | None, device: str | None, limit: int, clouds: str | None, listing: Listing) -> None:
    """List events, oldest first."""
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import server_id

    with Client(find_clouds(clouds)) as client:
        if device is not None and ":" in device:  # an address, and no id
            device = client.request("GET", f"devices/{device}")["device"]["device"]["id"]
        params = {"server": server_id(client, server), "device": device, "limit": limit}
        rows = client.request("GET", "events", params=params)["events"]
    columns = {"TIME": "at", "WHAT": "subject", "FROM": "old", "TO": "new", "SERVER": "server_id", "REASON": "reason"}
    listing.show(rows, columns, "Nothing has happened yet.")
