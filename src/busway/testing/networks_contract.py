"""What every host's networks must do: the checks that the fake passes, and the real networks in a namespace of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from busway.domain.documents import Desired
from busway.domain.errors import BuswayError
from busway.domain.ids import NetworkId, ServerId
from busway.networking.networks import GuestNetworks


def check_networks(networks: GuestNetworks, desired: Desired, broken: NetworkId) -> None:
    """Raises `AssertionError` unless a network that can't be made keeps its own servers from starting, and no others.

    `desired` has servers on several networks, of which the host can't make the one called `broken`.
    """
    faults = networks.converge(desired)
    assert len(faults) == 1, faults
    for server in desired.servers:
        if any(nic.network == broken for nic in server.nics):
            with pytest.raises(BuswayError) as caught:
                networks.check(server.id)
            assert caught.value.code == faults[0].code
        else:
            networks.check(server.id)
    networks.check(ServerId("a server without cards"))

    without = [server for server in desired.servers if all(nic.network != broken for nic in server.nics)]
    rest = tuple(network for network in desired.networks if network.id != broken)
    assert networks.converge(replace(desired, servers=tuple(without), networks=rest)) == ()
    for server in desired.servers:  # what failed once is over with the document that asked for it
        networks.check(server.id)
