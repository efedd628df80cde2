"""`busway admin`: what only the control plane's own machine can do."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def admin() -> None:
    """Administration on the control plane's own machine."""


@admin.command()
@click.option("--config", type=click.Path(path_type=Path), help="The busway.conf of the control plane.")
@click.option("--state", type=click.Path(path_type=Path), help="The state folder. Default: /var/lib/busway for root.")
def recover(config: Path | None, state: Path | None) -> None:
    """Give user admin a new password and all rights back.

    It works on the database itself, whether the control plane runs or not. It creates the user admin, the project
    admin and the role if they are missing, enables them, revokes the user's tokens, and rewrites clouds.yaml and
    openrc.
    """
    import getpass

    from busway.bootstrap.admin import recover as run
    from busway.bootstrap.config import read_config
    from busway.bootstrap.serve import build_control

    control = build_control(read_config(config, state_path=state))
    try:
        path = run(control, f"{getpass.getuser()} on this machine")
    finally:
        control.db.close()
    click.echo(f"User admin has a new password. It is in {path}.")
