"""`busway server start`, `stop`, `reboot`, `pause`, `suspend`, `delete` and `restore`: one or several servers by name or id."""

from __future__ import annotations

from typing import Any

import click

from busway.cli.output import clouds_option
from busway.cli.waiting import timeout_option, wait_option

_names = click.argument("names", nargs=-1, required=True, metavar="NAME...")


@click.command()
@_names
@wait_option
@timeout_option
@clouds_option
def start(names: tuple[str, ...], wait: bool, timeout: float, clouds: str | None) -> None:
    """Start servers that are shut off."""
    _act(names, {"os-start": None}, "ACTIVE" if wait else "", timeout, clouds)


@click.command()
@_names
@wait_option
@timeout_option
@clouds_option
def stop(names: tuple[str, ...], wait: bool, timeout: float, clouds: str | None) -> None:
    """Stop servers.

    They keep their disks, addresses and devices.
    """
    _act(names, {"os-stop": None}, "SHUTOFF" if wait else "", timeout, clouds)


@click.command()
@_names
@click.option("--hard", is_flag=True, help="Power-cycle them without asking the guest.")
@wait_option
@timeout_option
@clouds_option
def reboot(names: tuple[str, ...], hard: bool, wait: bool, timeout: float, clouds: str | None) -> None:
    """Restart servers."""
    _act(names, {"reboot": {"type": "HARD" if hard else "SOFT"}}, "ACTIVE" if wait else "", timeout, clouds)


@click.command()
@_names
@wait_option
@timeout_option
@clouds_option
def pause(names: tuple[str, ...], wait: bool, timeout: float, clouds: str | None) -> None:
    """Stop the CPUs of servers.

    They keep their memory, addresses and devices.
    """
    _act(names, {"pause": None}, "PAUSED" if wait else "", timeout, clouds)


@click.command()
@_names
@wait_option
@timeout_option
@clouds_option
def unpause(names: tuple[str, ...], wait: bool, timeout: float, clouds: str | None) -> None:
    """Let paused servers continue."""
    _act(names, {"unpause": None}, "ACTIVE" if wait else "", timeout, clouds)


@click.command()
@_names
@wait_option
@timeout_option
@clouds_option
def suspend(names: tuple[str, ...], wait: bool, timeout: float, clouds: str | None) -> None:
    """Save the memory of servers and end their guests.

    Servers with devices are refused: what is in a device can't be saved.
    """
    _act(names, {"suspend": None}, "SUSPENDED" if wait else "", timeout, clouds)


@click.command()
@_names
@wait_option
@timeout_option
@clouds_option
def resume(names: tuple[str, ...], wait: bool, timeout: float, clouds: str | None) -> None:
    """Let suspended servers continue from their memory."""
    _act(names, {"resume": None}, "ACTIVE" if wait else "", timeout, clouds)


@click.command()
@_names
@wait_option
@timeout_option
@clouds_option
def unrescue(names: tuple[str, ...], wait: bool, timeout: float, clouds: str | None) -> None:
    """Boot rescued servers from their own disks.

    What was written to the rescue disk is lost.
    """
    _act(names, {"unrescue": None}, "ACTIVE" if wait else "", timeout, clouds)


@click.command()
@_names
@wait_option
@timeout_option
@clouds_option
def delete(names: tuple[str, ...], wait: bool, timeout: float, clouds: str | None) -> None:
    """Delete servers, with their disks.

    Their devices are released. If the operator lets deleted servers be restored, they are SOFT_DELETED and keep both meanwhile.
    """
    _act(names, None, "DELETED" if wait else "", timeout, clouds)


@click.command()
@_names
@wait_option
@timeout_option
@clouds_option
def restore(names: tuple[str, ...], wait: bool, timeout: float, clouds: str | None) -> None:
    """Restore servers that are SOFT_DELETED, and start them.

    `busway server list --status SOFT_DELETED` lists them.
    """
    _act(names, {"restore": None}, "ACTIVE" if wait else "", timeout, clouds, "SOFT_DELETED")


def _act(
    names: tuple[str, ...],
    action: dict[str, Any] | None,
    goal: str,
    timeout: float,
    clouds: str | None,
    status: str | None = None,
) -> None:
    """Acts on all (deletes without an action), and then waits for all; all are found before one is touched."""
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import SERVERS, find_server
    from busway.cli.waiting import begin

    with Client(find_clouds(clouds)) as client:
        waits = [begin(client, find_server(client, name, status), timeout) for name in dict.fromkeys(names)]
        for each in waits:
            path = f"{SERVERS}/{each.server['id']}"
            if action is None:
                client.openstack("DELETE", path)
            else:
                client.openstack("POST", f"{path}/action", action)
            if not goal:
                click.echo(f"{each.server['name']} is asked to {_verb(action)}.")
        for each in waits if goal else ():
            reached = each.until(goal, *(["SOFT_DELETED"] if action is None else []))["status"]
            click.echo(f"{each.server['name']} is {reached}.")


def _verb(action: dict[str, Any] | None) -> str:
    verbs = {
        "os-start": "start",
        "os-stop": "stop",
        "reboot": "restart",
        "unpause": "continue",
        "unrescue": "boot from its own disk",
        "restore": "come back",
    }
    word = "go" if action is None else next(iter(action))
    return verbs.get(word, word)
