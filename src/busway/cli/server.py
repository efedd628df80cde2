"""`busway server`: what OpenStack's clients can't tell."""

from __future__ import annotations

import click

from busway.cli.output import clouds_option, json_option, print_fields, print_json, print_table
from busway.cli.words import Words


@click.group(cls=Words)
def server() -> None:
    """Servers: why one is as it is.

    Create and delete them with `openstack server`.
    """


@server.command()
@click.argument("server_id")
@clouds_option
@json_option
def why(server_id: str, clouds: str | None, as_json: bool) -> None:
    """Explain a server: state, fault, devices, history."""
    from busway.cli.client import Client, find_clouds

    story = Client(find_clouds(clouds)).request("GET", f"servers/{server_id}/why")["why"]
    if as_json:
        print_json(story)
        return
    found = story["server"]
    fault = found["fault"] or {}
    print_fields(
        [(key.replace("_", " "), found[key]) for key in ("name", "id", "status", "task_state", "host_name")]
        + [("fault", fault.get("message")), ("details", fault.get("details"))]
        + [("device", line) for line in story["devices"]]
    )
    click.echo("\nHistory")
    rows = [(e["at"], e["subject"], e["old"], e["new"], e["reason"]) for e in story["events"]]
    print_table(("TIME", "WHAT", "FROM", "TO", "REASON"), rows, "Nothing has happened to it yet.")
