"""`busway server devices`, `attach` and `detach`: what a server has, one device more, one device less."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from busway.cli.listing import Columns, Listing, list_options
from busway.cli.output import clouds_option
from busway.cli.waiting import timeout_option, wait_option
from busway.domain.errors import BuswayError, Conflict, NotFound, Unavailable

if TYPE_CHECKING:
    from busway.cli.client import Client

_PAUSE = 1.0


@click.command()
@click.argument("name")
@clouds_option
@list_options
def devices(name: str, clouds: str | None, listing: Listing) -> None:
    """List the devices of a server.

    A device that is releasing is the server's until its guest has let go of it and its host has it back.
    """
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import find_server

    with Client(find_clouds(clouds)) as client:
        held = _held(client, find_server(client, name)["id"])
    columns: Columns = {"ID": "id", "ALIAS": "alias", "KIND": "kind", "STATE": "state"}
    listing.show(held, columns, "It has none.")


@click.command()
@click.argument("name")
@click.option("--alias", required=True, metavar="ALIAS", help="The alias of the device.")
@wait_option
@timeout_option
@clouds_option
def attach(name: str, alias: str, wait: bool, timeout: float, clouds: str | None) -> None:
    """Attach a device to a server that runs or is shut off.

    It is chosen on the server's own host, and counts in the project's quota. It comes at once to a guest that runs, if that has a spare root
    port (busway:hotplug_ports of its flavor) with room for the device (busway:hotplug_window).
    """
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import find_server

    with Client(find_clouds(clouds)) as client:
        server = find_server(client, name)
        made = client.request("POST", f"servers/{server['id']}/devices", {"alias": alias})["device"]
        click.echo(f"{server['name']} gets device {made['id']} of alias {alias}.")
        if wait:
            _wait(client, server, made["id"], timeout, comes=True)
            click.echo(f"{server['name']} has it.")


@click.command()
@click.argument("name")
@click.argument("device", required=False)
@click.option("--alias", metavar="ALIAS", help="Instead of DEVICE: the newest device of this alias.")
@wait_option
@timeout_option
@clouds_option
def detach(name: str, device: str | None, alias: str | None, wait: bool, timeout: float, clouds: str | None) -> None:
    """Detach a device from a server that runs or is shut off.

    The guest is asked to let go of it, and keeps it until it does. DEVICE is an id that `busway server devices` lists.
    """
    from busway.cli.client import Client, find_clouds
    from busway.cli.find import find_server

    if (device is None) == (alias is None):
        raise click.UsageError("Name the device, or an alias with --alias.")
    with Client(find_clouds(clouds)) as client:
        server = find_server(client, name)
        wanted = device or _newest(client, server, str(alias))
        client.request("DELETE", f"servers/{server['id']}/devices/{wanted}")
        click.echo(f"{server['name']} is asked to let go of device {wanted}.")
        if wait:
            _wait(client, server, wanted, timeout, comes=False)
            click.echo(f"Its host has device {wanted} back.")


def _held(client: Client, server_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.request("GET", f"servers/{server_id}/devices")["devices"]
    return found


def _newest(client: Client, server: dict[str, Any], alias: str) -> str:
    held = [each for each in _held(client, server["id"]) if each["alias"] == alias and each["state"] != "releasing"]
    if not held:
        raise NotFound(
            f"Server {server['name']} has no device of alias {alias}",
            remedy=f"List its devices: busway server devices {server['name']}",
            code="server-device-not-found",
        )
    return str(held[-1]["id"])


def _wait(client: Client, server: dict[str, Any], device: str, timeout: float, *, comes: bool) -> None:
    """Waits until a device is there, or gone; raises with the reason that the server's action has."""
    deadline = time.monotonic() + timeout
    while True:
        state = next((each["state"] for each in _held(client, server["id"]) if each["id"] == device), "")
        if state == ("allocated" if comes else ""):
            return
        if failed := _failure(client, server["id"], comes=comes):
            raise failed
        if time.monotonic() > deadline:
            raise Unavailable(
                f"Device {device} of server {server['name']} is {state or 'gone'} after {timeout:g} s",
                remedy=f"Wait, or read: openstack server event list {server['name']}",
                code="wait-timeout",
            )
        time.sleep(_PAUSE)


def _failure(client: Client, server_id: str, *, comes: bool) -> BuswayError | None:
    path = f"/compute/v2.1/servers/{server_id}/os-instance-actions"
    actions = client.openstack("GET", path)["instanceActions"]
    name = "attachDevice" if comes else "detachDevice"
    message = next((each["message"] for each in actions if each["action"] == name), None)
    return Conflict(message, code="device-plug") if message else None
