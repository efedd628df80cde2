"""`busway image pull`: a ready image of a signed catalogue or of a distribution's site, verified, and put in through the image API as any client does it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import clouds_option
from busway.domain.errors import BadInput, BuswayError, Conflict, HostError
from busway.domain.image_hash import unfit_hash

if TYPE_CHECKING:
    from busway.catalogue.document import Choice
    from busway.catalogue.download import Verified
    from busway.catalogue.mirror import Source
    from busway.cli.client import Client

_IMAGES = "image/v2/images"
_PATCH = "application/openstack-images-v2.1-json-patch"
_PIECE = 1024**2
DISTRIBUTIONS = "distributions"

from_option = click.option(
    "--from",
    "where",
    metavar="URL|FILE|distributions",
    help="A catalogue, or the distributions' own sites. Default: the control plane's catalogue; without one, those sites.",
)
key_option = click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="KEY|FILE",
    help="Its publisher's public key. Default: those of the control plane.",
)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@from_option
@key_option
@click.option("--architecture", default="x86_64", show_default=True, metavar="WORD", help="x86_64 or aarch64.")
@click.option("--name", "as_name", metavar="NAME", help="What to call it here. Default: as in the catalogue.")
@click.option("--public", is_flag=True, help="Let all projects use it (for admins).")
@click.option("--cache", type=click.Path(path_type=Path), metavar="FOLDER", help="Where it lies while it is fetched.")
@clouds_option
def pull(
    names: tuple[str, ...],
    where: str | None,
    keys: tuple[str, ...],
    architecture: str,
    as_name: str | None,
    public: bool,
    cache: Path | None,
    clouds: str | None,
) -> None:
    """Fetch ready images, verify them, and put them in.

    A catalogue's signature, and each image's size and checksum, are verified
    before anything is used. The next call continues an interrupted fetch.
    An older version of the same image, if it is yours, gets its version behind its name.

    Example: busway image pull debian-12 ubuntu-24.04
    """
    from busway.cli.client import Client, find_clouds
    from busway.lab.cache import default_cache

    if as_name and len(names) > 1:
        raise click.UsageError("--name is for one image.")
    with Client(find_clouds(clouds)) as client, open_source(client, where, keys) as mirror:
        for choice in [mirror.choose(name, architecture) for name in names]:
            _pull(client, mirror, choice, as_name or choice.product, public, cache or default_cache() / "catalogue")


def open_source(client: Client, where: str | None, keys: tuple[str, ...]) -> Source:
    """The catalogue that was named, or that of the control plane's configuration; the distributions' own sites if there is none."""
    from busway.catalogue.distributions import Distributions
    from busway.catalogue.mirror import Mirror

    catalogue = client.request("GET", "image-catalogue")["image_catalogue"]
    place, known = where or catalogue["where"] or DISTRIBUTIONS, [_key(word) for word in keys] or catalogue["keys"]
    if place == DISTRIBUTIONS:
        return Distributions()
    if not known:
        raise BadInput(
            "No key is known with which a catalogue may be signed",
            detail="The control plane's configuration names none.",
            remedy="Name one: --key KEY; or the operator sets image_catalogue_keys.",
            code="catalogue-unknown",
        )
    return Mirror(place, known, lambda: datetime.now(UTC))


def _key(word: str) -> str:
    """A public key, or what stands in a file of that name."""
    from busway.pki.ed25519 import check_public

    path = Path(word).expanduser()
    return check_public(path.read_text("utf-8", "replace").strip() if path.is_file() else word)


def _pull(client: Client, mirror: Source, choice: Choice, name: str, public: bool, cache: Path) -> None:
    from busway.catalogue.download import download
    from busway.cli.find import IMAGE, list_all

    same = [row for row in list_all(client, IMAGE) if row.get("product_name") == choice.product]
    same = [row for row in same if row.get("architecture") == choice.architecture and row["name"] == name]
    here = [row for row in same if row.get("version_name") == choice.version and row["status"] == "active"]
    if here:
        click.echo(f"{name} is here already, of version {choice.version}: {here[0]['id']}")
        return
    if waiting := [row for row in same if row["status"] == "queued"]:
        raise Conflict(
            f"{name} is just being put in as image {waiting[0]['id']}",
            remedy=f"Wait for it; or, if nobody does that any more: openstack image delete {waiting[0]['id']}",
            code="catalogue-busy",
        )
    click.echo(f"{choice.title}, version {choice.version}, {choice.item.size} bytes", err=True)
    with (
        _Bar("Fetch", choice.item.size) as show,
        download(mirror, choice, cache, show) as data,
    ):
        image_id = _put_in(client, choice, name, public, data)
    for row in same:
        _rename(client, row)
    click.echo(f"{name} is ready: {image_id}")


def _put_in(client: Client, choice: Choice, name: str, public: bool, data: Verified) -> str:
    """Makes an image of verified data; nothing is left of one that failed."""
    body = {
        **choice.properties,
        "name": name,
        "disk_format": choice.item.disk_format,
        "container_format": "bare",
        "visibility": "public" if public else "shared",
        "min_disk": choice.item.min_disk,
        "min_ram": choice.item.min_ram,
    }
    image_id = str(client.openstack("POST", _IMAGES, body)["id"])
    try:
        with _Bar("Put in", choice.item.size) as show:
            client.upload(f"{_IMAGES}/{image_id}/file", _pieces(data.path, show), choice.item.size)
        _check_stored(client.openstack("GET", f"{_IMAGES}/{image_id}"), data)
    except BaseException:
        client.openstack("DELETE", f"{_IMAGES}/{image_id}")
        raise
    return image_id


def _check_stored(image: dict[str, Any], data: Verified) -> None:
    """Raises `HostError` unless the image has the secure hash of the verified data, with the control plane's algorithm."""
    algorithm = str(image["os_hash_algo"])
    ours = unfit_hash(algorithm) or data.digest(algorithm)
    if image["os_hash_value"] != ours:
        raise HostError(
            f"The image API stored something else than {data.path}",
            detail=f"Its {algorithm} is {image['os_hash_value']}; of the verified data: {ours}.",
            remedy="Did the file change meanwhile? Try again.",
            code="catalogue-stored",
        )


def _rename(client: Client, row: dict[str, Any]) -> None:
    """Gives an older version's image its version behind its name, where it is the caller's."""
    name = f"{row['name']}-{row.get('version_name', 'old')}"
    patch = [{"op": "replace", "path": "/name", "value": name}]
    try:
        client.openstack("PATCH", f"{_IMAGES}/{row['id']}", patch, media_type=_PATCH)
    except BuswayError as error:
        click.echo(f"An older {row['name']} ({row['id']}) keeps its name: {error.brief}", err=True)
    else:
        click.echo(f"The older {row['name']} is {name} now.", err=True)


def _pieces(path: Path, show: Callable[[int], object]) -> Iterator[bytes]:
    sent = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            sent += len(piece)
            show(sent)
            yield piece


class _Bar:
    """A line of progress on a terminal; in a pipe its label alone."""

    def __init__(self, label: str, size: int) -> None:
        self._bar = click.progressbar(length=size, label=label, file=sys.stderr)

    def __enter__(self) -> Callable[[int], object]:
        self._bar.__enter__()
        return lambda there: self._bar.update(there - self._bar.pos)

    def __exit__(self, *error: Any) -> None:
        self._bar.__exit__(*error)
