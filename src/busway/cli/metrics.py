"""The options with which an agent serves its metrics."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def metrics_options(command: _F) -> _F:
    """Adds --metrics, --metrics-token, --guest-gpus, --guest-gpu-program and --traces."""
    for option in (
        click.option(
            "--traces",
            default="",
            metavar="URL",
            help="Send traces of the agent's steps to this collector, such as http://127.0.0.1:4318/v1/traces (OTLP over HTTP).",
        ),
        click.option(
            "--guest-gpu-program",
            metavar="COMMAND",
            help="The program to run in guests instead of nvidia-smi, with its arguments; it prints the same columns.",
        ),
        click.option(
            "--guest-gpus",
            is_flag=True,
            help="Ask guests with an agent (hw_qemu_guest_agent) how busy their GPUs are, and add it to the metrics.",
        ),
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


def guest_program(wanted: bool, command: str | None) -> tuple[str, ...]:
    """The program to run in guests, with its arguments; () for none."""
    from busway.agent.guest_gpus import NVIDIA_SMI

    if command is None:
        return NVIDIA_SMI if wanted else ()
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise click.BadParameter(f"{command}: {error}", param_hint="--guest-gpu-program") from error
    if not words:
        raise click.BadParameter("It names no program.", param_hint="--guest-gpu-program")
    return words
