"""`busway image catalogue`: publish a catalogue of images for others, or for a site without the internet."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from busway.cli.words import Words


@click.group(cls=Words)
def catalogue() -> None:
    """Publish a catalogue of images."""


@catalogue.command()
@click.argument("file", type=click.Path(path_type=Path))
def key(file: Path) -> None:
    """Make a key for signing, in FILE, and print its public half.

    Keep FILE secret, best on a machine that serves nothing. Of a FILE that is there the public half is printed again.
    """
    from busway.pki.ed25519 import make_key, public_word

    if not file.exists():
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as new:
            new.write(make_key())
    click.echo(public_word(file.read_text("utf-8", "replace")))


@catalogue.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--key", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The key's file."
)
@click.option(
    "--days", default=90, show_default=True, type=click.IntRange(1, 3650), help="How long it is to be believed."
)
def sign(file: Path, key: Path, days: int) -> None:
    """Complete the catalogue FILE with sizes and checksums, and sign it.

    FILE is a catalogue.json or its folder. The signature is written beside it.
    """
    from busway.catalogue.mirror import NAME
    from busway.catalogue.publish import publish

    path = file / NAME if file.is_dir() else file
    now = datetime.now(UTC)
    made = publish(path, key.read_text("utf-8", "replace"), now, now + timedelta(days=days))
    click.echo(f"{path} is signed: {len(made.products)} products, until {made.expires:%Y-%m-%d}.")
