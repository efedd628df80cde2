"""Makes a host's networks equal to its Desired document, before any of its guests starts."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from busway.domain.connection import MOST, Connection
from busway.domain.documents import Desired, Nic
from busway.domain.errors import BuswayError, HostError
from busway.domain.guest_network import (
    BRIDGE,
    BRIDGE_PREFIX,
    LOCAL,
    METADATA_ADDRESS,
    OVERLAY,
    VLAN_PREFIX,
    HostNetwork,
)
from busway.domain.ids import NetworkId, ServerId
from busway.networking.bridge import BridgeDriver
from busway.networking.conntrack import list_connections, replace_connections
from busway.networking.dnsmasq import Dnsmasq
from busway.networking.driver import NetworkDriver
from busway.networking.links import Links
from busway.networking.local import LocalDriver
from busway.networking.metadata import MetadataService, Place, Post
from busway.networking.overlay import DATABASE, OverlayDriver, vsctl
from busway.networking.overlay_services import OverlayServices
from busway.networking.programs import run, succeeds
from busway.networking.ruleset import TABLES, ControlPlane, Filter, packet_filter


def control_plane(url: str) -> ControlPlane:
    """Where a URL leads now; its name is asked for each time, for it may move."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except OSError:
        return ControlPlane((), port)
    return ControlPlane(tuple(sorted({str(address[0]).partition("%")[0] for *_, address in found})), port)


class GuestNetworks(Protocol):
    """The seam between an agent and its host's networks."""

    def converge(self, desired: Desired) -> tuple[BuswayError, ...]:
        """Makes filter, bridges and services as desired; what failed comes back, one error for each network."""

    def close(self) -> None:
        """Ends what lives in this process; what guests need of the host's networks stays."""

    def check(self, server_id: ServerId) -> None:
        """Raises `HostError` when a server may not start: its filter or one of its networks is not there."""

    def connections(self, nics: Iterable[Nic]) -> tuple[Connection, ...]:
        """What the host remembers of the connections of a guest with these cards; raises `HostError`."""

    def take_connections(self, nics: Iterable[Nic], connections: Iterable[Connection]) -> None:
        """Has the host know the connections of a guest that continues here, and no older ones; raises `HostError`."""


class HostNetworks:
    """The real part: nftables, iproute2 and dnsmasq, in the network namespace of the process."""

    def __init__(
        self,
        folder: Path,
        bridges: Mapping[str, str],
        control: Callable[[], ControlPlane],
        links: Links | None = None,
        post: Post | None = None,
        switch: str = DATABASE,
    ) -> None:
        self._links = links or Links()
        self._drivers: dict[str, NetworkDriver] = {
            LOCAL: LocalDriver(self._links),
            BRIDGE: BridgeDriver(self._links, bridges),
            OVERLAY: OverlayDriver(switch),
        }
        self._dnsmasq = Dnsmasq(folder)
        self._services = OverlayServices(self._links, vsctl(switch))
        self._metadata = MetadataService(post=post)
        self._control = control
        self._desired: Desired | None = None
        self._no_filter: BuswayError | None = None
        self._faults: dict[NetworkId, BuswayError] = {}

    def converge(self, desired: Desired) -> tuple[BuswayError, ...]:
        """The filter comes first; where it is refused no guest starts."""
        self._desired = desired
        self._no_filter = None
        self._faults = {}
        try:
            self._filter(packet_filter(desired, self._control()))
        except BuswayError as error:
            self._no_filter = error
        answering: dict[NetworkId, Place] = {}
        silent: list[BuswayError] = []
        for network in desired.networks:
            try:
                bridge = self._ensure(network, tuple(_cards(desired, network.id)))
                if network.dhcp and not self._no_filter:
                    answering[network.id] = Place(bridge)
            except BuswayError as error:
                self._faults[network.id] = error
            except OSError as error:
                self._faults[network.id] = HostError(
                    f"Network {network.name} could not be set up", detail=str(error), code="network-io"
                )
        overlay = [each for each in desired.networks if self._answers(each)]
        for network in overlay:
            try:
                port = self._services.ensure(network)
                answering[network.id] = Place(port.device, port.namespace)
            except BuswayError as error:
                silent.append(error)
        silent += self._metadata.serve(desired, answering)
        try:
            self._services.keep_only([network.id for network in overlay])
        except BuswayError as error:
            silent.append(error)
        self._tidy(desired)
        return (*((self._no_filter,) if self._no_filter else ()), *self._faults.values(), *silent)

    def close(self) -> None:
        """Ends the metadata service, and the host's cards on overlay networks."""
        self._metadata.close()
        self._services.close()

    def check(self, server_id: ServerId) -> None:
        """Looks at what the last `converge` found for the server's cards."""
        servers = self._desired.servers if self._desired else ()
        nics = [nic for server in servers if server.id == server_id for nic in server.plugged]
        if self._no_filter is not None and any(nic.driver != OVERLAY for nic in nics):
            raise HostError(
                "The packet filter of the guests is not loaded",
                detail=str(self._no_filter),
                remedy="Install nftables; the kernel needs nf_tables and nf_conntrack_bridge.",
                code="no-packet-filter",
            )
        for nic in nics:
            if nic.network in self._faults:
                raise self._faults[nic.network]

    def connections(self, nics: Iterable[Nic]) -> tuple[Connection, ...]:
        """Lists the cards' connections on networks of the site. On local networks the host's own address is part of them, and OVN keeps its own."""
        addresses = _addresses(nics)
        found = [each for each in list_connections(addresses) if each.goes_along] if addresses else []
        return tuple(found[:MOST])

    def take_connections(self, nics: Iterable[Nic], connections: Iterable[Connection]) -> None:
        """Forgets what was remembered of these cards' addresses, and remembers what the guest's last host did."""
        if addresses := _addresses(nics):
            replace_connections(addresses, connections)

    def _filter(self, wanted: Filter) -> None:
        """Loads the filter unless the kernel has it: whoever flushed it gets it back with the next round.

        A host that has no cards and had none is left as it is.
        """
        if not wanted.cards and not succeeds("nft", "list", "table", *TABLES[0].split()):
            return
        marks = [("nft", "list", "chain", *table.split(), wanted.mark) for table in TABLES]
        if not all(succeeds(*mark) for mark in marks):
            run("nft", "-f", "-", text=wanted.text)
            for mark in marks:
                run(*mark)

    def _ensure(self, network: HostNetwork, nics: tuple[Nic, ...]) -> str:
        driver = self._drivers.get(network.driver)
        if driver is None:
            raise HostError(
                f"This agent has no network driver {network.driver}",
                remedy="Run the same release on both sides.",
                code="no-network-driver",
            )
        bridge = driver.ensure(network)
        if network.dhcp:
            self._dnsmasq.ensure(network, bridge, nics, dns=driver.dns and bool(network.gateway))
        return bridge

    def _answers(self, network: HostNetwork) -> bool:
        """True for an overlay network on which this host has an address, and which lies here."""
        return network.driver == OVERLAY and bool(network.gateway) and network.id not in self._faults

    def _tidy(self, desired: Desired) -> None:
        """Removes what no guest is plugged into any more and no document names."""
        self._dnsmasq.keep_only(network.id for network in desired.networks if network.dhcp)
        expected = {name for network in desired.networks for name in (network.own_bridge, network.vlan_device)}
        for bridge in self._links.names(BRIDGE_PREFIX):
            carriers = [name for name in self._links.members(bridge) if name.startswith(VLAN_PREFIX)]
            if bridge not in expected and carriers == self._links.members(bridge):
                for name in (*carriers, bridge):
                    self._links.remove(name)
                if not any(network.dhcp for network in desired.networks):
                    self._links.drop_address(METADATA_ADDRESS)


def _addresses(nics: Iterable[Nic]) -> frozenset[str]:
    bridged = (nic for nic in nics if nic.network and nic.driver == BRIDGE)
    return frozenset(address for nic in bridged for address in (*nic.addresses, nic.address6) if address)


def _cards(desired: Desired, network: NetworkId) -> list[Nic]:
    return [nic for server in desired.servers for nic in server.plugged if nic.network == network]
