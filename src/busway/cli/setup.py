"""`busway setup`: offer this machine's GPUs under names of their own."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import clouds_option, json_option, print_json

if TYPE_CHECKING:
    from busway.bootstrap.setup.propose import Proposal
    from busway.cli.client import Client
    from busway.domain.flavor import Flavor


@click.command()
@clouds_option
@json_option
@click.option("--yes", is_flag=True, help="Do not ask before the changes.")
@click.option("--root", default="/", metavar="TREE", type=click.Path(exists=True), help="Read this folder or snapshot.")
def setup(clouds: str | None, as_json: bool, yes: bool, root: str) -> None:
    """Offer this machine's GPUs to servers.

    For the cards that the doctor calls ready, it creates device specs, an alias for each model, and flavors for 1, 2,
    4, 8 and 16 of them, such as gpu.h100.2. It does not change existing ones. `busway up` does this at its first
    start. --json prints what would be created, and creates nothing.
    """
    from busway.bootstrap.setup.apply import apply_proposal
    from busway.bootstrap.setup.first_use import offered
    from busway.bootstrap.setup.propose import propose
    from busway.cli.client import Client, find_clouds
    from busway.hardware.snapshot import open_tree

    with open_tree(Path(root)) as tree:
        proposal = propose(tree)
    if as_json:
        print_json(_json(proposal))
        return
    for line in offered(proposal):
        click.echo(line)
    if not proposal.kinds:
        return
    _show(proposal)
    if not yes:
        click.confirm("Make these?", abort=True)
    with Client(find_clouds(clouds)) as client:
        for line in apply_proposal(proposal, ApiCloud(client)):
            click.echo(line)


def _show(proposal: Proposal) -> None:
    for kind in proposal.kinds:
        for spec in kind.device_specs:
            click.echo(f"  device spec  {spec}")
        click.echo(f"  alias        {kind.alias}")
        for each in kind.flavors:
            size = f"{each.vcpus} vCPUs, {each.ram_mb} MB, {each.disk_gb} GB of disk"
            specs = " ".join(
                f"{key}={value!r}" if " " in value else f"{key}={value}" for key, value in each.extra_specs.items()
            )
            click.echo(f"  flavor       {each.name}: {size}\n               {specs}")


def _json(proposal: Proposal) -> dict[str, Any]:
    return {
        "device_specs": [spec for kind in proposal.kinds for spec in kind.device_specs],
        "aliases": [kind.alias for kind in proposal.kinds],
        "flavors": [
            {
                "name": each.name,
                "vcpus": each.vcpus,
                "ram": each.ram_mb,
                "disk": each.disk_gb,
                "extra_specs": dict(each.extra_specs),
            }
            for kind in proposal.kinds
            for each in kind.flavors
        ],
        "not_offered": [{"card": one.card, "reason": one.words} for one in proposal.left_out],
    }


class ApiCloud:
    """The cloud of a clouds.yaml."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def aliases(self) -> Collection[str]:
        """The names of all aliases."""
        return {each["name"] for each in self._client.request("GET", "aliases")["aliases"]}

    def device_specs(self) -> Collection[str]:
        """The definitions of all device specs."""
        return {each["definition"] for each in self._client.request("GET", "device-specs")["device_specs"]}

    def flavors(self) -> Collection[str]:
        """The names of all flavors."""
        answer = self._client.openstack("GET", "compute/v2.1/flavors", params={"is_public": "None"})
        return {each["name"] for each in answer["flavors"]}

    def create_alias(self, definition: str) -> None:
        """Makes an alias."""
        self._client.request("POST", "aliases", {"definitions": [definition]})

    def create_device_spec(self, definition: str) -> None:
        """Makes a device spec."""
        self._client.request("POST", "device-specs", {"definition": definition})

    def create_flavor(self, flavor: Flavor) -> None:
        """Makes a flavor, then gives it its extra specs."""
        sizes = {
            "name": flavor.name,
            "id": flavor.id,
            "vcpus": flavor.vcpus,
            "ram": flavor.ram_mb,
            "disk": flavor.disk_gb,
        }
        body = {"flavor": {**sizes, "description": flavor.description}}
        self._client.openstack("POST", "compute/v2.1/flavors", body)
        specs = {"extra_specs": dict(flavor.extra_specs)}
        self._client.openstack("POST", f"compute/v2.1/flavors/{flavor.id}/os-extra_specs", specs)
