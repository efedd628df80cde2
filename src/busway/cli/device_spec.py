"""`busway device-spec`: which devices servers may get, changed at run time."""

from __future__ import annotations

import click

from busway.cli.listing import Columns, Listing, Row, list_options
from busway.cli.output import clouds_option, json_option, print_fields, print_json
from busway.cli.rules import ask, current_version, print_change, print_history, print_warnings, version_option

_before_option = click.option(
    "--before", metavar="ID", help="Place it before the device spec with this id. The first match applies."
)


@click.group("device-spec")
def device_spec() -> None:
    """List, create, change and delete device specs.

    Device specs created here come before those of the configuration file. The first match applies.
    """


@device_spec.command("list")
@clouds_option
@list_options
def list_(clouds: str | None, listing: Listing) -> None:
    """List device specs in order, with counts and warnings."""
    answer = ask(clouds, "GET", "device-specs")
    empty = "There is no device spec, so servers can get no device. See `busway device-spec create --help`."
    listing.show(
        answer["device_specs"], _LIST, empty, envelope=answer, key="device_specs", least=("CHANGED BY", "VERSION", "ID")
    )
    if not listing.as_json:
        print_warnings(answer["warnings"])


def _definition(row: Row) -> str:
    return str(row["definition"] if row["in_force"] else f"{row['definition']}\nnot in force: {row['note']}")


_LIST: Columns = {
    "ORDER": "order",
    "ID": "id",
    "DEFINITION": _definition,
    "DEVICES": "devices",
    "FROM": "source",
    "VERSION": "version",
    "CHANGED BY": "changed_by",
}


@device_spec.command()
@click.argument("id_", metavar="ID")
@clouds_option
@json_option
def show(id_: str, clouds: str | None, as_json: bool) -> None:
    """Show a device spec and its history."""
    story = ask(clouds, "GET", f"device-specs/{id_}")["device_spec"]
    if as_json:
        print_json(story)
        return
    found = story["device_spec"]
    if found is None:
        click.echo(f"Device spec {id_} is deleted.")
    else:
        names = ("id", "order", "source", "definition", "devices", "in_force", "note", "version")
        print_fields([(name.replace("_", " "), found[name]) for name in names])
    print_history(story["history"])
    print_warnings(story["warnings"])


@device_spec.command()
@click.argument("definition")
@_before_option
@clouds_option
@json_option
def create(definition: str, before: str | None, clouds: str | None, as_json: bool) -> None:
    """Create a device spec.

    DEFINITION has the syntax of `device_spec =` in the file. The new spec comes after the others created here.

    Example: busway device-spec create '{"vendor_id": "10de", "product_id": "2330"}'
    """
    answer = ask(clouds, "POST", "device-specs", {"definition": definition, "before": before})
    print_change(answer, _counts(answer), as_json)


@device_spec.command()
@click.argument("id_", metavar="ID")
@click.argument("definition", required=False)
@_before_option
@click.option("--last", is_flag=True, help="Place it after all other specs created here.")
@version_option
@clouds_option
@json_option
def change(
    id_: str,
    definition: str | None,
    before: str | None,
    last: bool,
    version: int | None,
    clouds: str | None,
    as_json: bool,
) -> None:
    """Change or move a device spec.

    Servers keep the devices that they have.
    """
    based_on = version if version is not None else current_version(clouds, f"device-specs/{id_}", "device_spec")
    body = {"definition": definition, "before": "last" if last else before, "version": based_on}
    answer = ask(clouds, "PATCH", f"device-specs/{id_}", body)
    print_change(answer, _counts(answer), as_json)


@device_spec.command()
@click.argument("id_", metavar="ID")
@version_option
@clouds_option
@json_option
def delete(id_: str, version: int | None, clouds: str | None, as_json: bool) -> None:
    """Delete a device spec that was created here.

    Servers keep devices that no other spec offers; nobody else gets them afterwards.
    """
    based_on = version if version is not None else current_version(clouds, f"device-specs/{id_}", "device_spec")
    answer = ask(clouds, "DELETE", f"device-specs/{id_}", params={"version": based_on})
    print_change(answer, f"Device spec {id_} is deleted.", as_json)


def _counts(answer: dict[str, dict[str, object]]) -> str:
    made = answer["device_spec"]
    devices = f"{made['devices']} device{'' if made['devices'] == 1 else 's'}"
    return f"Device spec {made['id']} offers {devices} from now on (order {made['order']}, version {made['version']})."
