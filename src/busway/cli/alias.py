"""`busway alias`: the operator's names for kinds of devices, changed at run time."""

from __future__ import annotations

from urllib.parse import quote

import click

from busway.cli.listing import Columns, Listing, list_options
from busway.cli.output import clouds_option, json_option, print_fields, print_json
from busway.cli.rules import ask, current_version, print_change, print_history, print_warnings, version_option
from busway.cli.words import Words


@click.group(cls=Words)
def alias() -> None:
    """List, create, change and delete aliases.

    Aliases come from the configuration file or are created here. If both have the same name, the one created here
    applies.
    """


@alias.command("list")
@clouds_option
@list_options
def list_(clouds: str | None, listing: Listing) -> None:
    """List aliases with their definitions and warnings."""
    answer = ask(clouds, "GET", "aliases")
    empty = "There is no alias: no flavor can ask for a device. See `busway alias create --help`."
    listing.show(answer["aliases"], _LIST, empty, envelope=answer, key="aliases")
    if not listing.as_json:
        print_warnings(answer["warnings"])


_LIST: Columns = {
    "ALIAS": "name",
    "MEANS": lambda row: row["meaning"] or row["note"],
    "FROM": "source",
    "IN FORCE": "in_force",
    "VERSION": "version",
    "CHANGED BY": "changed_by",
}


@alias.command()
@click.argument("name")
@clouds_option
@json_option
def show(name: str, clouds: str | None, as_json: bool) -> None:
    """Show an alias and its history."""
    story = ask(clouds, "GET", f"aliases/{quote(name, safe='')}")["alias"]
    if as_json:
        print_json(story)
        return
    for each in story["aliases"]:
        print_fields(
            [
                ("alias", each["name"]),
                ("from", each["source"]),
                *(("definition", definition) for definition in each["definitions"]),
                ("means", each["meaning"]),
                ("in force", each["in_force"]),
                *([("why not", each["note"])] if each["note"] else []),
                *([("version", each["version"])] if each["version"] else []),
            ]
        )
    print_history(story["history"])
    print_warnings(story["warnings"])


@alias.command()
@click.argument("definition", nargs=-1, required=True)
@clouds_option
@json_option
def create(definition: tuple[str, ...], clouds: str | None, as_json: bool) -> None:
    """Create an alias.

    DEFINITION has the syntax of `alias =` in the file. With several, a device that matches any one of them is accepted.

    Example: busway alias create '{"name": "h100", "vendor_id": "10de", "product_id": "2330", "device_type": "type-PF"}'
    """
    answer = ask(clouds, "POST", "aliases", {"definitions": list(definition)})
    made = answer["alias"]
    print_change(answer, f"Alias {made['meaning']} counts from now on (version {made['version']}).", as_json)


@alias.command()
@click.argument("name")
@click.argument("definition", nargs=-1, required=True)
@version_option
@clouds_option
@json_option
def change(name: str, definition: tuple[str, ...], version: int | None, clouds: str | None, as_json: bool) -> None:
    """Replace the definitions of an alias.

    Servers keep the devices that they have.
    """
    path = f"aliases/{quote(name, safe='')}"
    based_on = version if version is not None else current_version(clouds, path, "alias")
    answer = ask(clouds, "PATCH", path, {"definitions": list(definition), "version": based_on})
    made = answer["alias"]
    print_change(answer, f"Alias {made['meaning']} counts from now on (version {made['version']}).", as_json)


@alias.command()
@click.argument("name")
@version_option
@click.option("--force", is_flag=True, help="Delete it even if flavors or servers use it.")
@clouds_option
@json_option
def delete(name: str, version: int | None, force: bool, clouds: str | None, as_json: bool) -> None:
    """Delete an alias that was created here.

    An alias of the same name in the configuration file applies again.
    """
    path = f"aliases/{quote(name, safe='')}"
    based_on = version if version is not None else current_version(clouds, path, "alias")
    answer = ask(clouds, "DELETE", path, params={"version": based_on, "force": "true" if force else None})
    left = answer["alias"]
    rest = f"; the file's counts again: {left['meaning']}" if left else ""
    print_change(answer, f"Alias {name} is deleted{rest}.", as_json)
