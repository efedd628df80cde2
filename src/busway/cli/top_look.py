"""One look at a cloud for `busway top`: what is asked of the control plane, and what is kept of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from busway.cli.find import list_servers
from busway.cli.server_words import state_of

if TYPE_CHECKING:
    from busway.cli.client import Client

_EVENTS = 30
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen; devices are those that are offered or that somebody has."""

    hosts: list[Row] = field(default_factory=list)
    devices: list[Row] = field(default_factory=list)
    servers: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)  # the newest first

    @property
    def under_way(self) -> list[Row]:
        """Servers that something is still to become of, and those in ERROR."""
        return [row for row in self.servers if row["OS-EXT-STS:task_state"] or row["status"] in ("BUILD", "ERROR")]


def look(client: Client) -> Look:
    """Asks once for everything."""
    devices = client.request("GET", "devices")["devices"]
    return Look(
        client.request("GET", "hosts")["hosts"],
        [row for row in devices if row["status"] is not None],
        list_servers(client, all_projects=True),
        client.request("GET", "events", params={"limit": _EVENTS})["events"][::-1],
    )


def state(row: Row) -> str:
    """A server's state in words."""
    return state_of(row)
