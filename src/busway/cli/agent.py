"""`busway agent`: runs the agent of this host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from busway.cli.agent_options import agent_options, take_agent_options

_CREDENTIAL = Path("/etc/busway/agent.json")


@click.group("agent", invoke_without_command=True)
@click.option(
    "--credential",
    type=click.Path(path_type=Path, dir_okay=False),
    default=_CREDENTIAL,
    show_default=True,
    help="The credential file of this host (mode 600).",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/var/lib/busway/agent"),
    show_default=True,
    help="The folder for images, disks and records.",
)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1, max=60),
    default=3.0,
    show_default=True,
    help="The longest time between two checks of the guests, in seconds.",
)
@click.option(
    "--resource-view",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    help="How often the host's resources are logged, in seconds.",
)
@click.option("--hugepages", is_flag=True, help="Take the guests' memory from the host's huge pages.")
@click.option(
    "--cpu-mode",
    type=click.Choice(["host-passthrough", "host-model", "maximum", "custom"]),
    help="The guests' CPU mode, as libvirt names it. Default: host-passthrough with KVM, otherwise maximum.",
)
@click.option("--cpu-model", default="", metavar="NAME", help="The model, such as EPYC-Rome, with --cpu-mode custom.")
@agent_options
@click.option("--once", is_flag=True, help="Do one round and exit.")
@click.pass_context
def agent(context: click.Context, /, once: bool, **given: Any) -> None:
    """Run the agent of this host.

    It keeps the host in the state that the control plane desires, until SIGINT or SIGTERM. Guests keep running when
    it ends. Needs root and libvirt.
    """
    if context.invoked_subcommand is not None:
        return
    from busway.bootstrap.agent import run_agent

    options = take_agent_options(given)
    options = replace(options, cpu=given.pop("cpu_mode") or "", **given)
    run_agent(options, once=once)


@agent.command()
@click.argument("token")
@click.option(
    "--credential",
    type=click.Path(path_type=Path, dir_okay=False),
    default=_CREDENTIAL,
    show_default=True,
    help="The file for the credential (mode 600).",
)
def join(token: str, credential: Path) -> None:
    """Join with a TOKEN and write this host's credential.

    `busway host create` prints the token. The command fetches the control plane's authority and checks it against the
    token. If it differs, the command stops and reveals nothing.
    """
    from busway.agent.join import join_host
    from busway.wire.join import decode_token

    made = join_host(decode_token(token), credential)
    click.echo(f"This host is {made.host} of {made.url}. Its credential is {credential}; start it with: busway agent")
