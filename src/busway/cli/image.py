"""`busway image`: images that are here, and ready ones of a catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from busway.cli.image_catalogue import catalogue
from busway.cli.image_pull import from_option, key_option, open_source, pull
from busway.cli.listing import Columns, Listing, list_options
from busway.cli.output import clouds_option
from busway.cli.words import Words

if TYPE_CHECKING:
    from busway.cli.client import Client


@click.group(cls=Words)
def image() -> None:
    """List images, and fetch ready ones from a catalogue.

    `openstack image` knows the images that are here, and does more with them.
    """


image.add_command(pull)
image.add_command(catalogue)


@image.command("list")
@click.option("--catalogue", "ready", is_flag=True, help="The ready images that `busway image pull` can fetch.")
@from_option
@key_option
@clouds_option
@list_options
def list_(ready: bool, where: str | None, keys: tuple[str, ...], clouds: str | None, listing: Listing) -> None:
    """List images, or with --catalogue the ready ones."""
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import IMAGE, list_all

    with Client(find_clouds(clouds)) as client:
        here = list_all(client, IMAGE)
        if ready:
            empty = "The catalogue has no product."
            listing.show(_ready(client, here, where, keys), _CATALOGUE, empty)
        else:
            listing.show(here, _IMAGES, "There is no image. See: busway image list --catalogue")


_IMAGES: Columns = {
    "NAME": "name",
    "STATUS": "status",
    "SYSTEM": lambda row: " ".join(filter(None, (row.get("os_distro"), row.get("os_version")))),
    "SIZE": lambda row: mebibytes(row["size"]),
    "VISIBILITY": "visibility",
    "ID": "id",
}
_CATALOGUE: Columns = {
    "NAME": "name",
    "SYSTEM": "title",
    "VERSION": "version",
    "ARCHITECTURE": "architecture",
    "SIZE": lambda row: mebibytes(row["size"]),
    "HERE": "here",
    "ALSO": lambda row: " ".join(row["aliases"]),
}


def mebibytes(size: int | None) -> str:
    """A size for people."""
    return "" if size is None else f"{size / 1024**2:.0f} MiB"


def _ready(
    client: Client, here: list[dict[str, Any]], where: str | None, keys: tuple[str, ...]
) -> list[dict[str, Any]]:
    """The newest image of each product and architecture."""
    known = {
        (row.get("product_name"), version, row.get("architecture"))
        for row in here
        for version in (row.get("version_name"), "")
    }
    with open_source(client, where, keys) as source:
        offers = source.offers()
    return [
        {
            "name": each.product,
            "title": each.title,
            "version": each.version or "newest",
            "architecture": each.architecture,
            "size": each.item.size or None,
            "here": (each.product, each.version, each.architecture) in known,
            "aliases": list(aliases),
        }
        for each, aliases in offers
    ]
