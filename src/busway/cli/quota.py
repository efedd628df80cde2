"""`busway quota`: what a project may have, devices of each alias included."""

from __future__ import annotations

import click

from busway.cli.output import clouds_option, json_option, print_json, print_table
from busway.cli.words import Words

_user = click.option("--user", metavar="NAME", help="A user in the project, by name or id: their own limits.")
_project = click.option("--project", metavar="NAME", help="The project, by name or id. Default: your own.")


@click.group(cls=Words)
def quota() -> None:
    """Show and set quotas of projects and their users."""


@quota.command()
@_project
@_user
@click.option("--defaults", is_flag=True, help="Show the limits of projects that have none of their own.")
@clouds_option
@json_option
def show(project: str | None, user: str | None, defaults: bool, clouds: str | None, as_json: bool) -> None:
    """Show a project's limits and usage, or those of a user in it."""
    _check_defaults(defaults, project, user)
    from busway.cli.client import Client, find_clouds

    client = Client(find_clouds(clouds))
    if defaults:
        limits = client.request("GET", "quota-defaults")["limits"]
        used: dict[str, int] = {}
    else:
        found = client.request("GET", "quota", params=_of(project, user))["quota"]
        limits, used = found["limits"], found["used"]
    if as_json:
        print_json(limits if defaults else found)
        return
    rows = [(name, used.get(name), _limit(limit)) for name, limit in limits.items()]
    print_table(("RESOURCE", "USED", "LIMIT"), rows, "Nothing is limited.")


@quota.command("set")
@click.argument("limits", nargs=-1, required=True, metavar="RESOURCE=N...")
@_project
@_user
@click.option("--defaults", is_flag=True, help="Set the limits of all projects that have none of their own.")
@click.option(
    "--force", is_flag=True, help="Set a limit below what is used already, or limits of users above the project's."
)
@clouds_option
def set_(
    limits: tuple[str, ...], project: str | None, user: str | None, defaults: bool, force: bool, clouds: str | None
) -> None:
    """Set limits of a project, or of a user in it.

    For example instances=10 or pci_passthrough:a100=4; -1 means no limit.
    """
    _check_defaults(defaults, project, user)
    from busway.cli.client import Client, find_clouds

    given = {name: _number(name, value) for name, _, value in (each.rpartition("=") for each in limits)}
    client = Client(find_clouds(clouds))
    if defaults:
        client.request("PUT", "quota-defaults", {"limits": given})
    else:
        client.request("PUT", "quota", {"limits": given, "force": force}, params=_of(project, user))
    for name, limit in given.items():
        click.echo(f"{name} is now limited to {limit}." if limit >= 0 else f"{name} is not limited any more.")


@quota.command()
@_project
@_user
@clouds_option
def reset(project: str | None, user: str | None, clouds: str | None) -> None:
    """Remove a project's own limits and its users'; the defaults apply. With --user remove only those of a user."""
    from busway.cli.client import Client, find_clouds

    Client(find_clouds(clouds)).request("DELETE", "quota", params=_of(project, user))
    click.echo("The project's limits hold now." if user else "The defaults hold now.")


def _of(project: str | None, user: str | None) -> dict[str, str | None]:
    return {"project": project, "user": user}


def _check_defaults(defaults: bool, project: str | None, user: str | None) -> None:
    if defaults and (project or user):
        raise click.UsageError("--defaults are those of all projects: leave out --project and --user.")


def _number(name: str, value: str) -> int:
    if not name or not value.removeprefix("-").isdecimal():
        raise click.BadParameter(f"'{name}={value}' is not RESOURCE=N", param_hint="RESOURCE=N")
    return int(value)


def _limit(limit: int) -> object:
    return "none" if limit < 0 else limit
