"""`busway serve` and `busway up`: start the control plane, alone or with this machine's agent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from busway.cli.agent_options import agent_options, take_agent_options

if TYPE_CHECKING:
    from busway.bootstrap.config import Config

_F = TypeVar("_F", bound=Callable[..., Any])


def _control_options(command: _F) -> _F:
    """The options that the control plane takes wherever it runs."""
    for option in (
        click.option(
            "--plain-http/--https",
            default=None,
            help="Use unencrypted HTTP on any address, or HTTPS on loopback addresses too. Default: HTTPS except on "
            "loopback.",
        ),
        click.option("--public-url", help="The URL for clients and agents. Default: https://LISTEN:PORT."),
        click.option("--port", type=int, help="The port to serve on; 0 chooses a free one. Default: 8774."),
        click.option("--listen", help="The address to serve on. Default: 127.0.0.1."),
        click.option(
            "--state", type=click.Path(path_type=Path), help="The state folder. Default: /var/lib/busway for root."
        ),
        click.option("--config", type=click.Path(path_type=Path), help="busway.conf (Nova's sections and options)."),
    ):
        command = option(command)
    return command


@click.command()
@_control_options
def serve(config: Path | None, **overrides: Any) -> None:
    """Run the control plane.

    It serves the OpenStack APIs and the agents, and places servers, until SIGINT or SIGTERM.
    """
    from busway.bootstrap.logs import set_up_logs
    from busway.bootstrap.serve import serve as run

    set_up_logs()
    run(_read(config, overrides))


@click.command()
@_control_options
@agent_options
def up(config: Path | None, **given: Any) -> None:
    """Run a whole cloud on this machine.

    It runs the control plane and this machine's agent in one process, until SIGINT or SIGTERM. Guests keep running
    when it ends. Needs root and libvirt.
    """
    from busway.bootstrap.logs import set_up_logs
    from busway.bootstrap.up import up as run

    set_up_logs()
    options = take_agent_options(given)
    run(_read(config, given), options)


def _read(config: Path | None, overrides: dict[str, Any]) -> Config:
    """Reads the configuration, and logs what in it will not do what its operator may expect."""
    import structlog

    from busway.bootstrap.config import read_config
    from busway.bootstrap.config_check import check_config

    names = {"state": "state_path"}
    found = read_config(config, **{names.get(name, name): value for name, value in overrides.items()})
    for warning in check_config(config).warnings if config else ():
        where = f"{config}, line {warning.line}: {warning.option}"
        structlog.get_logger("busway.config").warning(warning.meaning, where=where, remedy=warning.remedy)
    return found
