"""`busway snapshot`: this machine's relevant /sys and /proc in one file, to look at elsewhere or to test with."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), default=Path("busway-snapshot.tar.gz"), show_default=True
)
@click.option("--with-serials", is_flag=True, help="Keep serial numbers, MAC addresses and UUIDs.")
@click.option("--root", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path("/"), hidden=True)
def snapshot(output: Path, with_serials: bool, root: Path) -> None:
    """Save a description of this machine's hardware.

    It copies the kernel's hardware information into one file, and changes nothing.
    """
    from busway.doctor.saved import gather_answers
    from busway.hardware.snapshot import capture

    done = capture(root, output, with_serials=with_serials, answers=gather_answers(root))
    click.echo(f"{output}: {done.entries} files and links, {output.stat().st_size / 1024:.0f} KiB")
    for path in done.unreadable:
        click.echo(f"  not readable, needs root: /{path}", err=True)
    click.echo(f"Look at it with `busway doctor --root {output}` or `busway device list --local --root {output}`.")
