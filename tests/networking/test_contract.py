"""The contract of a host's networks, for the fake; `tests/networking/inside/drivers.py` holds the real ones to it."""

from dataclasses import replace

from busway.domain.documents import Nic
from busway.domain.errors import HostError
from busway.domain.guest_network import HostNetwork
from busway.domain.ids import NetworkId, PortId
from busway.testing.networks import FakeNetworks
from busway.testing.networks_contract import check_networks
from tests.networking.desired import desired_of

WHOLE = HostNetwork(NetworkId("whole"), "private", "local", cidr="10.66.0.0/24")
BROKEN = replace(WHOLE, id=NetworkId("broken"), name="lab")
CARD = Nic("fa:16:3e:00:00:01", "10.66.0.10", 24, port=PortId("one"), network=WHOLE.id)


def test_the_fake_keeps_the_contract() -> None:
    networks = FakeNetworks()
    networks.broken[BROKEN.id] = HostError("There is no bridge", code="no-bridge")
    other = replace(CARD, port=PortId("two"), network=BROKEN.id)
    check_networks(networks, desired_of((CARD, other), networks=(WHOLE, BROKEN)), BROKEN.id)
