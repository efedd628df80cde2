"""`busway server rescue`: a server boots from another image, with its own disk beside it."""

from __future__ import annotations

import click

from busway.cli.output import clouds_option
from busway.cli.waiting import timeout_option, wait_option


@click.command()
@click.argument("name")
@click.option("--image", metavar="IMAGE", help="What it boots from. Default: the image that it was made from.")
@click.option("--password", metavar="WORD", help="Told to the rescue system. Default: one is made, and printed.")
@wait_option
@timeout_option
@clouds_option
def rescue(name: str, image: str | None, password: str | None, wait: bool, timeout: float, clouds: str | None) -> None:
    """Boot server NAME from an image, to repair its disk.

    Its own disk is the second one there; its key pair and its devices stay. End it with: busway server unrescue
    """
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import IMAGE, SERVERS, find_one, find_server
    from busway.cli.waiting import begin

    with Client(find_clouds(clouds)) as client:
        found = find_server(client, name)
        given = {
            "rescue_image_ref": find_one(client, IMAGE, image)["id"] if image else None,
            "adminPass": password,
        }
        waiting = begin(client, found, timeout)
        body = {"rescue": {key: value for key, value in given.items() if value is not None}}
        admin_password = client.openstack("POST", f"{SERVERS}/{found['id']}/action", body)["adminPass"]
        if wait:
            waiting.until("RESCUE")
    click.echo(f"{found['name']} {'is RESCUE' if wait else 'is asked to rescue'}.")
    if password is None:
        click.echo(f"The password that its rescue system is told: {admin_password}")
