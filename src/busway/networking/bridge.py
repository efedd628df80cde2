"""The driver `bridge`: guests on a bridge of the operator's, which leads to the site's own network, perhaps by a VLAN."""

from __future__ import annotations

from collections.abc import Mapping

from busway.domain.errors import HostError
from busway.domain.guest_network import METADATA_ADDRESS, HostNetwork
from busway.domain.network import mac_for
from busway.networking.links import Links


class BridgeDriver:
    """`bridges` names this host's bridge for each physical network, as the agent's `--bridge` tells."""

    dns = False  # the site's stays in charge on its own network

    def __init__(self, links: Links, bridges: Mapping[str, str]) -> None:
        self._links = links
        self._bridges = bridges

    def ensure(self, network: HostNetwork) -> str:
        """Finds the operator's bridge; for a VLAN, makes a bridge of Busway's own that is joined to it by the tag."""
        below = self._bridges.get(network.physical)
        if below is None or not self._links.is_bridge(below):
            raise HostError(
                f"This host has no bridge for physical network {network.physical}",
                detail=f"It has: {', '.join(f'{k} ({v})' for k, v in self._bridges.items()) or 'none'}."
                + (f" Interface {below} is not a bridge." if below else ""),
                remedy=f"Create the bridge, and start the agent with --bridge {network.physical}=BRIDGE.",
                code="no-bridge",
            )
        bridge = below
        if network.vlan:
            bridge = network.own_bridge
            self._links.make_bridge(bridge, mac_for(network.id), network.mtu)
            self._links.make_vlan(network.vlan_device, below, network.vlan, bridge)
        if network.dhcp:
            self._links.give_address(bridge, f"{METADATA_ADDRESS}/32")
        return bridge
