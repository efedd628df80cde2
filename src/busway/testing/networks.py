"""The fake of a host's networks: it remembers what was asked, and refuses what a test says."""

from __future__ import annotations

from busway.domain.documents import Desired
from busway.domain.errors import BuswayError
from busway.domain.ids import NetworkId, ServerId


class FakeNetworks:
    """Every network is made at once, but for those in `broken`; without `filtered` nothing may start."""

    def __init__(self) -> None:
        self.desired: Desired | None = None
        self.broken: dict[NetworkId, BuswayError] = {}
        self.no_filter: BuswayError | None = None

    def converge(self, desired: Desired) -> tuple[BuswayError, ...]:
        """Remembers the document."""
        self.desired = desired
        found = [self.broken[network.id] for network in desired.networks if network.id in self.broken]
        return (*((self.no_filter,) if self.no_filter else ()), *found)

    def close(self) -> None:
        """Has nothing to end."""

    def check(self, server_id: ServerId) -> None:
        """Raises what the last `converge` met for this server."""
        servers = self.desired.servers if self.desired else ()
        for nic in (nic for server in servers if server.id == server_id for nic in server.nics):
            if self.no_filter is not None:
                raise self.no_filter
            if nic.network in self.broken:
                raise self.broken[nic.network]
