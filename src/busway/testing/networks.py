"""The fake of a host's networks: it remembers what was asked, and refuses what a test says."""

from __future__ import annotations

from collections.abc import Iterable

from busway.domain.connection import Connection
from busway.domain.documents import Desired, Nic
from busway.domain.errors import BuswayError
from busway.domain.ids import NetworkId, ServerId


class FakeNetworks:
    """Every network is made at once, but for those in `broken`; without `filtered` nothing may start."""

    def __init__(self) -> None:
        self.desired: Desired | None = None
        self.broken: dict[NetworkId, BuswayError] = {}
        self.no_filter: BuswayError | None = None
        self.known: dict[str, tuple[Connection, ...]] = {}  # by the address of the guest's card
        self.no_conntrack: BuswayError | None = None

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
        for nic in (nic for server in servers if server.id == server_id for nic in server.plugged):
            if self.no_filter is not None:
                raise self.no_filter
            if nic.network in self.broken:
                raise self.broken[nic.network]

    def connections(self, nics: Iterable[Nic]) -> tuple[Connection, ...]:
        """What is known of the cards' addresses."""
        if self.no_conntrack is not None:
            raise self.no_conntrack
        return tuple(each for nic in nics for each in self.known.get(nic.address, ()))

    def take_connections(self, nics: Iterable[Nic], connections: Iterable[Connection]) -> None:
        """Remembers what has an end in a card's address."""
        if self.no_conntrack is not None:
            raise self.no_conntrack
        given = tuple(connections)
        for nic in nics:
            self.known[nic.address] = tuple(each for each in given if nic.address in (each.source, each.target))
