"""`busway lab`: an emulated GPU host on this machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from busway.cli.words import Words

if TYPE_CHECKING:
    from busway.lab import Lab, LabHost, Report

_state = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".busway/lab"),
    show_default=True,
    help="The folder of the lab's hosts.",
)
_host = click.option("--host", "name", default="", help="The lab host. Default: the first.")


@click.group(cls=Words)
def lab() -> None:
    """Emulated GPU hosts on this machine.

    Their kernel, IOMMU groups, VFIO and libvirt are real; only the devices are emulated.
    """


@lab.command()
@click.option("--gpus", type=click.IntRange(0, 48), default=4, show_default=True, help="GPUs of each host.")
@click.option(
    "--hosts",
    type=click.IntRange(1, 8),
    default=1,
    show_default=True,
    help="Number of hosts; each uses one core fully.",
)
@click.option("--memory", type=click.IntRange(2048), default=4096, show_default=True, help="MiB of each host.")
@click.option("--no-iommu", is_flag=True, help="Omit the IOMMU, to get a host that is not ready for passthrough.")
@click.option("--linked", is_flag=True, help="Wire the interfaces eth2 of two hosts to each other.")
@_state
def up(gpus: int, hosts: int, memory: int, no_iommu: bool, linked: bool, state: Path) -> None:
    """Start the lab; a running lab is left unchanged."""
    made = _lab(state).up(gpus, hosts, iommu=not no_iommu, memory_mib=memory, linked=linked, report=_report())
    for host in made:
        click.echo(f"{host.name} is up ({host.machine.gpus} GPUs): busway lab exec --host {host.name} -- lspci")


@lab.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_state
def status(as_json: bool, state: Path) -> None:
    """List lab hosts and their state."""
    statuses = [_status(host) for host in _lab(state).hosts()]
    if as_json:
        click.echo(json.dumps(statuses, indent=2))
    elif not statuses:
        click.echo(f"No lab is up in {state}. Bring one up: busway lab up")
    for one in [] if as_json else statuses:
        click.echo(
            f"{one['name']}: {one['status']}, {one['gpus']} GPUs, up {one['uptime']:.0f} s, console {one['console']}"
        )


def _status(host: LabHost) -> dict[str, str | int | float]:
    from busway.lab import LabDied, LabHung

    try:
        host.check()
        health = "running"
    except LabDied:
        health = "dead"
    except LabHung:
        health = "hung"
    return {
        "name": host.name,
        "status": health,
        "gpus": host.machine.gpus,
        "iommu": int(host.machine.iommu),
        "accelerator": host.machine.accel,
        "address": host.machine.address,
        "uptime": host.uptime if health != "dead" else 0.0,
        "console": str(host.console_log),
    }


@lab.command(name="exec", context_settings={"ignore_unknown_options": True})
@_host
@click.option(
    "-i", "--stdin", "with_stdin", is_flag=True, help="Read standard input to its end and pass it to the command."
)
@click.option(
    "--timeout", type=float, default=600.0, show_default=True, help="The time limit of the command, in seconds."
)
@_state
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def exec_(name: str, with_stdin: bool, timeout: float, state: Path, command: tuple[str, ...]) -> None:
    """Run a command in a lab host as root.

    The exit code is that of the command.
    """
    stdin = sys.stdin.buffer.read() if with_stdin else b""
    outputs = {"o": sys.stdout.buffer, "e": sys.stderr.buffer}
    result: dict[str, object] = {}
    for kind, data in _lab(state).host(name).stream(list(command), timeout, stdin):
        if kind == "x":
            result = json.loads(data)
        else:
            outputs[kind].write(data)
            outputs[kind].flush()
    if "error" in result:
        raise click.ClickException(str(result["error"]))
    code = int(str(result["returncode"]))
    sys.exit(code if code >= 0 else 128 - code)


@lab.command()
@_host
@_state
def logs(name: str, state: Path) -> None:
    """Print the console and the QEMU log of a lab host."""
    host = _lab(state).host(name)
    for log in (host.console_log, host.folder / "output.log"):
        if log.exists():
            click.echo(log.read_bytes().decode(errors="replace"), nl=False)


@lab.command()
@_state
def down(state: Path) -> None:
    """Stop all lab hosts and remove their files.

    The cache of kernels and images is kept.
    """
    _lab(state).down()


@lab.command()
@click.option(
    "--kernel",
    type=click.Choice(["cloud", "generic", "graphics"]),
    default="cloud",
    show_default=True,
    help="cloud boots faster; generic has all of Debian's drivers, including one for the GPU; graphics has Mesa and a GL client too.",
)
def image(kernel: str) -> None:
    """Build the guest image if needed, and print its path."""
    from busway.lab.cache import default_cache
    from busway.lab.image import build_guest_image

    click.echo(build_guest_image(default_cache(), _report(), kernel))


def _lab(state: Path) -> Lab:
    from busway.lab import Lab

    return Lab(state)


def _report() -> Report:
    """Return how to show the progress of long work: a spinner on a terminal, plain lines elsewhere; both on standard error."""
    from busway.lab import PlainReport

    if not sys.stderr.isatty():
        return PlainReport(sys.stderr)
    from busway.lab.spinner import SpinnerReport

    return SpinnerReport()
