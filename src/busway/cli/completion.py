"""`busway completion`: the script with which a shell completes commands and options."""

from __future__ import annotations

import click

_SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a shell's completion of all commands.

    For this session: eval "$(busway completion bash)". The Debian package installs it for bash and zsh.
    """
    from click.shell_completion import get_completion_class

    root = ctx.find_root()
    kind = get_completion_class(shell)
    assert kind is not None, "click knows every shell of the choice"
    click.echo(kind(root.command, {}, "busway", "_BUSWAY_COMPLETE").source())
