"""`busway host drain`: takes a host out of service by migrating its servers live, and says of each why it stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from busway.cli.output import clouds_option
from busway.domain.errors import BuswayError

if TYPE_CHECKING:
    from busway.cli.client import Client

_PAUSE = 1.0
_PAGE = 500
_MOST = 16


@click.command()
@click.argument("name")
@click.option("--reason", default="it is drained", show_default=True, help="Why; shown in lists.")
@click.option(
    "--at-once", type=click.IntRange(1, _MOST), default=1, show_default=True, help="How many servers leave at a time."
)
@click.option(
    "--timeout",
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Start no further migration after this time.",
)
@clouds_option
def drain(name: str, reason: str, at_once: int, timeout: float, clouds: str | None) -> None:
    """Disable host NAME and migrate its servers live to other hosts.

    It prints a line for each server: where it went, or why it stays and what to do. The exit status is 1 if one stays. A drain that was
    interrupted loses nothing; run it again. Guests are never shut down.
    """
    from busway.cli.client import Client, find_clouds

    with Client(find_clouds(clouds)) as client:
        client.request("PATCH", f"hosts/{name}", {"enabled": False, "reason": reason})
        click.echo(f"Host {name} is disabled.")
        done = _Drain(client, name, at_once, time.monotonic() + timeout)
        done.run()
    went, stays = len(done.went), len(done.stays)
    click.echo(
        f"{went} {'server has' if went == 1 else 'servers have'} left, {stays} {'stays' if stays == 1 else 'stay'}."
    )
    if done.stays:
        raise SystemExit(1)


@dataclass
class _Drain:
    """One drain: the servers that are on their way, and what became of the others."""

    client: Client
    host: str
    at_once: int
    deadline: float
    under_way: dict[str, dict[str, Any]] = field(default_factory=dict)
    went: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Begins as many migrations at a time as are wanted, until each server has gone or stays."""
        for server in list(self._servers()):
            while len(self.under_way) >= self.at_once:
                self._look()
            self._begin(server)
        while self.under_way:
            self._look()

    def _servers(self) -> Iterator[dict[str, Any]]:
        marker = None
        while True:
            params = {"all_tenants": 1, "host": self.host, "limit": _PAGE, "marker": marker}
            found = self.client.openstack("GET", "compute/v2.1/servers/detail", params=params)["servers"]
            yield from found
            if len(found) < _PAGE:
                return
            marker = found[-1]["id"]

    def _begin(self, server: dict[str, Any]) -> None:
        if server["status"] == "MIGRATING":  # by an earlier drain
            self.under_way[server["id"]] = server
            return
        if server["status"] != "ACTIVE":
            self._leave_behind(
                server, f"it is {server['status']}. Migrate it cold: openstack server migrate {server['id']}"
            )
            return
        if time.monotonic() > self.deadline:
            self._leave_behind(server, "there was no time left. Run the command again, or give it more with --timeout")
            return
        wish = {"os-migrateLive": {"host": None, "block_migration": "auto"}}
        try:
            self.client.openstack("POST", f"compute/v2.1/servers/{server['id']}/action", wish)
        except BuswayError as error:
            self._leave_behind(server, " ".join(part for part in (error.brief, error.detail, error.remedy) if part))
            return
        click.echo(f"{server['name']} ({server['id']}) leaves.")
        self.under_way[server["id"]] = server

    def _look(self) -> None:
        time.sleep(_PAUSE)
        for server in list(self.under_way.values()):
            try:
                now = self.client.openstack("GET", f"compute/v2.1/servers/{server['id']}")["server"]
            except BuswayError as error:
                if error.code != "server-not-found":
                    raise
                del self.under_way[server["id"]]
                self._go(server, "was deleted")
                continue
            if now["status"] == "MIGRATING":
                continue
            del self.under_way[server["id"]]
            if now["OS-EXT-SRV-ATTR:host"] != self.host:
                self._go(server, f"is on {now['OS-EXT-SRV-ATTR:host']}")
            else:
                self._leave_behind(server, self._why(server))

    def _why(self, server: dict[str, Any]) -> str:
        """What its last action says of its end."""
        path = f"compute/v2.1/servers/{server['id']}/os-instance-actions"
        found = self.client.openstack("GET", path)["instanceActions"]
        message = next((action["message"] for action in found if action["action"] == "live-migration"), None)
        return str(message or "its migration was aborted")

    def _go(self, server: dict[str, Any], where: str) -> None:
        self.went.append(server["id"])
        click.echo(f"{server['name']} ({server['id']}) {where}.")

    def _leave_behind(self, server: dict[str, Any], why: str) -> None:
        self.stays.append(server["id"])
        click.echo(f"{server['name']} ({server['id']}) stays: {why.rstrip('.')}.")
