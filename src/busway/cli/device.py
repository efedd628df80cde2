"""`busway device`: the devices and the servers that have them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from busway.cli.listing import Columns, Listing, Row, list_options
from busway.cli.output import clouds_option, json_option, print_fields, print_json, print_table
from busway.cli.width import wrapped
from busway.cli.words import Words


def _tree(text: str) -> Callable[[Any], Any]:
    return click.option(
        "--root", type=click.Path(exists=True, path_type=Path), default=Path("/"), metavar="TREE", help=text
    )


_root_option = _tree("With --local: another machine's tree, a folder or a snapshot.")
_tree_option = _tree("Another machine's tree: a folder or a snapshot.")


@click.group(cls=Words)
def device() -> None:
    """List, show and manage PCI devices."""


@device.command("list")
@click.option("--host", help="Only the devices of this host.")
@click.option("--all", "everything", is_flag=True, help="Also devices that no device_spec offers.")
@click.option("--local", is_flag=True, help="This machine's cards, read from /sys; needs no control plane.")
@_root_option
@clouds_option
@list_options
def list_(host: str | None, everything: bool, local: bool, root: Path, clouds: str | None, listing: Listing) -> None:
    """List devices with their status and server."""
    if local:
        if listing.columns or listing.sort:
            raise click.UsageError("--local prints cards in blocks: --columns and --sort are for the list of a cloud.")
        from busway.cli.device_local import list_cards

        list_cards(root, everything, listing.as_json)
        return
    from busway.cli.client import Client, find_clouds

    with Client(find_clouds(clouds)) as client:
        rows = client.request("GET", "devices", params={"host": host})["devices"]
    shown = [row for row in rows if everything or row["status"] is not None]
    listing.show(shown, _LIST, _nothing(rows), least=("KIND", "GROUP", "NUMA", "DRIVER"))


@device.command("handovers")
@click.argument("name")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="The number of last records to list."
)
@clouds_option
@list_options
def handovers_(name: str, limit: int, clouds: str | None, listing: Listing) -> None:
    """List the hand-over records of a device.

    Each record is signed by its host. DEVICE is HOST:ADDRESS, ADDRESS or an id.
    """
    from busway.cli.client import Client, find_clouds

    with Client(find_clouds(clouds)) as client:
        found = client.request("GET", f"devices/{name}/handovers", params={"limit": limit})["handovers"]
    empty = "No server has given this device back yet."
    listing.show(found["handovers"], _HANDOVERS, empty, envelope=found, key="handovers")


_HANDOVERS: Columns = {
    "RECEIVED": "received",
    "SERVER": "server_id",
    "RESET": "reset",
    "SCRUBBED BY": lambda row: (row["handover"]["scrub"] or {}).get("program"),
    "FIRMWARE": lambda row: (row["handover"]["after"] or {}).get("firmware"),
    "SIGNED": "verified",
    "VERDICT": lambda row: row["verdict"] or ("passed" if row["passed"] else "not judged yet"),
}


@device.command()
@click.argument("name")
@clouds_option
@json_option
def show(name: str, clouds: str | None, as_json: bool) -> None:
    """Show one device, its modes and its history.

    DEVICE is HOST:ADDRESS, ADDRESS or an id.
    """
    from busway.cli.client import Client, find_clouds

    with Client(find_clouds(clouds)) as client:
        story = client.request("GET", f"devices/{name}")["device"]
    if as_json:
        print_json(story)
        return
    found = story["device"]
    names = ("host", "address", "description", "kind", "class_code", "iommu_group", "numa_node", "driver")
    print_fields(
        [(key.replace("_", " "), found[key]) for key in names]
        + _condition(found["condition"])
        + [("status", found["status"] or "not offered"), ("reason", found["reason"])]
        + [(f"doctor {each['severity']}", f"{each['brief']}. {each['remedy']}") for each in found["findings"]]
        + [
            ("server", f"{found['server_name']} ({found['server_id']})" if found["server_id"] else None),
            ("id", found["id"]),
        ]
        + [("in its group", other) for other in story["group"]]
    )
    if story["modes"]:
        click.echo(f"\nWays to give {found['parent'] or 'it'} to guests")
    for way in story["modes"]:
        click.echo(wrapped(f"    {'yes' if way['serves'] else 'no ':3}  {way['name']}: ", way["why"]))
    click.echo("\nHistory")
    print_table(
        ("TIME", "FROM", "TO", "SERVER", "REASON"),
        [(e["at"], e["old"], e["new"], e["server_id"], e["reason"]) for e in story["events"]],
        "Nothing has happened to it yet.",
    )


def _condition(condition: dict[str, Any] | None) -> list[tuple[str, object]]:
    """A device's link now and at most, and its utilization, where its host reports them."""
    if condition is None:
        return []
    now, most = (
        "-"
        if condition[f"{name}_speed"] is None
        else f"{condition[f'{name}_speed']:g} GT/s x{condition[f'{name}_width']}"
        for name in ("link", "link_max")
    )
    busy = condition["utilization"]
    return [("link", f"{now}, {most} at most"), ("utilization", None if busy is None else f"{busy} %")]


@device.command()
@click.argument("name")
@clouds_option
def recycle(name: str, clouds: str | None) -> None:
    """Offer a one-time-use device again.

    DEVICE is HOST:ADDRESS, ADDRESS or an id. Clean the device first.
    """
    from busway.cli.client import Client, find_clouds

    found = Client(find_clouds(clouds)).request("POST", f"devices/{name}/recycle")["device"]["device"]
    click.echo(f"{found['host']} {found['address']} is {found['status'] or 'not offered'}.")


@device.command()
@click.option("--all", "everything", is_flag=True, help="Include every function, VFs and bridges.")
@_tree_option
@json_option
def topology(everything: bool, root: Path, as_json: bool) -> None:
    """Show how this machine's GPUs and NICs are wired.

    Prints the PCI tree and the distances between devices. It needs no control plane.
    """
    from busway.cli.device_local import show_topology

    show_topology(root, everything, as_json)


@device.command()
@click.argument("address", required=False)
@click.option("--all", "everything", is_flag=True, help="Include cards without a GPU.")
@_tree_option
@json_option
def modes(address: str | None, everything: bool, root: Path, as_json: bool) -> None:
    """Show in which ways this machine's cards can be given to guests.

    Lists the modes that each card supports, and why it does not support the others. ADDRESS selects one card. It
    needs no control plane.
    """
    from busway.cli.device_modes import show_modes

    show_modes(root, address, everything, as_json)


def _short(description: str) -> str:
    """A description that leaves a table readable; its end, the ids, stays whole. `show` prints all of it."""
    return description if len(description) <= 60 else f"{description[:47].rstrip()}… {description[-11:]}"


def _status(row: Row) -> str:
    leaves = ", then leaves" if row["status"] and not row["offered"] else ""
    return f"{row['status'] or 'not offered'}{leaves}"


_LIST: Columns = {
    "HOST": "host",
    "ADDRESS": "address",
    "DEVICE": lambda row: _short(row["description"]),
    "KIND": "kind",
    "GROUP": "iommu_group",
    "NUMA": "numa_node",
    "DRIVER": "driver",
    "STATUS": _status,
    "SERVER": lambda row: row["server_name"] or row["server_id"],
}


def _nothing(rows: list[Any]) -> str:
    if rows:
        return f"None of {len(rows)} devices is offered: no device spec matches. See them with --all; offer some: busway device-spec create."
    return "No host has reported any device yet. See `busway host list`."
