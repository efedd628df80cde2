"""`busway`: the command and its groups. Heavy imports stay inside the commands, so that `--help` is quick."""

from __future__ import annotations

import sys

import click

from busway import __version__
from busway.cli.admin import admin
from busway.cli.agent import agent
from busway.cli.alias import alias
from busway.cli.audit import audit
from busway.cli.backup import backup, migrate_database, restore
from busway.cli.completion import completion
from busway.cli.config import config
from busway.cli.demo import demo
from busway.cli.device import device
from busway.cli.device_spec import device_spec
from busway.cli.doctor import doctor
from busway.cli.event import event
from busway.cli.host import host
from busway.cli.image import image
from busway.cli.import_ import import_
from busway.cli.lab import lab
from busway.cli.plan import plan
from busway.cli.quota import quota
from busway.cli.server import server
from busway.cli.setup import setup
from busway.cli.snapshot import snapshot
from busway.cli.start import serve, up
from busway.cli.top import top
from busway.cli.usage import usage
from busway.cli.why import why
from busway.cli.words import Words
from busway.domain.errors import BuswayError


class _Main(Words):
    """Prints a BuswayError as its four fields and ends with 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BuswayError as error:
            print_error(error)
            sys.exit(1)


def print_error(error: BuswayError) -> None:
    """Writes an error for a person: what, the facts, what to do, the code."""
    click.echo(f"Error: {error.brief}", err=True)
    if error.detail:
        click.echo(f"  {error.detail}", err=True)
    if error.remedy:
        click.echo(f"  What to do: {error.remedy}", err=True)
    click.echo(f"  [{error.code}]", err=True)


@click.group(cls=_Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="busway")
def main() -> None:
    """A GPU cloud for KVM hosts that OpenStack's own clients drive unmodified."""


_SETUP = (
    demo,
    up,
    serve,
    agent,
    admin,
    backup,
    restore,
    migrate_database,
    config,
    import_,
    doctor,
    setup,
    lab,
    snapshot,
    completion,
)
_QUESTIONS = (top, plan, why, device, host, server, image, quota, usage, event, audit, alias, device_spec)
for command in (*_SETUP, *_QUESTIONS):
    main.add_command(command)
