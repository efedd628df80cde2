"""`busway server ssh` and `busway server console`: into a server, and what it says."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import clouds_option
from busway.cli.waiting import timeout_option, wait_option
from busway.domain.errors import BuswayError, Conflict, NotFound

if TYPE_CHECKING:
    from busway.cli.client import Client
    from busway.cli.waiting import Waiting

# The user that a distribution's cloud image makes; an image's property os_admin_user says otherwise.
_USERS = {"debian": "debian", "ubuntu": "ubuntu", "fedora": "fedora", "centos": "cloud-user", "rhel": "cloud-user"}
_USERS |= {"almalinux": "almalinux", "rocky": "rocky", "arch": "arch", "opensuse": "opensuse", "sles": "sles"}
_CONNECT_SECONDS = 3.0


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--user", metavar="USER", help="The user. Default: the one that the image names, otherwise the distribution's."
)
@click.option("--identity", metavar="FILE", help="The private key. Default: ssh's own choice.")
@click.option("--address", metavar="ADDRESS", help="The address to use. Default: the first, IPv4 before IPv6.")
@click.option("--port", default=22, show_default=True)
@wait_option
@timeout_option
@clouds_option
def ssh(name: str, command: tuple[str, ...], wait: bool, timeout: float, clouds: str | None, **asked: Any) -> None:
    """Log in to server NAME by ssh, or run COMMAND there.

    Its host key is stored under the server's id, so ssh does not warn about a new server with an old address. --wait
    also waits until ssh answers. Arguments after -- are run on the server: busway server ssh train -- nvidia-smi -L
    """
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import find_server
    from busway.cli.waiting import begin

    with Client(find_clouds(clouds)) as client:
        found = find_server(client, name)
        waiting = begin(client, found, timeout)
        if wait:
            found = waiting.until("ACTIVE")
        address = _address(found, asked["address"])
        user = asked["user"] or _user(client, found)
    if wait:
        _wait_for_port(waiting, address, asked["port"])
    line = ["ssh", "-o", f"HostKeyAlias=busway-{found['id']}", "-o", "StrictHostKeyChecking=accept-new"]
    line += ["-p", str(asked["port"]), *(["-i", asked["identity"]] if asked["identity"] else [])]
    line += [*(["-l", user] if user else []), address, *command]
    try:
        sys.exit(subprocess.run(line, check=False).returncode)
    except FileNotFoundError as error:
        raise NotFound(
            "ssh is not installed on this machine", remedy="Install openssh-client.", code="no-ssh"
        ) from error


@click.command()
@click.argument("name")
@click.option("--lines", type=click.IntRange(1), metavar="N", help="Only the last N lines.")
@click.option(
    "--url", type=click.Choice(["novnc", "serial"]), help="A link for the browser: the screen, or a terminal."
)
@clouds_option
def console(name: str, lines: int | None, url: str | None, clouds: str | None) -> None:
    """Print the console of server NAME, or a link to it.

    Prints the part of the console text that is kept.
    """
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import SERVERS, find_server

    with Client(find_clouds(clouds)) as client:
        path = f"{SERVERS}/{find_server(client, name)['id']}"
        if url is not None:
            wanted = {"protocol": "vnc" if url == "novnc" else "serial", "type": url}
            made = client.openstack("POST", f"{path}/remote-consoles", {"remote_console": wanted})
            click.echo(made["remote_console"]["url"])
            return
        text = client.openstack("POST", f"{path}/action", {"os-getConsoleOutput": {"length": lines}})["output"]
    click.echo(text, nl=not text.endswith("\n"))


def _address(server: dict[str, Any], wanted: str | None) -> str:
    from busway.cli.server_words import reached_at, state_of

    if server["status"] != "ACTIVE":
        raise Conflict(
            f"{server['name']} is {state_of(server)}",
            remedy="Wait for it with --wait, or start it: busway server start",
            code="server-not-running",
        )
    held = reached_at(server)
    if wanted in held or (wanted is None and held):
        return wanted or held[0]
    raise NotFound(
        f"{server['name']} has no address{f' {wanted}' if wanted else ''}",
        detail=f"It has: {', '.join(held) or 'none'}.",
        remedy="Use its console: busway server console",
        code="server-no-address",
    )


def _user(client: Client, server: dict[str, Any]) -> str | None:
    """The user of the server's image; None, which is ssh's own choice, where the image does not tell or is gone."""
    image = (server["image"] or {}).get("id")
    try:
        image_fields = client.openstack("GET", f"image/v2/images/{image}") if image else {}
    except BuswayError:
        image_fields = {}
    return image_fields.get("os_admin_user") or _USERS.get(str(image_fields.get("os_distro", "")).lower())


def _wait_for_port(waiting: Waiting, address: str, port: int) -> None:
    for _ in waiting.turns():
        try:
            socket.create_connection((address, port), _CONNECT_SECONDS).close()
            return
        except OSError as error:
            waiting.show_wait(f"waits for ssh at {address} port {port}: {error.strerror or error}")
