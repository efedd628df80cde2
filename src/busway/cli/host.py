"""`busway host`: add hosts, list them, take them out of service."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import click

from busway.cli.host_drain import drain
from busway.cli.listing import Columns, Listing, Row, list_options
from busway.cli.output import clouds_option
from busway.cli.words import Words


@click.group(cls=Words)
def host() -> None:
    """Add, list, enable, disable, drain and delete hosts."""


host.add_command(drain)


@host.command()
@click.argument("name")
@click.option(
    "--rotate", is_flag=True, help="Print a new token for an existing host, and revoke its credential at once."
)
@click.option("--output", type=click.Path(path_type=Path), help="Join at once, and write the credential to this file.")
@click.option("--url", help="The control plane's URL as the host reaches it. Default: the public URL.")
@clouds_option
def create(name: str, rotate: bool, output: Path | None, url: str | None, clouds: str | None) -> None:
    """Add host NAME and print its join token.

    The token can be used once, within an hour unless configured otherwise. On the host, run: busway agent join TOKEN
    """
    from busway.agent.join import join_host
    from busway.cli.client import Client, find_clouds
    from busway.wire.join import decode_token, encode_token

    with Client(find_clouds(clouds)) as client:
        made = client.request("POST", "hosts", {"name": name, "rotate": rotate})
    token = decode_token(made["join_token"])
    if output is not None:
        join_host(token, output, url=url)
        click.echo(f"Wrote {output}. On {name}: busway agent --credential {output.name}")
    else:
        click.echo(encode_token(dataclasses.replace(token, url=url or token.url)))


@host.command("list")
@clouds_option
@list_options
def list_(clouds: str | None, listing: Listing) -> None:
    """List hosts with their state and usage."""
    from busway.cli.client import Client, find_clouds

    with Client(find_clouds(clouds)) as client:
        rows = client.request("GET", "hosts")["hosts"]
    empty = "There is no host yet. Add one: busway host create NAME"
    listing.show(rows, _LIST, empty, least=("ADDRESS", "ZONE", "IOMMU", "PCPUS", "DISK GB"))


def _of(what: str) -> Callable[[Row], str]:
    return lambda row: f"{row[f'used_{what}']}/{row['resources'][what]}"


_LIST: Columns = {
    "HOST": "name",
    "STATE": lambda row: "up" if row["up"] else "down",
    "ENABLED": "enabled",
    "ADDRESS": lambda row: row["resources"]["address"],
    "ZONE": "zone",
    "SERVERS": "servers",
    "VCPUS": _of("vcpus"),
    "PCPUS": lambda row: (
        f"{row['used_pcpus']}/{sum(len(core) for cell in row['resources']['cells'] for core in cell['cores'])}"
    ),
    "RAM MB": _of("ram_mb"),
    "DISK GB": _of("disk_gb"),
    "IOMMU": lambda row: "on" if row["iommu"] else "off",
    "LAST REPORT": "seen",
}


@host.command()
@click.argument("name")
@clouds_option
def enable(name: str, clouds: str | None) -> None:
    """Allow new servers on a host again."""
    from busway.cli.client import Client, find_clouds

    Client(find_clouds(clouds)).request("PATCH", f"hosts/{name}", {"enabled": True})
    click.echo(f"Host {name} is enabled.")


@host.command()
@click.argument("name")
@click.option("--reason", help="Why; shown in lists.")
@clouds_option
def disable(name: str, reason: str | None, clouds: str | None) -> None:
    """Keep new servers away from a host.

    Its servers are not affected.
    """
    from busway.cli.client import Client, find_clouds

    Client(find_clouds(clouds)).request("PATCH", f"hosts/{name}", {"enabled": False, "reason": reason})
    click.echo(f"Host {name} is disabled.")


@host.command()
@click.argument("name")
@click.option("--lost", is_flag=True, help="The host will never return, and its guests have ended.")
@clouds_option
def delete(name: str, lost: bool, clouds: str | None) -> None:
    """Delete a host.

    It must have no servers and no claimed devices. A host that will never return can't report that: --lost deletes it
    once its servers are evacuated or deleted.
    """
    from busway.cli.client import Client, find_clouds

    Client(find_clouds(clouds)).request("DELETE", f"hosts/{name}?lost=1" if lost else f"hosts/{name}")
    click.echo(f"Host {name} is forgotten.")
