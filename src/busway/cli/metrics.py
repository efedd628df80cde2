"""The options with which an agent serves its metrics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def metrics_options(command: _F) -> _F:
    """Adds --metrics and --metrics-token."""
    for option in (
        click.option(
            "--metrics-token",
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            metavar="FILE",
            help="A file with the token that Prometheus must show to read the agent's metrics.",
        ),
        click.option("--metrics", default="", metavar="ADDRESS:PORT", help="Serve the agent's metrics here."),
    ):
        command = option(command)
    return command
