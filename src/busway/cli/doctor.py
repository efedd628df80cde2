"""`busway doctor`: is this host ready to give its cards to guests, and what to change if not."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from busway.cli.doctor_report import print_report
from busway.cli.output import json_option, print_json

if TYPE_CHECKING:
    from busway.doctor.act import Act, Run
    from busway.doctor.host import Host
    from busway.doctor.report import Report


@click.command()
@click.argument("device", required=False)
@json_option
@click.option("--root", default="/", metavar="TREE", type=click.Path(exists=True), help="Read this folder or snapshot.")
@click.option("--memory", type=click.IntRange(1), metavar="GIB", help="Memory of the guest to assume.")
@click.option("--cards", type=click.IntRange(1, 64), default=1, metavar="N", help="Number of such cards in that guest.")
@click.option(
    "--address-bits", type=click.IntRange(32, 52), metavar="N", help="Address bits of that guest. Default: the host's."
)
@click.option("--guest", "inside", is_flag=True, help="Check the cards of this guest from inside.")
@click.option("--apply", "wants_apply", is_flag=True, help="Show the changes, then make them.")
@click.option("--undo", "wants_undo", is_flag=True, help="Revert the changes of --apply, byte for byte.")
@click.option("--yes", is_flag=True, help="Do not ask before --apply makes its changes.")
def doctor(
    device: str | None,
    as_json: bool,
    root: str,
    memory: int | None,
    cards: int,
    address_bits: int | None,
    inside: bool,
    wants_apply: bool,
    wants_undo: bool,
    yes: bool,
) -> None:
    """Check this host, or one DEVICE, for passthrough.

    It needs no control plane. Where it needs root, the output says so.

    The exit code is 0 if every card is ready, and 1 if a card is not ready or something blocks the whole host.
    """
    from busway.doctor.examine import examine_host
    from busway.doctor.host import Host, Wish
    from busway.hardware.snapshot import open_tree

    if wants_apply and wants_undo:
        raise click.UsageError("--apply and --undo exclude each other.")
    if (wants_apply or wants_undo) and not Path(root).is_dir():
        raise click.UsageError("A snapshot can be read and not changed: --apply and --undo want a folder.")
    if wants_undo:
        _undo(Path(root))
        return
    with open_tree(Path(root)) as tree:
        host = Host(tree, Wish(None if memory is None else memory << 30, cards, address_bits))
        report = examine_host(host, device, inside=inside)
        if as_json and not wants_apply:
            print_json(report.as_json())
        else:
            print_report(report)
        if wants_apply:
            _apply(host, report, yes=yes)
    if not report.is_ready and not wants_apply:
        sys.exit(1)


def _apply(host: Host, report: Report, *, yes: bool) -> None:
    from busway.doctor.change import KernelArgument
    from busway.doctor.journal import Journal, check_rights
    from busway.doctor.plan import plan

    acts = plan(host, report.findings)
    if not acts:
        click.echo(f"\n{_nothing(host, report)}")
        return
    click.echo("\nChanges:")
    for act in acts:
        _show(host.root, act)
    check_rights(host.root)
    if not yes:
        click.confirm("Make these changes?", abort=True)
    left_out = Journal(host.root).apply(acts)
    click.echo("Done. `busway doctor --undo` takes them back.")
    _print_left_out(left_out)
    if any(isinstance(change, KernelArgument) for one in report.findings for change in one.changes):
        click.echo("The kernel command line takes effect after a reboot.")


def _nothing(host: Host, report: Report) -> str:
    """Why there is nothing to do: it was done already, it can't be, or there never was."""
    from busway.doctor.boot import Loader

    if not any(finding.changes for finding in report.findings):
        return "There is nothing here that a program may change."
    if host.boot.loader is Loader.UNKNOWN:
        return "The boot loader is unknown: change the kernel command line by hand, as the findings say."
    return "Every change is made already; it takes effect after a reboot."


def _undo(root: Path) -> None:
    from busway.doctor.journal import Journal, check_rights

    journal = Journal(root)
    if journal.is_empty:
        click.echo("There is nothing to undo.")
        return
    check_rights(root)
    for name in dict.fromkeys(journal.undo()):
        click.echo(f"restored  {name}")
    click.echo("All changes are taken back. The previous kernel command line takes effect after a reboot.")


def _show(root: Path, act: Act) -> None:
    from busway.doctor.act import Run, SetValue
    from busway.hardware.tree import find_bytes

    if isinstance(act, SetValue):
        click.echo(f"  write {act.value} to {act.path}")
    elif isinstance(act, Run):
        click.echo(f"  run `{' '.join(act.command)}`")
    else:
        before = (find_bytes(root / act.path.lstrip("/")) or b"").decode("utf-8", "replace")
        after = act.content.decode("utf-8", "replace")
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), act.path, act.path, n=0, lineterm="")
        for line in lines:
            click.echo(f"  {line}")


def _print_left_out(runs: tuple[Run, ...]) -> None:
    for run in runs:
        click.echo(f"Not run, because this is not the running system's root: `{' '.join(run.command)}`. Run it there.")
