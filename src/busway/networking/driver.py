"""The seam `network driver`: how one kind of network comes to lie on a host."""

from __future__ import annotations

from typing import Protocol

from busway.domain.guest_network import HostNetwork


class NetworkDriver(Protocol):
    """One module per driver; its verb may be repeated and raises `HostError`.

    `dns` tells whether Busway answers DNS on such networks, at their gateways.
    """

    dns: bool

    def ensure(self, network: HostNetwork) -> str:
        """Makes what the network's cards are plugged into, and returns the name of that bridge."""
