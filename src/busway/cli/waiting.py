"""Waits for a server and shows the progress; if the server ends in ERROR, its fault is raised."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from busway.cli.server_words import fault_of
from busway.domain.errors import BuswayError, Unavailable

if TYPE_CHECKING:
    from busway.cli.client import Client

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 2.0
_WORDS = {
    "scheduling": "a place on a host",
    "spawning": "its host to make its disk and start it",
    "powering-on": "its host to start it",
    "powering-off": "its host to stop it",
    "rebooting": "its host to restart it",
    "rebooting_hard": "its host to restart it",
    "pausing": "its host to pause it",
    "unpausing": "its host to let it continue",
    "suspending": "its host to save its memory",
    "resuming": "its host to let it continue",
    "rescuing": "its host to boot it from the rescue disk",
    "unrescuing": "its host to boot it from its own disk",
    "restoring": "its host to start it again",
    "rebuilding": "its host to create its disk again",
    "deleting": "its host to end it and to give its devices back",
}

wait_option = click.option("--wait", is_flag=True, help="Wait until it is done, and show the progress.")
timeout_option = click.option(
    "--timeout", default=600.0, show_default=True, metavar="SECONDS", help="The time limit of --wait."
)


@dataclass
class Waiting:
    """One wait; its progress goes to standard error, each message once."""

    client: Client
    server: dict[str, Any]
    seconds: float
    started: float = field(default_factory=time.monotonic)
    shown: set[int] = field(default_factory=set)
    last: str = ""

    def until(self, *statuses: str) -> dict[str, Any]:
        """Waits for one of the statuses, with nothing more to do; returns the server.

        Raises `BuswayError` when it ends in ERROR, `Unavailable` after the seconds. A server that is gone is DELETED.
        """
        for _ in self.turns():
            found = self._look()
            if found["status"] in statuses and found.get("OS-EXT-STS:task_state") is None:
                return found
            if found["status"] == "ERROR" and "DELETED" not in statuses and found.get("OS-EXT-STS:task_state") is None:
                raise _fault(found)
        raise AssertionError("turns() ends by an error")

    def turns(self) -> Iterator[None]:
        """Yields, with growing pauses, until the seconds are over; then raises `Unavailable`."""
        pause = _FIRST_PAUSE
        while True:
            yield
            if time.monotonic() - self.started + pause > self.seconds:
                raise Unavailable(
                    f"{self.server['name']} was not ready after {self.seconds:.0f} seconds",
                    detail=f"It still {self.last or 'is in progress'}.",
                    remedy=f"Look at `busway server why {self.server['id']}`, or wait longer with --timeout.",
                    code="wait-timeout",
                )
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)

    def show_wait(self, text: str) -> None:
        """Says what is waited for, unless that was said last."""
        if text != self.last:
            self.last = text
            self._line(text)

    def _look(self) -> dict[str, Any]:
        path = f"servers/{self.server['id']}"
        found = _or_gone(lambda: self.client.openstack("GET", f"compute/v2.1/{path}")["server"])
        if found is None:
            return {**self.server, "status": "DELETED", "OS-EXT-STS:task_state": None}
        story = _or_gone(lambda: self.client.request("GET", f"{path}/why")["why"])
        for event in (story or {"events": []})["events"]:
            self._show(event)
        task = found.get("OS-EXT-STS:task_state")
        if task is not None:
            self.show_wait(f"waits for {_WORDS.get(task, task)}")
        return dict(found)

    def _show(self, event: dict[str, Any]) -> None:
        if event["id"] not in self.shown:
            self.shown.add(event["id"])
            change = f"{event['old']} -> {event['new']}" if event["old"] else event["new"]
            self._line(f"{event['subject']} {change}: {event['reason']}")

    def _line(self, text: str) -> None:
        click.echo(f"{time.monotonic() - self.started:5.1f} s  {text}", err=True)


def begin(client: Client, server: dict[str, Any], seconds: float) -> Waiting:
    """A wait that starts now; earlier events are not shown."""
    waiting = Waiting(client, server, seconds)
    story = _or_gone(lambda: client.request("GET", f"servers/{server['id']}/why")["why"])
    waiting.shown.update(event["id"] for event in (story or {"events": []})["events"])
    return waiting


def _fault(server: dict[str, Any]) -> BuswayError:
    shown = dict(fault_of(server))
    return BuswayError(
        f"{server['name']} is in ERROR: {shown.get('fault', 'no fault is known')}",
        detail=shown.get("details", ""),
        remedy=shown.get("what to do") or f"Look at `busway server why {server['id']}`.",
        code="server-in-error",
    )


def _or_gone(ask: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return ask()
    except BuswayError as error:
        if error.code == "server-not-found":
            return None
        raise
