"""`busway top`: hosts, devices, servers under way and the last events, live in a terminal."""

from __future__ import annotations

import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from busway.cli.output import clouds_option

if TYPE_CHECKING:
    from rich.console import Console

    from busway.cli.client import Client


@click.command()
@click.option(
    "--interval", type=click.FloatRange(0.5, 3600), default=2.0, show_default=True, help="Seconds between updates."
)
@click.option("--once", is_flag=True, help="Print the state once and exit, as when the output is a pipe.")
@clouds_option
def top(interval: float, once: bool, clouds: str | None) -> None:
    """Watch hosts, devices, servers and events.

    Devices are letters: . available, c claimed, A allocated, Q quarantined, - unavailable, x gone. Ends with q or
    Ctrl-C. Needs the admin role.
    """
    from rich.console import Console

    from busway.cli.client import Client, find_clouds
    from busway.cli.top_frame import frame
    from busway.cli.top_look import look

    console = Console(highlight=False, emoji=False, markup=False)
    with Client(find_clouds(clouds)) as client:
        if once or not console.is_terminal:
            console.width = console.width if console.is_terminal else 120
            console.print(frame(look(client), console.width, None))
            return
        _live(client, console, interval)


def _live(client: Client, console: Console, interval: float) -> None:
    from rich.live import Live

    from busway.cli.top_frame import frame
    from busway.cli.top_look import Look, look
    from busway.domain.errors import BuswayError

    seen, trouble = Look(), ""
    with _keys(), Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            try:
                seen, trouble = look(client), ""
            except BuswayError as error:  # what was last seen stays, with the reason for which it is old
                trouble = str(error)
            live.update(frame(seen, console.width, console.height, trouble), refresh=True)
            if _asked_to_end(interval):
                return


@contextmanager
def _keys() -> Iterator[None]:
    """Keys come one by one and are not shown, where the input is a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setcbreak(sys.stdin)
        yield
    except KeyboardInterrupt:
        return
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _asked_to_end(seconds: float) -> bool:
    """Waits; True as soon as somebody types q, or the input has ended."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0] and sys.stdin.read(1) in ("q", "Q", ""):
            return True
    return False
