"""The options by which an agent takes part in live migrations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def live_options(command: _F) -> _F:
    """Adds --live-listen and --live-address."""
    for option in (
        click.option(
            "--live-address",
            default="",
            metavar="ADDRESS:PORT",
            help="Where other hosts reach this one for live migrations, if not where it listens.",
        ),
        click.option(
            "--live-listen",
            default="",
            metavar="ADDRESS:PORT",
            help="Where to listen while a guest arrives in a live migration; port 0 takes a free one. Default: the address towards the control "
            "plane, port 0.",
        ),
    ):
        command = option(command)
    return command
