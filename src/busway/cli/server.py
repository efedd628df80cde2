"""`busway server`: servers from first to last, over the same API that OpenStack's clients use."""

from __future__ import annotations

import click

from busway.cli.listing import Columns, Listing, list_options
from busway.cli.output import clouds_option, json_option, print_fields, print_json, print_table
from busway.cli.server_create import create
from busway.cli.server_devices import attach, detach, devices
from busway.cli.server_power import delete, pause, reboot, restore, resume, start, stop, suspend, unpause, unrescue
from busway.cli.server_reach import console, ssh
from busway.cli.server_rescue import rescue
from busway.cli.server_words import addresses_of, devices_of, print_server, state_of
from busway.cli.words import Words


@click.group(cls=Words)
def server() -> None:
    """Create, list, reach, stop and delete servers.

    A server is named by its name or its id. `openstack server` does the same, and more.
    """


for command in (
    create, ssh, console, start, stop, reboot, pause, unpause, suspend, resume, rescue, unrescue, devices, attach, detach, delete,
    restore,
):  # fmt: skip
    server.add_command(command)


@server.command("list")
@click.option("--status", metavar="WORD", help="Only servers with this status, such as ERROR.")
@click.option("--all-projects", is_flag=True, help="Servers of all projects (for admins).")
@clouds_option
@list_options
def list_(status: str | None, all_projects: bool, clouds: str | None, listing: Listing) -> None:
    """List servers with status, addresses, flavor and image."""
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import IMAGE, list_all, list_servers

    with Client(find_clouds(clouds)) as client:
        rows = list_servers(client, status=status, all_projects=all_projects)
        whole = listing.as_json and not listing.columns
        images = {} if whole else {image["id"]: image["name"] for image in list_all(client, IMAGE)}
    columns: Columns = {
        "NAME": "name",
        "STATUS": state_of,
        "ADDRESS": lambda row: "\n".join(addresses_of(row)),
        "FLAVOR": lambda row: row["flavor"]["original_name"],
        "DEVICES": devices_of,
        "IMAGE": lambda row: images.get((row["image"] or {}).get("id")),
        "ID": "id",
    }
    empty = "There is no server. Create one: busway server create NAME --gpu ALIAS --image IMAGE"
    listing.show(rows, columns, empty, least=("IMAGE", "DEVICES", "ID"))


@server.command()
@click.argument("name")
@clouds_option
@json_option
def show(name: str, clouds: str | None, as_json: bool) -> None:
    """Show a server: state, addresses, devices, fault."""
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import find_server

    with Client(find_clouds(clouds)) as client:
        found = find_server(client, name)
        held = client.request("GET", f"servers/{found['id']}/why")["why"]["devices"]
    if as_json:
        print_json({**found, "devices": held})
        return
    print_server(found, held)


@server.command()
@click.argument("name")
@clouds_option
@json_option
def why(name: str, clouds: str | None, as_json: bool) -> None:
    """Explain a server: state, fault, devices, history."""
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import find_server

    with Client(find_clouds(clouds)) as client:
        story = client.request("GET", f"servers/{find_server(client, name)['id']}/why")["why"]
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
