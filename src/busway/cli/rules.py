"""What `busway alias` and `busway device-spec` have in common: asking, and printing warnings and histories."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from busway.cli.output import print_json, print_table

version_option = click.option(
    "--version",
    type=int,
    metavar="N",
    help="Change it only if it still has this version. Default: its current version.",
)


def ask(
    clouds: str | None, method: str, path: str, body: dict[str, Any] | None = None, params: dict[str, Any] | None = None
) -> Any:
    """Asks the control plane as the user of a clouds.yaml; what is None in the body is left out."""
    from busway.cli.client import Client, find_clouds

    sent = None if body is None else {key: value for key, value in body.items() if value is not None}
    with Client(find_clouds(clouds)) as client:
        return client.request(method, path, sent, params)


def current_version(clouds: str | None, path: str, kind: str) -> int | None:
    """The version of a rule that was created at run time; None if there is no such rule, which the control plane then reports."""
    story = ask(clouds, "GET", path)[kind]
    found = story["aliases"] if kind == "alias" else [story["device_spec"] or {}]
    return next((each["version"] for each in found if each.get("version")), None)


def print_change(answer: dict[str, Any], sentence: str, as_json: bool) -> None:
    """Prints the change and the warnings."""
    if as_json:
        print_json(answer)
        return
    click.echo(sentence)
    print_warnings(answer["warnings"])


def print_warnings(warnings: Iterable[dict[str, Any]]) -> None:
    """Prints warnings as `busway config check` does."""
    for warning in warnings:
        where = f", line {warning['line']} of the file" if warning["line"] is not None else ""
        click.echo(f"\nWarning{where}: {warning['option']}\n  {warning['meaning']}")
        click.echo(f"  What to do: {warning['remedy']}\n  [{warning['code']}]")


def print_history(changes: Iterable[dict[str, Any]]) -> None:
    """Prints who did what when."""
    click.echo("\nHistory")
    rows = [(c["version"], c["at"], c["user_name"], c["act"], "\n".join(c["definitions"])) for c in changes]
    print_table(("VERSION", "TIME", "BY", "DID", "DEFINITION"), rows, "It was not made at run time.")
