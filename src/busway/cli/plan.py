"""`busway plan`: where servers of a flavor would land, or why they would not; nothing is booted."""

from __future__ import annotations

import sys
from typing import Any

import click

from busway.cli.output import clouds_option, json_option, print_fields, print_json, print_table


@click.command()
@click.option("--flavor", required=True, metavar="FLAVOR", help="The flavor, by name or id.")
@click.option("--count", default=1, show_default=True, help="Number of servers, placed all or none.")
@click.option("--image", metavar="IMAGE", help="The image, by name or id, if its properties matter.")
@click.option("--host", metavar="NAME", help="Only this host (for admins).")
@click.option(
    "--network",
    metavar="NETWORK",
    help="A network that the servers will be on, by name or id: one of type geneve needs OVN.",
)
@clouds_option
@json_option
def plan(
    flavor: str,
    count: int,
    image: str | None,
    host: str | None,
    network: str | None,
    clouds: str | None,
    as_json: bool,
) -> None:
    """Show where servers would be placed, and why.

    Nothing is created. The exit code is 1 if they can't be placed.
    """
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import IMAGE, find_one

    with Client(find_clouds(clouds)) as client:
        image_id = find_one(client, IMAGE, image)["id"] if image else None
        wanted = {"flavor": flavor, "count": count, "image": image_id, "host": host, "network": network}
        found = client.request("GET", "plan", params=wanted)["plan"]
    if as_json:
        print_json(found)
    elif found["refusal"] is None:
        _print_places(found)
    else:
        _print_refusal(found["refusal"])
    if found["refusal"] is not None:
        sys.exit(1)


def _print_places(found: dict[str, Any]) -> None:
    count, flavor = found["count"], found["flavor"]
    click.echo(f"{count} of {flavor} would land now:" if count > 1 else f"One of {flavor} would land now:")
    rows = [(n, each["host"], "\n".join(each["devices"]), each["reason"]) for n, each in enumerate(found["servers"], 1)]
    print_table(("SERVER", "HOST", "DEVICES", "WHY THERE"), rows, "No server was asked for.")


def _print_refusal(refusal: dict[str, Any]) -> None:
    click.echo(refusal["brief"])
    hosts = [(f"hosts: {rule}", count) for rule, count in refusal["hosts"].items()]
    devices = [(f"devices: {why}", count) for why, count in refusal["devices"].items()]
    changes = [("would admit it", remedy) for remedy in refusal["remedies"]]
    print_fields([*hosts, *devices, ("nearest", refusal["nearest"]), *changes, ("what to do", refusal["remedy"])])
    if refusal["facts"]:
        click.echo(f"\n{refusal['facts']}")
